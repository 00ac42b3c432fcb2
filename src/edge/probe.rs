//! Asks an exporter on this machine for its health, because a container has no other HTTP client.
//!
//! Without a password, any certificate is accepted: the question is only whether a process answers. A
//! password is sent only to a server with the expected certificate. ureq cannot be limited to one
//! certificate, so this module makes its own TLS connections.

use std::fmt;
use std::io::{self, Read as _, Write as _};
use std::net::IpAddr;
use std::time::Duration;

use openssl::error::ErrorStack;
use openssl::pkey::PKey;
use openssl::ssl::{self, Ssl, SslContext, SslMethod, SslStream, SslVersion};
use openssl::x509::X509;
use ureq::unversioned::transport::{
    Buffers, ConnectionDetails, Connector, Either, LazyBuffers, NextTimeout, TcpConnector,
    Transport, TransportAdapter,
};

use super::http_client::{HttpClient, HttpError, Request, RequestLimits, basic_authorization};

/// An answer has a few lines.
const LARGEST_ANSWER: u64 = 64 * 1024;
/// OpenSSL's code for an alert of the server is this, plus the number of the alert.
const FIRST_ALERT: i32 = 1_000;

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

#[derive(Default)]
pub struct ProbeTls {
    /// The certificate (DER) that the server must have; `None`: any.
    pub expected: Option<Vec<u8>>,
    /// Our own certificates and key (PEM).
    pub own: Option<(Vec<u8>, Vec<u8>)>,
}

#[derive(Debug, PartialEq, Eq)]
pub enum ProbeReply {
    Http {
        status: u16,
        text: String,
    },
    /// The server wants a client certificate that it trusts.
    WantsCertificate,
}

impl Probe {
    /// Asks once. Blocks for about `timeout` at most.
    pub fn ask(&self) -> io::Result<ProbeReply> {
        let tls = self.tls.as_ref();
        let connector = ProbeConnector {
            context: tls.map(ProbeTls::context).transpose()?,
            expected: tls.and_then(|tls| tls.expected.clone()),
        };
        let limits = RequestLimits {
            timeout: self.timeout,
            largest_answer: LARGEST_ANSWER,
            redirects: false,
        };
        let connector = ().chain(TcpConnector::default()).chain(connector);
        let client = HttpClient::with_connector(limits, connector);
        let scheme = if tls.is_some() { "https" } else { "http" };
        let mut request = Request::get(format!("{scheme}://{}{}", self.address, self.path));
        if let Some((name, password)) = &self.login {
            request = request.header("Authorization", basic_authorization(name, password));
        }
        match client.send(request.body(()).map_err(io::Error::other)?) {
            Ok(answer) => Ok(ProbeReply::Http {
                status: answer.status().as_u16(),
                text: answer.body().trim().to_owned(),
            }),
            Err(error) => match error.into_io() {
                error if is_alert(&error) => Ok(ProbeReply::WantsCertificate),
                error => Err(error),
            },
        }
    }
}

impl ProbeTls {
    /// Without a check of the server's certificate; [`ProbeConnector`] checks it.
    fn context(&self) -> Result<SslContext, ErrorStack> {
        let mut context = SslContext::builder(SslMethod::tls_client())?;
        context.set_min_proto_version(Some(SslVersion::TLS1_2))?;
        if let Some((certificates, key)) = &self.own {
            let mut certificates = X509::stack_from_pem(certificates)?.into_iter();
            if let Some(first) = certificates.next() {
                context.set_certificate(&first)?;
            }
            for more in certificates {
                context.add_extra_chain_cert(more)?;
            }
            // A key with a password is an error. OpenSSL would ask for the password.
            let key = PKey::private_key_from_pem_callback(key, |_| Ok(0))?;
            context.set_private_key(&key)?;
        }
        Ok(context.build())
    }
}

/// Connections to a server whose certificate is the expected one, or any.
#[derive(Debug)]
struct ProbeConnector {
    /// `None`: plain HTTP.
    context: Option<SslContext>,
    expected: Option<Vec<u8>>,
}

impl<In: Transport> Connector<In> for ProbeConnector {
    type Out = Either<In, ProbeTransport>;

    fn connect(
        &self,
        details: &ConnectionDetails<'_>,
        chained: Option<In>,
    ) -> Result<Option<Self::Out>, HttpError> {
        let (socket, context) = match (chained, &self.context) {
            (Some(socket), Some(context)) => (socket, context),
            (chained, _) => return Ok(chained.map(Either::A)),
        };
        let mut ssl = Ssl::new(context).map_err(io::Error::from)?;
        let host = details.uri.host().unwrap_or_default();
        // TLS sends names only, not addresses.
        if host.trim_matches(['[', ']']).parse::<IpAddr>().is_err() {
            ssl.set_hostname(host).map_err(io::Error::from)?;
        }
        let mut socket = TransportAdapter::new(socket.boxed(), details.current_time.clone());
        socket.set_timeout(details.timeout);
        let mut stream = SslStream::new(ssl, socket).map_err(io::Error::from)?;
        let handshake = stream.connect();
        let handshake =
            handshake.map_err(|error| error.into_io_error().unwrap_or_else(io::Error::other));
        let Some(certificate) = stream.ssl().peer_certificate() else {
            // An alert that comes before the server's certificate is not about ours.
            let reason = handshake.err().map(|error| error.to_string());
            let reason = reason.unwrap_or_else(|| "the server has no certificate".to_owned());
            return Err(io::Error::other(reason).into());
        };
        let certificate = certificate.to_der().map_err(io::Error::from)?;
        if self
            .expected
            .as_ref()
            .is_some_and(|expected| *expected != certificate)
        {
            let reason =
                "invalid peer certificate: it is not the one of the web configuration file";
            return Err(io::Error::other(reason).into());
        }
        handshake?;
        let config = details.config;
        let buffers = LazyBuffers::new(config.input_buffer_size(), config.output_buffer_size());
        Ok(Some(Either::B(ProbeTransport { buffers, stream })))
    }
}

struct ProbeTransport {
    buffers: LazyBuffers,
    stream: SslStream<TransportAdapter>,
}

impl fmt::Debug for ProbeTransport {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("ProbeTransport")
            .finish_non_exhaustive()
    }
}

impl Transport for ProbeTransport {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.buffers
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), HttpError> {
        self.stream.get_mut().set_timeout(timeout);
        Ok(self.stream.write_all(&self.buffers.output()[..amount])?)
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, HttpError> {
        self.stream.get_mut().set_timeout(timeout);
        let length = self.stream.read(self.buffers.input_append_buf())?;
        self.buffers.input_appended(length);
        Ok(length > 0)
    }

    fn is_open(&mut self) -> bool {
        self.stream.get_mut().get_mut().is_open()
    }

    fn is_tls(&self) -> bool {
        true
    }
}

/// Whether the server ended the connection with a TLS alert.
fn is_alert(error: &io::Error) -> bool {
    let inner = error.get_ref();
    let inner = inner.and_then(|inner| inner.downcast_ref::<ssl::Error>());
    let stack = inner.and_then(ssl::Error::ssl_error);
    stack.is_some_and(|stack| {
        let mut errors = stack.errors().iter();
        errors.any(|error| error.reason_code() >= FIRST_ALERT)
    })
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::thread;

    use super::*;

    fn probe(address: String) -> Probe {
        Probe {
            address,
            path: "/".to_owned(),
            tls: None,
            login: None,
            timeout: Duration::from_secs(2),
        }
    }

    #[test]
    fn reads_replies() {
        for (answer, expected) in [
            (
                "HTTP/1.1 503 Service Unavailable\r\na: b\r\n\r\nnot ready\n",
                Some((503, "not ready")),
            ),
            (
                "HTTP/1.1 302 Found\r\nlocation: /a\r\n\r\n",
                Some((302, "")),
            ),
            ("", None),
            ("HTTP/1.1 200 OK\r\n", None),
            ("SSH-2.0\r\n\r\n", None),
            ("HTTP/1.1 x y\r\n\r\n", None),
        ] {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let address = listener.local_addr().unwrap().to_string();
            let server = thread::spawn(move || {
                let (mut socket, _) = listener.accept().unwrap();
                let _ = socket.read(&mut [0; 4096]).unwrap();
                socket.write_all(answer.as_bytes()).unwrap();
            });
            let expected = expected.map(|(status, text)| ProbeReply::Http {
                status,
                text: text.to_owned(),
            });
            assert_eq!(probe(address).ask().ok(), expected, "{answer}");
            server.join().unwrap();
        }
    }

    #[test]
    fn a_closed_port_is_an_error() {
        assert!(probe("127.0.0.1:1".to_owned()).ask().is_err());
    }
}
