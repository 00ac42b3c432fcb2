//! The subject alternative names of a certificate (RFC 5280, section 4.2.1.6). rustls does not expose
//! them.

use std::net::{Ipv4Addr, Ipv6Addr};

use openssl::x509::{GeneralNameRef, X509};

/// DNS names, e-mail addresses, URIs and IP addresses, as text. `None`: the bytes are not a
/// certificate.
pub(super) fn alternative_names(certificate: &[u8]) -> Option<Vec<String>> {
    let certificate = X509::from_der(certificate).ok()?;
    let names = certificate.subject_alt_names();
    Some(names.iter().flatten().filter_map(text).collect())
}

fn text(name: &GeneralNameRef) -> Option<String> {
    let text = name
        .dnsname()
        .or_else(|| name.email())
        .or_else(|| name.uri());
    text.map(str::to_owned).or_else(|| {
        let bytes = name.ipaddress()?;
        let v4 = <[u8; 4]>::try_from(bytes).map(|bytes| Ipv4Addr::from(bytes).to_string());
        let v6 = <[u8; 16]>::try_from(bytes).map(|bytes| Ipv6Addr::from(bytes).to_string());
        v4.or(v6).ok()
    })
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

    /// A certificate with these names.
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
    fn reads_every_kind_of_name() {
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
    fn damaged_bytes_do_no_harm() {
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
