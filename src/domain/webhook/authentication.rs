//! How a request proves who sent it.

use crate::domain::named::named_enum;
use crate::domain::timestamp::Milliseconds;

/// The proof that a hook asks for. Names of headers are in lower case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HookAuthentication {
    /// Anyone may send.
    None,
    /// The secret is in a header of this name.
    Header(String),
    /// The secret is the token of `Authorization: Bearer`.
    Bearer,
    /// The secret is the password of this user.
    Basic { username: String },
    /// The secret is the key of a signature.
    Signature(SignatureScheme),
}

impl HookAuthentication {
    /// Whether the proof depends on the body. The other proofs are checked before the body is read.
    pub fn covers_body(&self) -> bool {
        matches!(self, Self::Signature(_))
    }
}

/// An HMAC in a header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignatureScheme {
    pub header: String,
    pub algorithm: HmacAlgorithm,
    pub encoding: SignatureEncoding,
    /// Comes before the signature, such as `sha256=`.
    pub prefix: String,
    pub time: Option<SignedTime>,
    /// The signed text, part by part.
    pub signed: Vec<SignedPart>,
}

/// The time of a request, which its signature covers. An old request is refused, so that a request that
/// was read on its way cannot be sent again much later.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedTime {
    pub header: String,
    /// The greatest difference from the current time.
    pub tolerance: Milliseconds,
}

named_enum! {
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum HmacAlgorithm {
        Sha1 = "sha1",
        Sha256 = "sha256",
        Sha512 = "sha512",
    }
}

named_enum! {
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum SignatureEncoding {
        Hex = "hex",
        Base64 = "base64",
    }
}

/// A part of the signed text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SignedPart {
    Text(String),
    Body,
    /// The value of the time's header, as it was sent.
    Timestamp,
    Method,
    /// The public URL of the hook, with the query of the request.
    Url,
}

/// Why a text does not say what is signed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SignedTemplateError(String);

impl SignedPart {
    const NAMED: [(&'static str, Self); 4] = [
        ("body", Self::Body),
        ("timestamp", Self::Timestamp),
        ("method", Self::Method),
        ("url", Self::Url),
    ];

    /// Parses a text such as `{timestamp}.{body}`.
    ///
    /// # Errors
    /// A name that is no part, or a brace that is not closed.
    pub fn parse(template: &str) -> Result<Vec<Self>, SignedTemplateError> {
        let mut parts = Vec::new();
        let mut rest = template;
        while let Some(open) = rest.find('{') {
            if open > 0 {
                parts.push(Self::Text(rest[..open].to_owned()));
            }
            let inside = &rest[open + 1..];
            let close = inside
                .find('}')
                .ok_or_else(|| SignedTemplateError("a brace is not closed".to_owned()))?;
            let name = &inside[..close];
            let part = Self::NAMED.iter().find(|(known, _)| *known == name);
            let Some((_, part)) = part else {
                let known: Vec<String> = Self::NAMED.map(|(name, _)| format!("{{{name}}}")).into();
                let known = known.join(", ");
                return Err(SignedTemplateError(format!(
                    "\"{{{name}}}\" is none of {known}"
                )));
            };
            parts.push(part.clone());
            rest = &inside[close + 1..];
        }
        if !rest.is_empty() {
            parts.push(Self::Text(rest.to_owned()));
        }
        Ok(parts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_are_parsed() {
        assert_eq!(
            SignedPart::parse("v0:{timestamp}.{body}").unwrap(),
            [
                SignedPart::Text("v0:".to_owned()),
                SignedPart::Timestamp,
                SignedPart::Text(".".to_owned()),
                SignedPart::Body,
            ]
        );
        assert_eq!(SignedPart::parse("").unwrap(), []);
        for wrong in ["{time}", "{body", "{}", "{ body }"] {
            assert!(SignedPart::parse(wrong).is_err(), "{wrong}");
        }
    }
}
