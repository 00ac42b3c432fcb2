use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::thread;

use openssl::ssl::{SslAcceptor, SslMethod};
use openssl::x509::extension::SubjectAlternativeName;
use serde_json::{Value, json};

use super::*;
use crate::edge::tests::certificate;

/// A server with an answer for each path. It stores the requests.
struct FakeRegistry {
    url: String,
    requests: Arc<Mutex<Vec<String>>>,
}

impl FakeRegistry {
    fn new(answers: &[(&str, u16, Value)]) -> Self {
        let answers: BTreeMap<String, (u16, String)> = answers
            .iter()
            .map(|(path, status, body)| ((*path).to_owned(), (*status, body.to_string())))
            .collect();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let stored = Arc::clone(&requests);
        thread::spawn(move || {
            for socket in listener.incoming() {
                let mut socket = socket.unwrap();
                let mut request = [0; 4096];
                let length = socket.read(&mut request).unwrap();
                let request = String::from_utf8_lossy(&request[..length]).into_owned();
                let path = request.split(' ').nth(1).unwrap_or_default().to_owned();
                stored.lock().unwrap().push(request);
                let not_found = (404, "no such page".to_owned());
                let (status, body) = answers.get(&path).unwrap_or(&not_found);
                let length = body.len();
                let _ = write!(
                    socket,
                    "HTTP/1.1 {status} x\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
                );
            }
        });
        Self { url, requests }
    }

    fn client(&self) -> SchemaRegistryClient {
        SchemaRegistryClient::new(&settings(&self.url)).unwrap()
    }

    fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

fn settings(url: &str) -> SchemaRegistry {
    SchemaRegistry {
        url: url.to_owned(),
        login: None,
        ca_file: None,
        timeout: 1_000,
    }
}

fn failure(answer: Result<SchemaText, SchemaLookupError>) -> (SchemaRegistryFailure, String) {
    match answer {
        Err(SchemaLookupError::Failed { failure, reason }) => (failure, reason),
        other => panic!("{other:?}"),
    }
}

#[test]
fn references_come_first_and_once() {
    let reference =
        |name: &str| json!({"name": name, "subject": format!("{name}/s"), "version": 2});
    let part = |text: &str, references: &[&str]| {
        let references: Vec<Value> = references.iter().map(|name| reference(name)).collect();
        json!({"schema": text, "schemaType": "PROTOBUF", "references": references})
    };
    let server = FakeRegistry::new(&[
        ("/schemas/ids/7", 200, part("root", &["a", "b"])),
        (
            "/subjects/a%2Fs/versions/2?deleted=true",
            200,
            part("A", &["c"]),
        ),
        (
            "/subjects/b%2Fs/versions/2?deleted=true",
            200,
            part("B", &["c"]),
        ),
        (
            "/subjects/c%2Fs/versions/2?deleted=true",
            200,
            part("C", &[]),
        ),
    ]);
    let found = server.client().schema(SchemaId::Number(7)).unwrap();
    let references = [("c", "C"), ("a", "A"), ("b", "B")];
    assert_eq!(
        found,
        SchemaText {
            language: SchemaLanguage::Protobuf,
            text: "root".to_owned(),
            references: references
                .map(|(name, text)| (name.to_owned(), text.to_owned()))
                .into(),
        }
    );
    assert_eq!(server.requests().len(), 4);
    let first = server.requests()[0].to_lowercase();
    assert!(
        first.contains("accept: application/vnd.schemaregistry"),
        "{first}"
    );
    assert!(!first.contains("authorization"), "{first}");
}

#[test]
fn a_schema_that_references_itself_is_unusable() {
    let schema = json!({
        "schema": "{}", "references": [{"name": "a", "subject": "a", "version": 1}],
    });
    let server = FakeRegistry::new(&[
        ("/schemas/ids/7", 200, schema.clone()),
        ("/subjects/a/versions/1?deleted=true", 200, schema),
    ]);
    let answer = server.client().schema(SchemaId::Number(7));
    assert!(
        matches!(answer, Err(SchemaLookupError::Unusable(_))),
        "{answer:?}"
    );
}

#[test]
fn only_the_registrys_error_code_means_that_a_schema_is_unknown() {
    let missing = json!({"error_code": 40403, "message": "Schema 9 not found"});
    let server = FakeRegistry::new(&[
        ("/schemas/ids/9", 404, missing.clone()),
        (
            "/schemas/guids/00000000-0000-0000-0000-00000000000a",
            404,
            missing.clone(),
        ),
        (
            "/schemas/ids/1",
            500,
            json!({"error_code": 50001, "message": "backend"}),
        ),
        ("/schemas/ids/2", 401, json!({})),
        ("/schemas/ids/3", 200, json!({"nothing": "of a registry"})),
        (
            "/schemas/ids/4",
            200,
            json!({"schema": "x", "schemaType": "XML"}),
        ),
        (
            "/schemas/ids/5",
            200,
            json!({"schema": "{}", "references": [{"name": "a", "subject": "b", "version": 1}]}),
        ),
        ("/subjects/b/versions/1?deleted=true", 404, missing),
    ]);
    let client = server.client();
    assert_eq!(
        client.schema(SchemaId::Number(9)),
        Err(SchemaLookupError::Unknown)
    );
    assert_eq!(
        client.schema(SchemaId::Global(10)),
        Err(SchemaLookupError::Unknown)
    );
    let (kind, reason) = failure(client.schema(SchemaId::Number(1)));
    assert_eq!(kind, SchemaRegistryFailure::Status);
    assert!(
        reason.contains("500") && reason.contains("backend"),
        "{reason}"
    );
    assert_eq!(
        failure(client.schema(SchemaId::Number(2))).0,
        SchemaRegistryFailure::Unauthorized
    );
    assert_eq!(
        failure(client.schema(SchemaId::Number(3))).0,
        SchemaRegistryFailure::Answer
    );
    let xml = client.schema(SchemaId::Number(4));
    assert!(
        matches!(xml, Err(SchemaLookupError::Unusable(_))),
        "{xml:?}"
    );
    assert_eq!(
        failure(client.schema(SchemaId::Number(5))).0,
        SchemaRegistryFailure::Status
    );
    // A 404 without the error code: the address may be wrong.
    assert_eq!(
        failure(client.schema(SchemaId::Number(6))).0,
        SchemaRegistryFailure::Status
    );
}

#[test]
fn a_login_is_sent_and_not_shown() {
    let server = FakeRegistry::new(&[(
        "/schemas/ids/1",
        200,
        json!({"schema": "{}", "schemaType": "JSON"}),
    )]);
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), "hunter2\n").unwrap();
    let mut settings = settings(&server.url);
    for password in [
        Secret::Text("hunter2".to_owned()),
        Secret::File(file.path().to_owned()),
    ] {
        let username = "me".to_owned();
        settings.login = Some(RegistryLogin { username, password });
        let client = SchemaRegistryClient::new(&settings).unwrap();
        assert!(!format!("{client:?}").contains("hunter2"));
        client.schema(SchemaId::Number(1)).unwrap();
        let asked = server.requests().pop().unwrap();
        assert!(asked.contains("Basic bWU6aHVudGVyMg=="), "{asked}");
    }
    drop(file);
    let (kind, reason) = failure(
        SchemaRegistryClient::new(&settings)
            .unwrap()
            .schema(SchemaId::Number(1)),
    );
    assert_eq!(kind, SchemaRegistryFailure::Unauthorized);
    assert!(reason.contains("password_file"), "{reason}");
}

#[test]
fn a_silent_or_missing_server_is_a_failure() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let mut settings = settings(&url);
    settings.timeout = 50;
    // The server accepts the connection and never answers.
    let (kind, _) = failure(
        SchemaRegistryClient::new(&settings)
            .unwrap()
            .schema(SchemaId::Number(1)),
    );
    assert_eq!(kind, SchemaRegistryFailure::Timeout);
    drop(listener);
    settings.timeout = 1_000;
    let (kind, reason) = failure(
        SchemaRegistryClient::new(&settings)
            .unwrap()
            .schema(SchemaId::Number(1)),
    );
    assert_eq!(kind, SchemaRegistryFailure::Connection);
    assert!(reason.contains(&url), "{reason}");
}

#[test]
fn a_missing_certificate_is_an_error() {
    let mut settings = settings("https://localhost");
    for (path, reason) in [
        ("/nowhere.pem", "No such file"),
        ("/dev/null", "no certificate"),
    ] {
        settings.ca_file = Some(path.into());
        let error = SchemaRegistryClient::new(&settings)
            .unwrap_err()
            .to_string();
        assert!(error.contains(path) && error.contains(reason), "{error}");
    }
}

#[test]
fn tls_needs_a_trusted_certificate() {
    let mut names = SubjectAlternativeName::new();
    let (certificate, key) = certificate(Some(names.ip("127.0.0.1")));
    let mut acceptor = SslAcceptor::mozilla_intermediate(SslMethod::tls()).unwrap();
    acceptor.set_certificate(&certificate).unwrap();
    acceptor.set_private_key(&key).unwrap();
    let acceptor = acceptor.build();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        for socket in listener.incoming() {
            // A client that does not trust the certificate disconnects.
            let Ok(mut socket) = acceptor.accept(socket.unwrap()) else {
                continue;
            };
            let _ = socket.read(&mut [0; 4096]);
            let body = r#"{"schemaType": "JSON", "schema": "{}"}"#;
            let length = body.len();
            let _ = write!(
                socket,
                "HTTP/1.1 200 OK\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
            );
        }
    });
    let mut settings = settings(&url);
    let (kind, reason) = failure(
        SchemaRegistryClient::new(&settings)
            .unwrap()
            .schema(SchemaId::Number(1)),
    );
    assert_eq!(kind, SchemaRegistryFailure::Connection);
    assert!(reason.to_lowercase().contains("certificate"), "{reason}");

    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), certificate.to_pem().unwrap()).unwrap();
    settings.ca_file = Some(file.path().to_owned());
    SchemaRegistryClient::new(&settings)
        .unwrap()
        .schema(SchemaId::Number(1))
        .unwrap();
}
