//! Certificates in files, for questions to other servers.

use std::fs;
use std::io;
use std::path::Path;

use ureq::tls::{Certificate, PemItem, RootCerts, parse_pem};

/// Those of a file (PEM), to trust in place of the system's.
///
/// # Errors
/// A file that cannot be read, or that holds none.
pub fn trusted(path: &Path) -> io::Result<RootCerts> {
    let text = fs::read(path)?;
    let mut found: Vec<Certificate<'static>> = Vec::new();
    for item in parse_pem(&text) {
        if let PemItem::Certificate(one) = item.map_err(io::Error::other)? {
            found.push(one);
        }
    }
    if found.is_empty() {
        return Err(io::Error::other("no certificate in it"));
    }
    Ok(RootCerts::from(found))
}
