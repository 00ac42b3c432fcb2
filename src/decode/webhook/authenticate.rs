//! Checks the proof of a request. No comparison with a secret takes less time for a better guess.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use ring::hmac;

use crate::domain::timestamp::{Milliseconds, SECOND, Timestamp};
use crate::domain::webhook::{
    HmacAlgorithm, HookAuthentication, SignatureEncoding, SignatureScheme, SignedPart, SignedTime,
};

const AUTHORIZATION: &str = "authorization";
/// A timestamp above this number of seconds is in milliseconds: as seconds, it would be the year 5138.
const MOST_SECONDS: i64 = 100_000_000_000;

/// The parts of a request that a proof may depend on.
#[derive(Clone, Copy, Debug)]
pub struct HookRequest<'a> {
    pub method: &'a str,
    /// The public URL of the hook, with the query of the request.
    pub url: &'a str,
    /// With names in lower case.
    pub headers: &'a [(&'a str, &'a [u8])],
    pub body: &'a [u8],
}

/// Why a request does not prove who sent it. The text is for the sender.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AuthenticationRefusal {
    #[error("the request has no header {header}")]
    Missing { header: String },
    #[error("the header {header} cannot be read")]
    Unreadable { header: String },
    #[error("the secret is wrong")]
    WrongSecret,
    #[error("the signature is wrong: it was made with another secret, or of another body")]
    WrongSignature,
    #[error("the time in the header {header} is too far from the current time")]
    Stale { header: String },
}

/// Checks the proof of a request against each of `secrets`.
///
/// # Errors
/// None of the secrets fits.
pub fn authenticate(
    authentication: &HookAuthentication,
    secrets: &[Vec<u8>],
    request: &HookRequest<'_>,
    now: Timestamp,
) -> Result<(), AuthenticationRefusal> {
    match authentication {
        HookAuthentication::None => Ok(()),
        HookAuthentication::Header(name) => {
            let given = request.header(name)?;
            one_of(secrets.iter(), given)
        }
        HookAuthentication::Bearer => {
            let given = request.credentials("bearer")?;
            one_of(secrets.iter(), given.as_bytes())
        }
        HookAuthentication::Basic { username } => {
            let given = request.credentials("basic")?;
            let given = BASE64_STANDARD
                .decode(given)
                .map_err(|_| unreadable(AUTHORIZATION))?;
            let expected = secrets.iter().map(|secret| {
                let start = format!("{username}:").into_bytes();
                [start.as_slice(), secret].concat()
            });
            one_of(expected, &given)
        }
        HookAuthentication::Signature(scheme) => verify(scheme, secrets, request, now),
    }
}

impl<'a> HookRequest<'a> {
    fn header(&self, name: &str) -> Result<&'a [u8], AuthenticationRefusal> {
        let found = self.headers.iter().find(|(one, _)| *one == name);
        let found = found.filter(|(_, value)| !value.is_empty());
        found
            .map(|(_, value)| *value)
            .ok_or_else(|| AuthenticationRefusal::Missing {
                header: name.to_owned(),
            })
    }

    fn text(&self, name: &str) -> Result<&'a str, AuthenticationRefusal> {
        std::str::from_utf8(self.header(name)?).map_err(|_| unreadable(name))
    }

    /// The credentials of `Authorization`, which must have this scheme.
    fn credentials(&self, scheme: &str) -> Result<&'a str, AuthenticationRefusal> {
        let (found, rest) = self
            .text(AUTHORIZATION)?
            .split_once(' ')
            .ok_or_else(|| unreadable(AUTHORIZATION))?;
        if found.eq_ignore_ascii_case(scheme) {
            Ok(rest.trim())
        } else {
            Err(unreadable(AUTHORIZATION))
        }
    }
}

fn unreadable(header: &str) -> AuthenticationRefusal {
    AuthenticationRefusal::Unreadable {
        header: header.to_owned(),
    }
}

fn verify(
    scheme: &SignatureScheme,
    secrets: &[Vec<u8>],
    request: &HookRequest<'_>,
    now: Timestamp,
) -> Result<(), AuthenticationRefusal> {
    let given = signature(scheme, request.text(&scheme.header)?)
        .ok_or_else(|| unreadable(&scheme.header))?;
    let sent = match &scheme.time {
        None => "",
        Some(time) => read_time(time, request, now)?,
    };
    let algorithm = match scheme.algorithm {
        HmacAlgorithm::Sha1 => hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
        HmacAlgorithm::Sha256 => hmac::HMAC_SHA256,
        HmacAlgorithm::Sha512 => hmac::HMAC_SHA512,
    };
    let expected = secrets.iter().map(|secret| {
        let mut context = hmac::Context::with_key(&hmac::Key::new(algorithm, secret));
        for part in &scheme.signed {
            context.update(match part {
                SignedPart::Text(text) => text.as_bytes(),
                SignedPart::Body => request.body,
                SignedPart::Timestamp => sent.as_bytes(),
                SignedPart::Method => request.method.as_bytes(),
                SignedPart::Url => request.url.as_bytes(),
            });
        }
        context.sign()
    });
    one_of(expected, &given).map_err(|_| AuthenticationRefusal::WrongSignature)
}

/// The bytes of a signature; `None` if the text is none.
fn signature(scheme: &SignatureScheme, text: &str) -> Option<Vec<u8>> {
    let digits = text.trim().strip_prefix(&scheme.prefix)?;
    match scheme.encoding {
        SignatureEncoding::Base64 => BASE64_STANDARD.decode(digits).ok(),
        SignatureEncoding::Hex => {
            let (pairs, rest) = digits.as_bytes().as_chunks::<2>();
            let byte = |pair: &[u8; 2]| {
                let digit = |byte: u8| char::from(byte).to_digit(16);
                u8::try_from(digit(pair[0])? * 16 + digit(pair[1])?).ok()
            };
            pairs
                .iter()
                .map(byte)
                .collect::<Option<Vec<u8>>>()
                .filter(|_| rest.is_empty())
        }
    }
}

/// The text of the time, which must be near the current one.
fn read_time<'a>(
    time: &SignedTime,
    request: &HookRequest<'a>,
    now: Timestamp,
) -> Result<&'a str, AuthenticationRefusal> {
    let text = request.text(&time.header)?;
    let sent = instant(text).ok_or_else(|| unreadable(&time.header))?;
    let distance: Milliseconds = now.0.saturating_sub(sent.0).saturating_abs();
    if distance > time.tolerance {
        return Err(AuthenticationRefusal::Stale {
            header: time.header.clone(),
        });
    }
    Ok(text)
}

/// Seconds or milliseconds since 1970, or RFC 3339.
fn instant(text: &str) -> Option<Timestamp> {
    match text.parse::<i64>() {
        Ok(seconds) if seconds < MOST_SECONDS => Some(Timestamp(seconds.checked_mul(SECOND)?)),
        Ok(milliseconds) => Some(Timestamp(milliseconds)),
        Err(_) => Timestamp::parse(text),
    }
}

/// Compares with each of the expected values, so that the time does not tell which one fits.
fn one_of<T: AsRef<[u8]>>(
    expected: impl Iterator<Item = T>,
    given: &[u8],
) -> Result<(), AuthenticationRefusal> {
    let mut fits = false;
    for expected in expected {
        fits |= is_same(expected.as_ref(), given);
    }
    if fits {
        Ok(())
    } else {
        Err(AuthenticationRefusal::WrongSecret)
    }
}

/// Compares hashes with a secret key: the time depends on the length of `given` alone.
fn is_same(expected: &[u8], given: &[u8]) -> bool {
    let key = hmac::Key::new(hmac::HMAC_SHA256, expected);
    hmac::verify(&key, given, hmac::sign(&key, expected).as_ref()).is_ok()
}
