//! The web configuration file with real clients: curl, Prometheus, and hostile ones.

mod certificates;
mod client_certificates;
mod curl;
mod files;
mod health;
mod hostile;
mod http2;
mod logins;
mod prefix;
mod rotation;
mod scrapes;
mod settings;
mod slow_scrapes;

use std::fs;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::harness::{Exporter, Scrape, scrape};
use certificates::Authority;
use curl::{Answer, curl};

/// For operations that take milliseconds, or a second if files are read.
const PATIENCE: Duration = Duration::from_secs(30);

/// The web server works without a broker.
const NO_KAFKA: &str = "kafka: { brokers: [\"127.0.0.1:1\"] }\n";

/// A name in the client certificate of a [`Site`].
const CLIENT: &str = "prometheus.example";

/// "secret", and its hash at the lowest cost, which takes about a millisecond.
const PASSWORD: &str = "secret";
const HASH: &str = "$2y$04$M4CiWlZXU6tGtJz1EqJ5ZOux2bPC5BfUFuySmvQLqVP86B1050w2e";
const OTHER_PASSWORD: &str = "another";
const OTHER_HASH: &str = "$2y$05$abcdefghijklmnopqrstuu1SwD0bzRjMCptAMfZGKFhzTGIE1aPuG";

/// The start of a web configuration file with a certificate.
const TLS: &str = "tls_server_config:\n  cert_file: server.crt\n  key_file: server.key\n";

/// A connection with a timeout.
fn connect(address: &str) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(20)))
        .unwrap();
    stream
        .set_write_timeout(Some(Duration::from_secs(20)))
        .unwrap();
    stream
}

/// A folder with certificates for a server and clients, and a web configuration file.
struct Site {
    folder: tempfile::TempDir,
}

impl Site {
    fn new() -> Self {
        let site = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        let authority = Authority::new("ca of the site");
        site.write("ca.crt", authority.certificate());
        site.issue(&authority, "server", &["localhost"]);
        site.issue(&authority, "client", &[CLIENT]);
        site.issue(&authority, "other", &["other.example"]);
        site.issue(&Authority::new("a stranger"), "stranger", &[CLIENT]);
        site.write("junk.pem", "hunter2");
        site
    }

    /// Writes `<name>.crt` and `<name>.key`.
    fn issue(&self, authority: &Authority, name: &str, names: &[&str]) {
        let (certificate, key) = authority.issue(names);
        self.write(&format!("{name}.crt"), certificate);
        self.write(&format!("{name}.key"), key);
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn text(&self, name: &str) -> String {
        self.path(name).display().to_string()
    }

    /// Replaces a whole file at once, as tools do that rotate certificates.
    fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        let new = self.path(&format!("{name}.new"));
        fs::write(&new, content).unwrap();
        fs::rename(new, self.path(name)).unwrap();
    }

    /// Writes the file and returns `--web.config.file=…`.
    fn flag(&self, web: &str) -> String {
        self.write("web.yml", web);
        format!("--web.config.file={}", self.text("web.yml"))
    }

    /// An exporter with that web configuration file and without a broker.
    #[track_caller]
    fn start(&self, web: &str) -> Exporter {
        Exporter::start(&["serve", &self.flag(web)], NO_KAFKA)
    }

    /// Requests a path with curl and the right authority.
    fn curl(&self, exporter: &Exporter, path: &str, more: &[&str]) -> Answer {
        let url = format!("https://{}{path}", exporter.address());
        let ca = self.text("ca.crt");
        let mut all = vec!["--cacert", &ca];
        all.extend(more);
        all.push(&url);
        curl(&all)
    }

    /// Adds a client certificate of the folder.
    fn curl_as(&self, client: &str, exporter: &Exporter, path: &str) -> Answer {
        let certificate = self.text(&format!("{client}.crt"));
        let key = self.text(&format!("{client}.key"));
        self.curl(exporter, path, &["--cert", &certificate, "--key", &key])
    }

    /// A scrape.
    fn metrics(&self, exporter: &Exporter, more: &[&str]) -> Scrape {
        let answer = self.curl(exporter, "/metrics", more);
        assert_eq!(answer.status, 200, "{answer:?}");
        scrape(&answer.body)
    }
}

/// The number of refusals for a reason.
fn refused(scrape: &Scrape, reason: &str) -> f64 {
    let metric = scrape.metric("ticket_exporter_web_refused_total");
    metric.label("reason", reason).value()
}

fn repository_path(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}
