//! Reads the certificates that requests to other servers trust.

use std::fs;
use std::io;
use std::path::Path;

use ureq::tls::{Certificate, PemItem, RootCerts, parse_pem};

/// The certificates of a PEM file, which replace those of the system.
///
/// # Errors
/// The file cannot be read, or has no certificate.
pub fn trusted(path: &Path) -> io::Result<RootCerts> {
    let text = fs::read(path)?;
    let mut found: Vec<Certificate<'static>> = Vec::new();
    for item in parse_pem(&text) {
        if let PemItem::Certificate(certificate) = item.map_err(io::Error::other)? {
            found.push(certificate);
        }
    }
    if found.is_empty() {
        return Err(io::Error::other("the file contains no certificate"));
    }
    Ok(RootCerts::from(found))
}
