//! The names in a certificate: its subject alternative names (RFC 5280, section 4.2.1.6).
//!
//! rustls checks certificates but tells no e-mail or IP addresses in them, so the few fields on the
//! way there are read here. The bytes are a stranger's: whatever they are, they are read within
//! their bounds, and what does not fit is no certificate.

use std::net::{Ipv4Addr, Ipv6Addr};

/// Tags of DER.
const SEQUENCE: u8 = 0x30;
const OBJECT_IDENTIFIER: u8 = 0x06;
const BOOLEAN: u8 = 0x01;
const OCTET_STRING: u8 = 0x04;
/// Of a certificate's extensions.
const EXTENSIONS: u8 = 0xa3;
/// Of kinds of names.
const EMAIL: u8 = 0x81;
const DNS: u8 = 0x82;
const URI: u8 = 0x86;
const IP: u8 = 0x87;

/// 2.5.29.17
const SUBJECT_ALTERNATIVE_NAME: [u8; 3] = [0x55, 0x1d, 0x11];

/// DNS names, e-mail addresses, URIs and IP addresses, as they are written. `None`: the bytes are
/// no certificate. None of a kind that is not known.
pub(super) fn alternative_names(certificate: &[u8]) -> Option<Vec<String>> {
    let (certificate, _) = element(certificate, SEQUENCE)?;
    let (mut fields, _) = element(certificate, SEQUENCE)?;
    // What is before the extensions has other tags.
    let mut names = Vec::new();
    while !fields.is_empty() {
        let (tag, content, rest) = any_element(fields)?;
        fields = rest;
        if tag != EXTENSIONS {
            continue;
        }
        let (mut extensions, _) = element(content, SEQUENCE)?;
        while !extensions.is_empty() {
            let (extension, rest) = element(extensions, SEQUENCE)?;
            extensions = rest;
            let (identifier, value) = element(extension, OBJECT_IDENTIFIER)?;
            if identifier != SUBJECT_ALTERNATIVE_NAME {
                continue;
            }
            // Whether it is critical makes no difference here.
            let value = element(value, BOOLEAN).map_or(value, |(_, rest)| rest);
            let (value, _) = element(value, OCTET_STRING)?;
            read_names(element(value, SEQUENCE)?.0, &mut names)?;
        }
    }
    Some(names)
}

fn read_names(mut general_names: &[u8], names: &mut Vec<String>) -> Option<()> {
    while !general_names.is_empty() {
        let (tag, content, rest) = any_element(general_names)?;
        general_names = rest;
        match tag {
            EMAIL | DNS | URI => names.push(std::str::from_utf8(content).ok()?.to_owned()),
            IP => {
                let v4 =
                    <[u8; 4]>::try_from(content).map(|bytes| Ipv4Addr::from(bytes).to_string());
                let v6 =
                    <[u8; 16]>::try_from(content).map(|bytes| Ipv6Addr::from(bytes).to_string());
                names.push(v4.or(v6).ok()?);
            }
            _ => {}
        }
    }
    Some(())
}

/// The content of an element of that tag, and what is behind it.
fn element(bytes: &[u8], wanted: u8) -> Option<(&[u8], &[u8])> {
    let (tag, content, rest) = any_element(bytes)?;
    (tag == wanted).then_some((content, rest))
}

/// Tag, content, and what is behind.
fn any_element(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, rest) = bytes.split_first()?;
    let (&first, mut rest) = rest.split_first()?;
    let mut length = usize::from(first);
    if first >= 0x80 {
        let (digits, behind) = rest.split_at_checked(usize::from(first & 0x7f))?;
        if digits.is_empty() || digits.len() > 4 {
            return None;
        }
        length = digits
            .iter()
            .fold(0, |length, &digit| length << 8 | usize::from(digit));
        rest = behind;
    }
    let (content, rest) = rest.split_at_checked(length)?;
    Some((tag, content, rest))
}

#[cfg(test)]
mod tests {
    use openssl::asn1::Asn1Time;
    use openssl::ec::{EcGroup, EcKey};
    use openssl::hash::MessageDigest;
    use openssl::nid::Nid;
    use openssl::pkey::PKey;
    use openssl::x509::X509;
    use openssl::x509::extension::{BasicConstraints, SubjectAlternativeName};

    use super::*;

    /// A certificate, with these names or without any.
    fn certificate(names: Option<SubjectAlternativeName>) -> Vec<u8> {
        let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
        let key = PKey::from_ec_key(EcKey::generate(&group).unwrap()).unwrap();
        let mut builder = X509::builder().unwrap();
        builder.set_version(2).unwrap();
        builder.set_pubkey(&key).unwrap();
        builder
            .set_not_before(&Asn1Time::days_from_now(0).unwrap())
            .unwrap();
        builder
            .set_not_after(&Asn1Time::days_from_now(1).unwrap())
            .unwrap();
        builder
            .append_extension(BasicConstraints::new().critical().build().unwrap())
            .unwrap();
        if let Some(names) = names {
            let extension = names.build(&builder.x509v3_context(None, None)).unwrap();
            builder.append_extension(extension).unwrap();
        }
        builder.sign(&key, MessageDigest::sha256()).unwrap();
        builder.build().to_der().unwrap()
    }

    fn with_names() -> Vec<u8> {
        let mut names = SubjectAlternativeName::new();
        names.critical();
        names.dns("scraper.example").email("a@b.example");
        names
            .ip("10.1.2.3")
            .ip("2001:db8::1")
            .uri("spiffe://b.example/scraper");
        certificate(Some(names))
    }

    #[test]
    fn every_kind_of_name() {
        assert_eq!(
            alternative_names(&with_names()).unwrap(),
            [
                "scraper.example",
                "a@b.example",
                "10.1.2.3",
                "2001:db8::1",
                "spiffe://b.example/scraper"
            ]
        );
        assert_eq!(alternative_names(&certificate(None)), Some(Vec::new()));
    }

    #[test]
    fn no_bytes_break_it() {
        let whole = with_names();
        for end in 0..whole.len() {
            assert_eq!(alternative_names(&whole[..end]), None);
        }
        for position in 0..whole.len() {
            for put in [0x00, 0x7f, 0x80, 0x84, 0xff] {
                let mut broken = whole.clone();
                broken[position] = put;
                let _ = alternative_names(&broken);
            }
        }
    }
}
