//! A real schema registry with the API of Confluent's (Apicurio), which keeps its schemas in memory.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::OnceLock;
use std::time::Duration;

use serde_json::{Value, json};

use super::process::{Process, Signal};
use super::tools;
use super::wait::{eventually, free_port};

/// A start takes some 3 s on an idle machine, and longer while something compiles.
const START_TIMEOUT: Duration = Duration::from_secs(120);

/// The path of the API on the server.
const API: &str = "/apis/ccompat/v7";

/// A running registry. It is killed when dropped.
#[derive(Debug)]
pub(crate) struct SchemaRegistry {
    process: Process,
    port: u16,
    _folder: tempfile::TempDir,
}

impl SchemaRegistry {
    /// The shared registry, started by the first caller. Tests use subjects of their own, and no test may
    /// stop it.
    #[track_caller]
    pub(crate) fn shared() -> &'static Self {
        static SHARED: OnceLock<SchemaRegistry> = OnceLock::new();
        SHARED.get_or_init(Self::start)
    }

    /// Starts a registry that the test may stop.
    #[track_caller]
    pub(crate) fn start() -> Self {
        let folder = tools::folder("schema-registry");
        let port = free_port();
        let jar = tools::schema_registry().display().to_string();
        let port_option = format!("-Dquarkus.http.port={port}");
        let arguments = [
            "-Xmx256m",
            "-XX:TieredStopAtLevel=1",
            "-XX:+UseSerialGC",
            "-Dquarkus.http.host=127.0.0.1",
            &port_option,
            "-jar",
            &jar,
        ];
        let arguments = arguments.map(str::to_owned);
        let log = folder.path().join("registry.log");
        let process = Process::start(Path::new("java"), &arguments, &|_| {}, &log);
        let mut registry = Self {
            process,
            port,
            _folder: folder,
        };
        registry.wait();
        registry
    }

    fn wait(&mut self) {
        let url = format!("{}/subjects", self.url());
        let process = &mut self.process;
        eventually("the schema registry", START_TIMEOUT, || {
            if let Some(status) = process.ended() {
                let log = process.last_lines();
                panic!("the schema registry ended with {status}; its log ends\n{log}");
            }
            match super::http::get(&url)? {
                answer if answer.status == 200 => Ok(()),
                answer => Err(format!("{} {}", answer.status, answer.text())),
            }
        });
    }

    pub(crate) fn address(&self) -> SocketAddr {
        ([127, 0, 0, 1], self.port).into()
    }

    /// The value of `schema_registry.url`.
    pub(crate) fn url(&self) -> String {
        Self::url_at(self.address())
    }

    /// The same for another address of the server.
    pub(crate) fn url_at(address: SocketAddr) -> String {
        format!("http://{address}{API}")
    }

    /// Registers a schema of a language (`AVRO`, `PROTOBUF`, `JSON`) and returns its id. References are
    /// names, subjects and versions.
    #[track_caller]
    pub(crate) fn register(
        &self,
        subject: &str,
        language: &str,
        schema: &str,
        references: &[(&str, &str, u32)],
    ) -> u32 {
        let references = references.iter().map(|(name, subject, version)| {
            json!({"name": name, "subject": subject, "version": version})
        });
        let body = json!({
            "schema": schema,
            "schemaType": language,
            "references": references.collect::<Vec<_>>(),
        });
        let url = format!("{}/subjects/{subject}/versions", self.url());
        let mut answer = ureq::post(&url)
            .header("Content-Type", "application/vnd.schemaregistry.v1+json")
            .send(body.to_string())
            .unwrap_or_else(|error| panic!("cannot register {subject}: {error}"));
        let answer: Value = answer.body_mut().read_json().unwrap();
        u32::try_from(answer["id"].as_u64().unwrap()).unwrap()
    }

    /// Stops the process with SIGSTOP: it accepts connections and answers nothing.
    pub(crate) fn pause(&mut self) {
        self.process.signal(Signal::Stop);
    }

    pub(crate) fn resume(&mut self) {
        self.process.signal(Signal::Cont);
    }
}
