//! What is behind a broker's address? The client library says of a certificate only that it could
//! not be verified, and of a closed connection nothing; a connection of our own tells more. Asked
//! only while there is trouble.

use std::net::{TcpStream, ToSocketAddrs as _};
use std::path::Path;
use std::time::Duration;

use openssl::ssl::{HandshakeError, SslConnector, SslMethod};
use openssl::x509::X509VerifyResult;

/// For the connection, and for each answer. Somebody who reads records waits for it.
const TIMEOUT: Duration = Duration::from_secs(2);

/// Where the system has its certificates, on most systems.
const SYSTEM: &str = "/etc/ssl/certs/ca-certificates.crt";

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum BrokerFinding {
    /// Nobody takes connections there.
    Nobody,
    /// Somebody who does not speak TLS.
    NoTls,
    /// TLS, and what is wrong with the certificate.
    Tls(Result<(), CertificateFlaw>),
}

/// What is wrong with a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CertificateFlaw {
    Expired,
    NotYetValid,
    OtherName,
    Untrusted,
}

/// Looks at `host:port`. `ca_file`: certificates to trust in place of the system's.
pub(super) fn look(address: &str, ca_file: Option<&Path>) -> BrokerFinding {
    let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
    let host = host.trim_matches(['[', ']']);
    let Some(stream) = connect(address) else {
        return BrokerFinding::Nobody;
    };
    match handshake(host, stream, ca_file) {
        Ok(flaw) => BrokerFinding::Tls(flaw.map_or(Ok(()), Err)),
        Err(()) => BrokerFinding::NoTls,
    }
}

fn connect(address: &str) -> Option<TcpStream> {
    let mut resolved = address.to_socket_addrs().ok()?;
    let stream = TcpStream::connect_timeout(&resolved.next()?, TIMEOUT).ok()?;
    stream.set_read_timeout(Some(TIMEOUT)).ok()?;
    stream.set_write_timeout(Some(TIMEOUT)).ok()?;
    Some(stream)
}

/// What is wrong with the certificate; an error where there is none.
fn handshake(
    host: &str,
    stream: TcpStream,
    ca_file: Option<&Path>,
) -> Result<Option<CertificateFlaw>, ()> {
    let mut builder = SslConnector::builder(SslMethod::tls_client()).map_err(|_| ())?;
    // Without any certificate to trust the answer is that this one is not trusted.
    let _ = builder.set_ca_file(ca_file.unwrap_or(Path::new(SYSTEM)));
    let settings = builder.build().configure().map_err(|_| ())?;
    match settings.connect(host, stream) {
        Ok(_) => Ok(None),
        Err(HandshakeError::Failure(failed) | HandshakeError::WouldBlock(failed)) => {
            let result = failed.ssl().verify_result();
            if result == X509VerifyResult::OK {
                return Err(());
            }
            Ok(Some(CertificateFlaw::of(result)))
        }
        Err(HandshakeError::SetupFailure(_)) => Err(()),
    }
}

impl CertificateFlaw {
    /// By OpenSSL's numbers (`x509_vfy.h`).
    fn of(result: X509VerifyResult) -> Self {
        match result.as_raw() {
            9 => Self::NotYetValid,
            10 => Self::Expired,
            62 | 64 => Self::OtherName,
            _ => Self::Untrusted,
        }
    }
}
