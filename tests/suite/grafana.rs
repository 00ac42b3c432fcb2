//! The command `dashboards`, and uploads to a stand-in for Grafana's HTTP API.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Output;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use crate::harness::{TestServer, command, text};

const TOKEN: &str = "glsa_of_the_test";
const JSON: &str = "application/json";

/// The content of the stand-in: folders by title, dashboards by uid.
#[derive(Debug, Default)]
struct Stored {
    folders: BTreeMap<String, String>,
    dashboards: BTreeMap<String, Value>,
    /// A failure for every request to store a dashboard.
    refusal: Option<(&'static str, &'static str)>,
}

/// Grafana's API, as its documentation describes it: <https://grafana.com/docs/grafana/latest/developers/http_api/>.
struct FakeGrafana {
    server: TestServer,
    stored: Arc<Mutex<Stored>>,
}

impl FakeGrafana {
    fn start() -> Self {
        let stored = Arc::<Mutex<Stored>>::default();
        let state = Arc::clone(&stored);
        let server = TestServer::start(move |request| {
            if request.header("authorization") != format!("Bearer {TOKEN}") {
                let body = json!({"message": "Invalid API key"}).to_string();
                return ("401 Unauthorized", JSON.to_owned(), body.into_bytes());
            }
            let body = serde_json::from_slice(&request.body).ok();
            let (status, answer) = state.lock().unwrap().answer(&request.path, body);
            (status, JSON.to_owned(), answer.to_string().into_bytes())
        });
        Self { server, stored }
    }

    fn url(&self) -> String {
        format!("http://{}/grafana/", self.server.address())
    }

    fn upload(&self, more: &[&str]) -> Output {
        let mut command = command();
        command.args(["dashboards", "--url", &self.url()]);
        command.args(more).env("GRAFANA_TOKEN", TOKEN);
        command.output().unwrap()
    }

    fn stored(&self) -> std::sync::MutexGuard<'_, Stored> {
        self.stored.lock().unwrap()
    }
}

impl Stored {
    /// `body` is that of a POST.
    fn answer(&mut self, path: &str, body: Option<Value>) -> (&'static str, Value) {
        let path = path
            .strip_prefix("/grafana/api")
            .expect("the address has a path");
        match (path, body) {
            ("/folders?limit=1000", None) => {
                let folders = self.folders.iter();
                let folders = folders.map(|(title, uid)| json!({"uid": uid, "title": title}));
                ("200 OK", folders.collect())
            }
            ("/folders", Some(folder)) => {
                let title = folder["title"].as_str().unwrap().to_owned();
                let uid = format!("folder-{}", self.folders.len());
                self.folders.insert(title, uid.clone());
                ("200 OK", json!({"uid": uid}))
            }
            ("/dashboards/db", Some(mut request)) => {
                if let Some((status, message)) = self.refusal {
                    return (status, json!({"message": message, "status": "refused"}));
                }
                assert_eq!(request["overwrite"], true);
                let mut model = request["dashboard"].take();
                let uid = model["uid"].as_str().unwrap().to_owned();
                let before = self.dashboards.get(&uid);
                let version = before.map_or(0, |one| one["dashboard"]["version"].as_u64().unwrap());
                model["id"] = json!(self.dashboards.len() + 40);
                model["version"] = json!(version + 1);
                let meta = json!({"folderUid": request["folderUid"], "provisioned": false});
                let stored = json!({"dashboard": model, "meta": meta});
                self.dashboards.insert(uid.clone(), stored);
                ("200 OK", json!({"uid": uid, "status": "success"}))
            }
            (path, None) => {
                let uid = path.strip_prefix("/dashboards/uid/").expect(path);
                match self.dashboards.get(uid) {
                    Some(stored) => ("200 OK", stored.clone()),
                    None => ("404 Not Found", json!({"message": "Dashboard not found"})),
                }
            }
            other => panic!("no such request: {other:?}"),
        }
    }
}

#[track_caller]
fn succeeded(output: &Output) -> (String, String) {
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{out}{err}");
    (out, err)
}

#[track_caller]
fn failed(code: i32, output: &Output) -> String {
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(code), "{out}{err}");
    assert!(!err.contains(TOKEN), "{err}");
    err
}

fn shipped(uid: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("dashboards");
    fs::read_to_string(folder.join(format!("{uid}.json"))).unwrap()
}

#[test]
fn a_second_upload_changes_nothing_and_a_changed_dashboard_is_updated() {
    let grafana = FakeGrafana::start();
    let (_, err) = succeeded(&grafana.upload(&[]));
    assert_eq!(err.matches("created: ").count(), 5, "{err}");
    assert!(err.contains("/grafana/d/ticket-sla"), "{err}");
    {
        let stored = grafana.stored();
        assert_eq!(stored.folders.keys().collect::<Vec<_>>(), ["Tickets"]);
        let sla = &stored.dashboards["ticket-sla"];
        assert_eq!(sla["meta"]["folderUid"], "folder-0");
        assert_eq!(sla["dashboard"]["title"], "Tickets / SLA");
    }
    let (_, err) = succeeded(&grafana.upload(&[]));
    assert_eq!(err.matches("unchanged: ").count(), 5, "{err}");

    // A user edits one dashboard and moves another.
    {
        let mut stored = grafana.stored();
        let team = stored.dashboards.get_mut("ticket-team").unwrap();
        team["dashboard"]["panels"][0]["title"] = json!("mine");
        let sla = stored.dashboards.get_mut("ticket-sla").unwrap();
        sla["meta"]["folderUid"] = json!("elsewhere");
    }
    let (_, err) = succeeded(&grafana.upload(&[]));
    assert_eq!(err.matches("unchanged: ").count(), 3, "{err}");
    assert_eq!(err.matches("updated: ").count(), 2, "{err}");

    // One dashboard, another folder, another data source.
    let more = ["--folder", "Desk", "--datasource", "mimir", "ticket-sla"];
    let (_, err) = succeeded(&grafana.upload(&more));
    assert_eq!(err.lines().count(), 1, "{err}");
    let stored = grafana.stored();
    let sla = &stored.dashboards["ticket-sla"];
    assert_eq!(sla["meta"]["folderUid"], "folder-1");
    let variable = &sla["dashboard"]["templating"]["list"][0];
    assert_eq!(variable["current"]["value"], "mimir");
}

#[test]
fn the_token_comes_from_a_file_or_the_environment() {
    let grafana = FakeGrafana::start();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    let url = grafana.url();
    let run = |file: &Path| {
        let mut command = command();
        command.args(["dashboards", "ticket-sla", "--url", &url, "--token-file"]);
        // The flag overrides the variable.
        command.arg(file).env("GRAFANA_TOKEN", "other");
        command.output().unwrap()
    };
    fs::write(&file, format!("{TOKEN}\n")).unwrap();
    succeeded(&run(&file));
    fs::write(&file, "of another Grafana").unwrap();
    let err = failed(64, &run(&file));
    assert!(err.contains("--token-file"), "{err}");
    fs::write(&file, "unknown").unwrap();
    let err = failed(1, &run(&file));
    assert!(
        err.contains("(401)") && err.contains("service account"),
        "{err}"
    );
    assert_eq!(err.lines().count(), 1, "{err}");
    let err = failed(1, &run(&folder.path().join("none")));
    assert!(
        err.contains("--token-file: ") && err.contains("/none"),
        "{err}"
    );

    let mut command = command();
    command
        .args(["dashboards", "--url", &url])
        .env_remove("GRAFANA_TOKEN");
    let err = failed(64, &command.output().unwrap());
    assert!(err.contains("GRAFANA_TOKEN"), "{err}");
}

#[test]
fn each_refusal_has_one_line_with_a_remedy() {
    let grafana = FakeGrafana::start();
    for (status, message, words) in [
        (
            "403 Forbidden",
            "no permission\n\u{1b}[1m",
            &["(403): no permission[1m;", "Editor"][..],
        ),
        (
            "412 Precondition Failed",
            "name exists",
            &["(412): name exists;", "rename"],
        ),
        (
            "502 Bad Gateway",
            "",
            &["store the dashboard ticket-quality: 502"],
        ),
        ("302 Found", "", &["does not answer as Grafana does", "302"]),
    ] {
        grafana.stored().refusal = Some((status, message));
        let err = failed(1, &grafana.upload(&[]));
        for word in words {
            assert!(err.contains(word), "{word} is not in {err}");
        }
        assert_eq!(err.lines().count(), 1, "{err}");
    }
    grafana.stored().refusal = None;
    succeeded(&grafana.upload(&["ticket-sla"]));
    let mut stored = grafana.stored();
    stored.dashboards.get_mut("ticket-sla").unwrap()["meta"]["provisioned"] = json!(true);
    drop(stored);
    let err = failed(1, &grafana.upload(&["ticket-sla"]));
    assert!(
        err.contains("reads the dashboard ticket-sla from a file"),
        "{err}"
    );
}

#[test]
fn other_servers_and_silent_ones_are_named() {
    let other = TestServer::with_page(|_| ("text/html".to_owned(), b"<html>".to_vec()));
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let closed = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap()
    };
    for (address, words) in [
        (other.address(), "does not answer as Grafana does"),
        (silent.local_addr().unwrap(), "gave no answer within 1 s"),
        (closed, "cannot be reached"),
    ] {
        let mut command = command();
        let url = format!("http://{address}");
        command.args(["dashboards", "--timeout", "1s", "--url", &url]);
        let output = command.env("GRAFANA_TOKEN", TOKEN).output().unwrap();
        let err = failed(1, &output);
        assert!(err.contains(&url) && err.contains(words), "{err}");
    }
}

#[test]
fn dashboards_are_printed_as_shipped() {
    let print = |arguments: &[&str]| command().args(arguments).output().unwrap();
    let (out, _) = succeeded(&print(&["dashboards", "ticket-sla"]));
    assert_eq!(out, shipped("ticket-sla"));
    let (out, _) = succeeded(&print(&["dashboards"]));
    let documents = serde_json::Deserializer::from_str(&out).into_iter::<Value>();
    assert_eq!(documents.map(Result::unwrap).count(), 5);
    let (out, _) = succeeded(&print(&["dashboards", "--format", "configmap"]));
    assert_eq!(out.matches("kind: ConfigMap\n").count(), 5);

    for (arguments, words) in [
        (&["dashboards", "ticket-none"][..], "ticket-quality"),
        (&["dashboards", "--format", "provisioning"], "--output"),
        (&["dashboards", "--folder", "Desk"], "--folder"),
        (&["dashboards", "--force"], "--output"),
        (&["dashboards", "--url", "grafana.example.com"], "https://"),
        (
            &["dashboards", "--url", "https://me:secret@g.example.com"],
            "login",
        ),
        (&["dashboards", "--token-file", "token"], "--url"),
    ] {
        let err = failed(64, &print(arguments));
        assert!(err.contains(words), "{arguments:?}: {err}");
    }
}

#[test]
fn files_that_differ_are_kept_without_force() {
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("provisioning/dashboards");
    let write = |more: &[&str]| {
        let mut command = command();
        command.args(["dashboards", "--format", "provisioning", "--output"]);
        command.arg(&target).args(more).output().unwrap()
    };
    let (_, err) = succeeded(&write(&[]));
    assert_eq!(err.matches("wrote ").count(), 6, "{err}");
    let sla = target.join("tickets/ticket-sla.json");
    assert_eq!(fs::read_to_string(&sla).unwrap(), shipped("ticket-sla"));
    let provider = fs::read_to_string(target.join("tickets.yaml")).unwrap();
    let path = target.join("tickets");
    assert!(provider.contains(path.to_str().unwrap()), "{provider}");

    let (_, err) = succeeded(&write(&[]));
    assert!(err.contains("up to date"), "{err}");
    fs::write(&sla, "mine").unwrap();
    let err = failed(1, &write(&["--folder", "Desk"]));
    assert!(
        err.contains("ticket-sla.json") && err.contains("--force"),
        "{err}"
    );
    assert_eq!(
        fs::read_to_string(target.join("tickets.yaml")).unwrap(),
        provider
    );
    let (_, err) = succeeded(&write(&["--folder", "Desk", "--force"]));
    assert_eq!(err.matches("wrote ").count(), 2, "{err}");
    assert_eq!(fs::read_to_string(&sla).unwrap(), shipped("ticket-sla"));
}
