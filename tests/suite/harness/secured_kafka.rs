//! A real Kafka broker that requires a certificate or a login to connect, and a permission to read or
//! write. It has a listener for every protocol and mechanism.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use openssl::asn1::Asn1Time;
use openssl::bn::{BigNum, MsbOption};
use openssl::hash::MessageDigest;
use openssl::pkey::{PKey, Private};
use openssl::rsa::Rsa;
use openssl::x509::extension::{BasicConstraints, SubjectAlternativeName};
use openssl::x509::{X509, X509NameBuilder};

use super::kafka::{Extra, Kafka};
use super::tokens::{AUDIENCE, ISSUER, TokenServer};
use super::tools;
use super::wait::free_port;

/// Users of every mechanism but tokens, with their passwords. For SCRAM see also
/// [`SecuredKafka::set_password`].
const USERS: [(&str, &str); 3] = [
    ("exporter", "hunter2-exporter"),
    ("stranger", "hunter2-stranger"),
    ("rotating", "hunter2-rotating"),
];

const ADDRESS: &str = "127.0.0.1";

/// A certificate and its key, in files.
#[derive(Debug, Clone)]
pub(crate) struct Certificate {
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
}

/// An authority and the certificates that it signs.
struct Authority {
    name: &'static str,
    certificate: X509,
    key: PKey<Private>,
}

impl Authority {
    fn new(name: &'static str) -> Self {
        let key = new_key();
        let certificate = certificate(&[("CN", name)], &key, None, (-1, 10), None);
        Self {
            name,
            certificate,
            key,
        }
    }

    /// Signs a certificate for a subject. `days` are the start and the end of its validity.
    fn sign(
        &self,
        folder: &Path,
        file: &str,
        subject: &[(&str, &str)],
        host: Option<&str>,
        days: (i64, i64),
    ) -> Certificate {
        let key = new_key();
        let signed = certificate(subject, &key, Some(self), days, host);
        let files = Certificate {
            certificate: folder.join(format!("{file}.pem")),
            key: folder.join(format!("{file}.key")),
        };
        std::fs::write(&files.certificate, signed.to_pem().unwrap()).unwrap();
        let pem = key.private_key_to_pem_pkcs8().unwrap();
        std::fs::write(&files.key, &pem).unwrap();
        // Kafka wants all of it in one file.
        let store = [
            pem,
            signed.to_pem().unwrap(),
            self.certificate.to_pem().unwrap(),
        ];
        std::fs::write(folder.join(format!("{file}.store")), store.concat()).unwrap();
        files
    }
}

fn new_key() -> PKey<Private> {
    PKey::from_rsa(Rsa::generate(2048).unwrap()).unwrap()
}

fn certificate(
    subject: &[(&str, &str)],
    key: &PKey<Private>,
    signer: Option<&Authority>,
    (from, until): (i64, i64),
    host: Option<&str>,
) -> X509 {
    let mut name = X509NameBuilder::new().unwrap();
    for (kind, value) in subject {
        name.append_entry_by_text(kind, value).unwrap();
    }
    let name = name.build();
    let seconds = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap()
        .as_secs();
    let day = |day: i64| {
        let at = i64::try_from(seconds).unwrap() + day * 86_400;
        Asn1Time::from_unix(at).unwrap()
    };
    let mut serial = BigNum::new().unwrap();
    serial.rand(64, MsbOption::MAYBE_ZERO, false).unwrap();
    let mut builder = X509::builder().unwrap();
    builder.set_version(2).unwrap();
    builder
        .set_serial_number(&serial.to_asn1_integer().unwrap())
        .unwrap();
    builder.set_subject_name(&name).unwrap();
    builder.set_pubkey(key).unwrap();
    builder.set_not_before(&day(from)).unwrap();
    builder.set_not_after(&day(until)).unwrap();
    let issuer = signer.map_or(&*name, |signer| signer.certificate.subject_name());
    builder.set_issuer_name(issuer).unwrap();
    if signer.is_none() {
        let constraints = BasicConstraints::new().critical().ca().build().unwrap();
        builder.append_extension(constraints).unwrap();
    }
    if let Some(host) = host {
        let mut names = SubjectAlternativeName::new();
        if host.parse::<std::net::IpAddr>().is_ok() {
            names.ip(host);
        } else {
            names.dns(host);
        }
        let context = builder.x509v3_context(signer.map(|one| &*one.certificate), None);
        let names = names.build(&context).unwrap();
        builder.append_extension(names).unwrap();
    }
    let signing_key = signer.map_or(key, |signer| &signer.key);
    builder.sign(signing_key, MessageDigest::sha256()).unwrap();
    builder.build()
}

/// The test itself uses a listener without security, as a super user.
pub(crate) struct SecuredKafka {
    pub(crate) kafka: Kafka,
    pub(crate) tokens: TokenServer,
    folder: tempfile::TempDir,
    authority: Authority,
    foreign: Authority,
    /// Ports by listener.
    ports: Vec<(&'static str, u16)>,
}

const LISTENERS: [(&str, &str); 5] = [
    ("SSL", "SSL"),
    ("SASL_SSL", "SASL_SSL"),
    ("SASL_PLAINTEXT", "SASL_PLAINTEXT"),
    ("EXPIRED", "SSL"),
    ("OTHERNAME", "SSL"),
];

impl SecuredKafka {
    /// The shared broker, started by the first caller.
    #[track_caller]
    pub(crate) fn shared() -> &'static Self {
        static SHARED: OnceLock<SecuredKafka> = OnceLock::new();
        SHARED.get_or_init(Self::start)
    }

    fn start() -> Self {
        let folder = tools::folder("secured");
        let path = folder.path();
        let (authority, foreign) = (Authority::new("Test CA"), Authority::new("Foreign CA"));
        for one in [&authority, &foreign] {
            let pem = one.certificate.to_pem().unwrap();
            std::fs::write(path.join(format!("{}.pem", one.name)), pem).unwrap();
        }
        let broker = [("CN", "broker")];
        authority.sign(path, "broker", &broker, Some(ADDRESS), (-1, 10));
        authority.sign(path, "expired", &broker, Some(ADDRESS), (-9, -2));
        authority.sign(path, "othername", &broker, Some("other.example"), (-1, 10));
        let tokens = TokenServer::start();
        let jwks = path.join("jwks.json");
        std::fs::write(&jwks, tokens.jwks()).unwrap();

        let (plain, controller) = (free_port(), free_port());
        let ports: Vec<(&'static str, u16)> = LISTENERS
            .iter()
            .map(|(name, _)| (*name, free_port()))
            .collect();
        let settings = settings(path, &jwks, plain, controller, &ports);
        let settings: Vec<(&str, &str)> = settings
            .iter()
            .map(|(key, value)| (key.as_str(), value.as_str()))
            .collect();
        let mut format = Vec::new();
        for (user, password) in USERS {
            for mechanism in ["SCRAM-SHA-256", "SCRAM-SHA-512"] {
                format.push("--add-scram".to_owned());
                format.push(format!("{mechanism}=[name={user},password={password}]"));
            }
        }
        let extra = Extra {
            java: vec![format!(
                "-Dorg.apache.kafka.sasl.oauthbearer.allowed.urls=file://{}",
                jwks.display()
            )],
            format,
        };
        let kafka = Kafka::start_on(plain, &settings, &extra);
        let secured = Self {
            kafka,
            tokens,
            folder,
            authority,
            foreign,
            ports,
        };
        // All users may use topics whose names start with `open-`: most tests are not about permissions.
        secured.acls(
            "--add --allow-principal User:* --operation Read --topic open- --group open- \
             --resource-pattern-type prefixed --force",
        );
        secured
    }

    /// `host:port` of a listener.
    pub(crate) fn listener(&self, name: &str) -> String {
        if name == "PLAINTEXT" {
            return self.kafka.bootstrap();
        }
        let found = self.ports.iter().find(|(listener, _)| *listener == name);
        format!("{ADDRESS}:{}", found.unwrap().1)
    }

    pub(crate) fn password(user: &str) -> &'static str {
        USERS.iter().find(|(name, _)| *name == user).unwrap().1
    }

    /// The certificates of the brokers' authority and of another one.
    pub(crate) fn authority_file(&self) -> PathBuf {
        self.folder.path().join("Test CA.pem")
    }

    pub(crate) fn foreign_authority_file(&self) -> PathBuf {
        self.folder.path().join("Foreign CA.pem")
    }

    /// A new client certificate, signed by the brokers' authority or by one that they do not know.
    pub(crate) fn client_certificate(&self, subject: &[(&str, &str)], good: bool) -> Certificate {
        let signer = if good { &self.authority } else { &self.foreign };
        let file = Kafka::unique("client");
        signer.sign(self.folder.path(), &file, subject, None, (-1, 10))
    }

    /// Runs `kafka-acls` with arguments as on a command line.
    #[track_caller]
    pub(crate) fn acls(&self, arguments: &str) {
        self.kafka.operate("AclCommand", &words(arguments));
    }

    /// Runs a printed `kafka-acls` command, with another address.
    #[track_caller]
    pub(crate) fn run_printed(&self, command: &str) {
        let words = words(command);
        assert_eq!(
            words[..2],
            ["kafka-acls", "--bootstrap-server"],
            "{command}"
        );
        let mut arguments = words[3..].to_vec();
        arguments.push("--force".to_owned());
        self.kafka.operate("AclCommand", &arguments);
    }

    /// Changes a user's password for SCRAM-SHA-512.
    #[track_caller]
    pub(crate) fn set_password(&self, user: &str, password: &str) {
        let change = format!("SCRAM-SHA-512=[password={password}]");
        let arguments = ["--alter", "--entity-type", "users", "--entity-name", user];
        let mut arguments = arguments.map(str::to_owned).to_vec();
        arguments.extend(["--add-config".to_owned(), change]);
        self.kafka.operate("ConfigCommand", &arguments);
    }
}

/// Splits a command line into words. Quotes keep words together.
fn words(line: &str) -> Vec<String> {
    let quoted = line.split('\'').enumerate();
    let mut words = Vec::new();
    for (number, part) in quoted {
        if number % 2 == 1 {
            words.push(part.to_owned());
        } else {
            words.extend(part.split_whitespace().map(str::to_owned));
        }
    }
    words
}

fn settings(
    folder: &Path,
    jwks: &Path,
    plain: u16,
    controller: u16,
    ports: &[(&'static str, u16)],
) -> Vec<(String, String)> {
    let mut listeners = format!("PLAINTEXT://{ADDRESS}:{plain}");
    for (name, port) in ports {
        write!(listeners, ",{name}://{ADDRESS}:{port}").unwrap();
    }
    let mut protocols = "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT".to_owned();
    for (name, protocol) in LISTENERS {
        write!(protocols, ",{name}:{protocol}").unwrap();
    }
    let store = |file: &str| folder.join(format!("{file}.store")).display().to_string();
    let authority = folder.join("Test CA.pem").display().to_string();
    let login = |mechanism: &str, module: &str| {
        format!("org.apache.kafka.common.security.{mechanism}.{module} required")
    };
    let mut plain_login = login("plain", "PlainLoginModule");
    for (user, password) in USERS {
        write!(plain_login, " user_{user}=\"{password}\"").unwrap();
    }
    plain_login += ";";
    let scram = login("scram", "ScramLoginModule") + ";";
    let oauth = login("oauthbearer", "OAuthBearerLoginModule") + ";";
    let bearer = "listener.name.sasl_ssl.oauthbearer";
    let mut all: Vec<(String, String)> = Vec::new();
    let mut set = |key: &str, value: &str| all.push((key.to_owned(), value.to_owned()));
    set("advertised.listeners", &listeners);
    set(
        "listeners",
        &format!("{listeners},CONTROLLER://{ADDRESS}:{controller}"),
    );
    set("listener.security.protocol.map", &protocols);
    set(
        "controller.quorum.voters",
        &format!("1@{ADDRESS}:{controller}"),
    );
    set("inter.broker.listener.name", "PLAINTEXT");
    // Users need permissions; the anonymous user of the test may do everything.
    set(
        "authorizer.class.name",
        "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
    );
    set("super.users", "User:ANONYMOUS");
    for (prefix, file) in [
        ("", "broker"),
        ("listener.name.expired.", "expired"),
        ("listener.name.othername.", "othername"),
    ] {
        set(&format!("{prefix}ssl.keystore.type"), "PEM");
        set(&format!("{prefix}ssl.keystore.location"), &store(file));
    }
    set("ssl.truststore.type", "PEM");
    set("ssl.truststore.location", &authority);
    set("listener.name.ssl.ssl.client.auth", "required");
    set(
        "sasl.enabled.mechanisms",
        "PLAIN,SCRAM-SHA-256,SCRAM-SHA-512,OAUTHBEARER",
    );
    let logins = "listener.name.sasl_ssl";
    set(&format!("{logins}.plain.sasl.jaas.config"), &plain_login);
    set(&format!("{logins}.scram-sha-256.sasl.jaas.config"), &scram);
    set(&format!("{logins}.scram-sha-512.sasl.jaas.config"), &scram);
    set(&format!("{bearer}.sasl.jaas.config"), &oauth);
    set(
        &format!("{bearer}.sasl.server.callback.handler.class"),
        "org.apache.kafka.common.security.oauthbearer.OAuthBearerValidatorCallbackHandler",
    );
    let keys = format!("file://{}", jwks.display());
    set(
        &format!("{bearer}.sasl.oauthbearer.jwks.endpoint.url"),
        &keys,
    );
    set(
        &format!("{bearer}.sasl.oauthbearer.expected.audience"),
        AUDIENCE,
    );
    set(
        &format!("{bearer}.sasl.oauthbearer.expected.issuer"),
        ISSUER,
    );
    // This listener has one mechanism only, so that a client can ask for an unsupported one.
    let unprotected = "listener.name.sasl_plaintext";
    set(&format!("{unprotected}.sasl.enabled.mechanisms"), "PLAIN");
    set(
        &format!("{unprotected}.plain.sasl.jaas.config"),
        &plain_login,
    );
    all
}
