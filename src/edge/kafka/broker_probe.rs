//! Connects to a broker to find out why the client library cannot. The library reports only that a
//! certificate was not verified or that a connection was closed; a handshake of our own shows the
//! cause. It runs only after an error.

use std::net::{TcpStream, ToSocketAddrs as _};
use std::path::Path;
use std::time::Duration;

use openssl::ssl::{HandshakeError, SslConnector, SslMethod};
use openssl::x509::X509VerifyResult;

/// For the connection and for each answer. The thread that reads records waits for it.
const TIMEOUT: Duration = Duration::from_secs(2);

/// The system's trusted certificates, on most systems.
const SYSTEM: &str = "/etc/ssl/certs/ca-certificates.crt";

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum BrokerFinding {
    /// The address accepts no connection.
    Unreachable,
    /// The server does not speak TLS.
    NoTls,
    /// The server speaks TLS; its certificate may have a flaw.
    Tls(Result<(), CertificateFlaw>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CertificateFlaw {
    Expired,
    NotYetValid,
    OtherName,
    Untrusted,
}

/// Connects to `host:port`. Certificates in `ca_file` are trusted in place of the system's.
pub(super) fn probe(address: &str, ca_file: Option<&Path>) -> BrokerFinding {
    let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
    let host = host.trim_matches(['[', ']']);
    let Some(stream) = connect(address) else {
        return BrokerFinding::Unreachable;
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

/// The flaw of the server's certificate; an error where the server sends none.
fn handshake(
    host: &str,
    stream: TcpStream,
    ca_file: Option<&Path>,
) -> Result<Option<CertificateFlaw>, ()> {
    let mut builder = SslConnector::builder(SslMethod::tls_client()).map_err(|_| ())?;
    // If there is no certificate to trust, the result is that the broker's is not trusted.
    let _ = builder.set_ca_file(ca_file.unwrap_or(Path::new(SYSTEM)));
    let settings = builder.build().configure().map_err(|_| ())?;
    match settings.connect(host, stream) {
        Ok(_) => Ok(None),
        Err(HandshakeError::Failure(failed) | HandshakeError::WouldBlock(failed)) => {
            let result = failed.ssl().verify_result();
            if result == X509VerifyResult::OK {
                return Err(());
            }
            Ok(Some(CertificateFlaw::from_openssl(result)))
        }
        Err(HandshakeError::SetupFailure(_)) => Err(()),
    }
}

impl CertificateFlaw {
    /// The numbers are OpenSSL's (`x509_vfy.h`).
    fn from_openssl(result: X509VerifyResult) -> Self {
        match result.as_raw() {
            9 => Self::NotYetValid,
            10 => Self::Expired,
            62 | 64 => Self::OtherName,
            _ => Self::Untrusted,
        }
    }
}
