//! Certificates that are valid for a day.

use openssl::asn1::Asn1Time;
use openssl::bn::{BigNum, MsbOption};
use openssl::ec::{EcGroup, EcKey};
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::x509::extension::{BasicConstraints, KeyUsage, SubjectAlternativeName};
use openssl::x509::{X509, X509Builder, X509Name};

/// A certificate authority.
pub(super) struct Authority {
    certificate: X509,
    key: PKey<Private>,
}

impl Authority {
    pub(super) fn new(name: &str) -> Self {
        let key = new_key();
        let name = named(name);
        let mut builder = new_certificate(&key, &name, &name);
        let is_authority = BasicConstraints::new().critical().ca().build().unwrap();
        builder.append_extension(is_authority).unwrap();
        let usage = KeyUsage::new().critical().key_cert_sign().build().unwrap();
        builder.append_extension(usage).unwrap();
        builder.sign(&key, MessageDigest::sha256()).unwrap();
        Self {
            certificate: builder.build(),
            key,
        }
    }

    /// In PEM.
    pub(super) fn certificate(&self) -> Vec<u8> {
        self.certificate.to_pem().unwrap()
    }

    /// A certificate for these DNS names and 127.0.0.1, and its key, in PEM.
    pub(super) fn issue(&self, names: &[&str]) -> (Vec<u8>, Vec<u8>) {
        let key = new_key();
        let issuer = self.certificate.subject_name();
        let mut builder = new_certificate(&key, issuer, &named(names[0]));
        let mut alternatives = SubjectAlternativeName::new();
        alternatives.ip("127.0.0.1");
        for name in names {
            alternatives.dns(name);
        }
        let context = builder.x509v3_context(Some(&self.certificate), None);
        let alternatives = alternatives.build(&context).unwrap();
        builder.append_extension(alternatives).unwrap();
        builder.sign(&self.key, MessageDigest::sha256()).unwrap();
        (
            builder.build().to_pem().unwrap(),
            key.private_key_to_pem_pkcs8().unwrap(),
        )
    }
}

fn new_key() -> PKey<Private> {
    let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
    PKey::from_ec_key(EcKey::generate(&group).unwrap()).unwrap()
}

fn named(name: &str) -> X509Name {
    let mut builder = X509Name::builder().unwrap();
    builder.append_entry_by_text("CN", name).unwrap();
    builder.build()
}

fn new_certificate(
    key: &PKey<Private>,
    issuer: &openssl::x509::X509NameRef,
    subject: &X509Name,
) -> X509Builder {
    let mut builder = X509::builder().unwrap();
    builder.set_version(2).unwrap();
    let mut serial = BigNum::new().unwrap();
    serial.rand(120, MsbOption::MAYBE_ZERO, false).unwrap();
    let serial = serial.to_asn1_integer().unwrap();
    builder.set_serial_number(&serial).unwrap();
    builder.set_pubkey(key).unwrap();
    builder.set_issuer_name(issuer).unwrap();
    builder.set_subject_name(subject).unwrap();
    let (from, to) = (Asn1Time::days_from_now(0), Asn1Time::days_from_now(1));
    builder.set_not_before(&from.unwrap()).unwrap();
    builder.set_not_after(&to.unwrap()).unwrap();
    builder
}
