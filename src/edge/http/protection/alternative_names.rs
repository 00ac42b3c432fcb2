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
    use openssl::x509::extension::SubjectAlternativeName;

    use super::*;
    use crate::edge::tests::certificate;

    #[test]
    fn reads_every_kind_of_name() {
        let mut names = SubjectAlternativeName::new();
        names.critical();
        names.dns("scraper.example").email("a@b.example");
        names.ip("10.1.2.3").ip("2001:db8::1");
        names.uri("spiffe://b.example/scraper");
        let read = |names| alternative_names(&certificate(names).0.to_der().unwrap());
        assert_eq!(
            read(Some(&names)).unwrap(),
            [
                "scraper.example",
                "a@b.example",
                "10.1.2.3",
                "2001:db8::1",
                "spiffe://b.example/scraper"
            ]
        );
        assert_eq!(read(None), Some(Vec::new()));
        assert_eq!(alternative_names(b"no certificate"), None);
    }
}
