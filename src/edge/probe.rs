//! Asks an exporter on this machine for its health, because a container has no other HTTP client.
//!
//! Without a password, any certificate is accepted: the question is only whether a process answers. A
//! password is sent only to a server with the expected certificate. ureq cannot be limited to one
//! certificate, so this client writes HTTP itself.

use std::fmt;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use tokio_rustls::rustls::client::danger::{
    HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier,
};
use tokio_rustls::rustls::crypto::{
    CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature,
};
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use tokio_rustls::rustls::{
    CertificateError, ClientConfig, ClientConnection, DigitallySignedStruct, Error,
    SignatureScheme, StreamOwned,
};

/// An answer has a few lines.
const LARGEST_ANSWER: u64 = 64 * 1024;

#[derive(Clone)]
pub struct Probe {
    /// `host:port`
    pub address: String,
    pub path: String,
    /// `None`: plain HTTP.
    pub tls: Option<ProbeTls>,
    /// Name and password.
    pub login: Option<(String, String)>,
    pub timeout: Duration,
}

#[derive(Clone, Debug, Default)]
pub struct ProbeTls {
    /// The certificate (DER) that the server must have; `None`: any.
    pub expected: Option<Vec<u8>>,
    /// Our own certificates and key (PEM).
    pub own: Option<(Vec<u8>, Vec<u8>)>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProbeReply {
    Http {
        status: u16,
        text: String,
    },
    /// The server wants a client certificate that it trusts.
    WantsCertificate,
}

impl fmt::Debug for Probe {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Probe")
            .field("address", &self.address)
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

impl Probe {
    /// Asks once. Blocks for about `timeout` at most.
    ///
    /// # Errors
    /// No server answers, or the answer is not HTTP.
    pub fn ask(&self) -> io::Result<ProbeReply> {
        let deadline = Instant::now() + self.timeout;
        let stream = self.connect(deadline)?;
        let Some(tls) = &self.tls else {
            return self.exchange(stream, deadline);
        };
        let accepted = Arc::new(AtomicBool::new(false));
        let config = tls.config(&accepted).map_err(io::Error::other)?;
        let host = self.address.rsplit_once(':').map_or("", |(host, _)| host);
        let host = host.trim_matches(['[', ']']).to_owned();
        let name = ServerName::try_from(host).map_err(io::Error::other)?;
        let connection = ClientConnection::new(Arc::new(config), name).map_err(io::Error::other)?;
        let result = self.exchange(StreamOwned::new(connection, stream), deadline);
        match result {
            Err(error) if is_alert(&error) && accepted.load(Ordering::Relaxed) => {
                Ok(ProbeReply::WantsCertificate)
            }
            result => result,
        }
    }

    fn connect(&self, deadline: Instant) -> io::Result<TcpStream> {
        let mut failure = io::Error::new(ErrorKind::NotFound, "no such host");
        for address in self.address.to_socket_addrs()? {
            match TcpStream::connect_timeout(&address, left(deadline)) {
                Ok(stream) => {
                    stream.set_read_timeout(Some(left(deadline)))?;
                    stream.set_write_timeout(Some(left(deadline)))?;
                    return Ok(stream);
                }
                Err(error) => failure = error,
            }
        }
        Err(failure)
    }

    fn exchange(&self, mut stream: impl Read + Write, deadline: Instant) -> io::Result<ProbeReply> {
        let mut request = format!(
            "GET {} HTTP/1.1\r\nhost: {}\r\nuser-agent: ticket-exporter\r\nconnection: close\r\n",
            self.path, self.address
        );
        if let Some((name, password)) = &self.login {
            let login = BASE64_STANDARD.encode(format!("{name}:{password}"));
            request.push_str(&format!("authorization: Basic {login}\r\n"));
        }
        request.push_str("\r\n");
        // If writing fails, the server may have sent the reason.
        let written = stream.write_all(request.as_bytes());
        let mut answer = Vec::new();
        let mut piece = [0; 4096];
        while answer.len() as u64 <= LARGEST_ANSWER && Instant::now() < deadline {
            match stream.read(&mut piece) {
                Ok(0) => break,
                Ok(length) => answer.extend_from_slice(&piece[..length]),
                // Some servers close the connection without a TLS alert.
                Err(error) if answer.is_empty() && is_alert(&error) => return Err(error),
                Err(error) if answer.is_empty() => return written.and(Err(error)),
                Err(_) => break,
            }
        }
        if answer.is_empty() {
            written?;
        }
        read_reply(&answer)
            .ok_or_else(|| io::Error::new(ErrorKind::InvalidData, "the answer is not HTTP"))
    }
}

impl ProbeTls {
    fn config(&self, accepted: &Arc<AtomicBool>) -> Result<ClientConfig, Error> {
        let provider = Arc::new(ring::default_provider());
        let verifier = CertificateCheck {
            certificate: self.expected.clone(),
            provider: Arc::clone(&provider),
            accepted: Arc::clone(accepted),
        };
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier));
        let Some((certificates, key)) = &self.own else {
            return Ok(builder.with_no_client_auth());
        };
        let wrong = |error: &dyn fmt::Display| Error::General(error.to_string());
        let certificates: Result<Vec<_>, _> =
            CertificateDer::pem_slice_iter(certificates).collect();
        let certificates = certificates.map_err(|error| wrong(&error))?;
        let key = PrivateKeyDer::from_pem_slice(key).map_err(|error| wrong(&error))?;
        builder.with_client_auth_cert(certificates, key)
    }
}

/// Accepts the expected certificate, or any.
#[derive(Debug)]
struct CertificateCheck {
    certificate: Option<Vec<u8>>,
    provider: Arc<CryptoProvider>,
    /// Whether a certificate was accepted.
    accepted: Arc<AtomicBool>,
}

impl ServerCertVerifier for CertificateCheck {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        match &self.certificate {
            Some(expected) if expected.as_slice() != certificate.as_ref() => {
                Err(CertificateError::ApplicationVerificationFailure.into())
            }
            _ => {
                self.accepted.store(true, Ordering::Relaxed);
                Ok(ServerCertVerified::assertion())
            }
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        let algorithms = &self.provider.signature_verification_algorithms;
        algorithms.supported_schemes()
    }
}

/// Whether the server ended the handshake with a TLS alert.
fn is_alert(error: &io::Error) -> bool {
    let inner = error.get_ref();
    let inner = inner.and_then(|inner| inner.downcast_ref::<Error>());
    matches!(inner, Some(Error::AlertReceived(_)))
}

fn left(deadline: Instant) -> Duration {
    let left = deadline.saturating_duration_since(Instant::now());
    left.max(Duration::from_millis(1)) // 0 would mean no timeout
}

fn read_reply(answer: &[u8]) -> Option<ProbeReply> {
    let text = String::from_utf8_lossy(answer);
    let (head, body) = text.split_once("\r\n\r\n")?;
    let mut words = head.lines().next()?.split(' ');
    if !words.next()?.starts_with("HTTP/1.") {
        return None;
    }
    Some(ProbeReply::Http {
        status: words.next()?.parse().ok()?,
        text: body.trim().to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_replies() {
        let reply = read_reply(b"HTTP/1.1 503 Service Unavailable\r\na: b\r\n\r\nnot ready\n");
        let expected = ProbeReply::Http {
            status: 503,
            text: "not ready".to_owned(),
        };
        assert_eq!(reply, Some(expected));
        for wrong in [
            "",
            "HTTP/1.1 200 OK\r\n",
            "SSH-2.0\r\n\r\n",
            "HTTP/1.1 x y\r\n\r\n",
        ] {
            assert_eq!(read_reply(wrong.as_bytes()), None, "{wrong}");
        }
    }

    #[test]
    fn a_closed_port_is_an_error() {
        let probe = Probe {
            address: "127.0.0.1:1".to_owned(),
            path: "/".to_owned(),
            tls: None,
            login: None,
            timeout: Duration::from_secs(2),
        };
        assert!(probe.ask().is_err());
    }
}
