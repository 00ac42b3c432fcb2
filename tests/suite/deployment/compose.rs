//! The compose stack. Its file fits the schema of Compose, and what an engine would start is started
//! with the settings and files that it mounts: broker, topics, desk, exporter, Prometheus and
//! Alertmanager. Grafana is not here: its provisioning is looked at.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use super::{deployment, files, list, name_of, read, said, text};
use crate::harness::{
    Alertmanager, Exporter, Kafka, Prometheus, PrometheusOptions, Signal, amtool, command,
    eventually, folder, launch, promtool, repository,
};

const FOLDER: &str = "deploy/compose";
/// A start, a month of history and some scrapes.
const PATIENCE: Duration = Duration::from_secs(120);

/// The compose file as JSON, with its anchors resolved.
fn compose() -> Value {
    document("compose.yaml")
}

/// A YAML file of the stack as JSON.
fn document(name: &str) -> Value {
    let program =
        "import json, sys, yaml; json.dump(yaml.safe_load(open(sys.argv[1])), sys.stdout)";
    let output = Command::new(deployment("python"))
        .args(["-c", program])
        .arg(repository().join(FOLDER).join(name))
        .output()
        .unwrap();
    serde_json::from_str(&said(output)).unwrap()
}

fn services(compose: &Value) -> Vec<(&String, &Value)> {
    compose["services"].as_object().unwrap().iter().collect()
}

#[test]
fn it_fits_the_schema_of_compose() {
    let output = Command::new(deployment("check-jsonschema"))
        .args(["--builtin-schema", "vendor.compose-spec"])
        .arg(repository().join(FOLDER).join("compose.yaml"))
        .output()
        .unwrap();
    said(output);
}

#[test]
fn images_are_pinned_and_ports_are_this_machines_own() {
    let compose = compose();
    for (name, service) in services(&compose) {
        let image = text(&service["image"]);
        let (_, tag) = image
            .rsplit_once(':')
            .unwrap_or_else(|| panic!("{name}: {image}"));
        let built = service["build"].is_object();
        assert!(
            built || tag.contains(|one: char| one.is_ascii_digit()),
            "{image}"
        );
        for port in service["ports"].as_array().into_iter().flatten() {
            assert!(text(port).starts_with("127.0.0.1:"), "{name}: {port}");
        }
    }
    // The broker is the one that the tests know.
    let pom = read("tests/kafka/pom.xml");
    let version = pom.split("<kafka.version>").nth(1).unwrap();
    let version = version.split('<').next().unwrap();
    for name in ["kafka", "topics"] {
        let image = text(&compose["services"][name]["image"]);
        assert_eq!(image, format!("docker.io/apache/kafka:{version}"));
    }
}

#[test]
fn what_is_mounted_is_there_and_who_is_waited_for_can_be() {
    let compose = compose();
    let volumes = compose["volumes"].as_object().unwrap();
    for (name, service) in services(&compose) {
        for volume in service["volumes"].as_array().into_iter().flatten() {
            let source = text(volume).split(':').next().unwrap();
            if source.starts_with('.') {
                let path = repository().join(FOLDER).join(source);
                assert!(path.exists(), "{name}: {source}");
                assert!(text(volume).ends_with(":ro"), "{name}: {volume}");
            } else {
                assert!(volumes.contains_key(source), "{name}: {source}");
            }
        }
        let Some(others) = service["depends_on"].as_object() else {
            continue;
        };
        for (other, how) in others {
            let waited_for = &compose["services"][other];
            match text(&how["condition"]) {
                // Our image brings its own check.
                "service_healthy" => assert!(
                    waited_for["healthcheck"]["test"].is_array() || waited_for["build"].is_object(),
                    "{name} waits for {other}, which has no health check"
                ),
                "service_completed_successfully" => {
                    assert!(waited_for["restart"].is_null(), "{other} never ends");
                }
                how => panic!("{name}: {how}"),
            }
        }
    }
}

#[test]
fn nobody_has_a_password_and_strangers_only_look() {
    let compose = compose();
    let grafana = &compose["services"]["grafana"]["environment"];
    assert_eq!(grafana["GF_AUTH_ANONYMOUS_ORG_ROLE"], "Viewer");
    assert_eq!(
        grafana["GF_SECURITY_DISABLE_INITIAL_ADMIN_CREATION"],
        "true"
    );
    assert!(!compose.to_string().to_lowercase().contains("password"));
}

#[test]
fn the_exporter_has_the_configuration_of_the_desk() {
    let desk = said(
        command()
            .args(["simulate", "--print-config"])
            .output()
            .unwrap(),
    );
    let config = read("deploy/compose/ticket-exporter.yaml");
    assert!(
        config.ends_with(&desk),
        "deploy/compose/ticket-exporter.yaml does not end as `ticket-exporter simulate \
         --print-config` writes it"
    );
    let output = command()
        .args([
            "check-config",
            "--config.file",
            "deploy/compose/ticket-exporter.yaml",
        ])
        .current_dir(repository())
        .output()
        .unwrap();
    said(output);
}

#[test]
fn the_rules_are_those_of_its_configuration() {
    let written = folder("rules");
    let output = command()
        .args([
            "rules",
            "--config.file",
            "deploy/compose/ticket-exporter.yaml",
        ])
        .args(["--dashboard-url", "http://localhost:3000", "--output"])
        .arg(written.path())
        .current_dir(repository())
        .output()
        .unwrap();
    said(output);
    let shipped = files("deploy/compose/prometheus/rules", "yml");
    assert_eq!(shipped.len(), fs::read_dir(written.path()).unwrap().count());
    for rules in shipped {
        let name = name_of(&rules);
        assert!(
            fs::read_to_string(&rules).ok() == fs::read_to_string(written.path().join(&name)).ok(),
            "{name} is not what the program writes: ticket-exporter rules --config.file \
             deploy/compose/ticket-exporter.yaml --dashboard-url http://localhost:3000 --output \
             deploy/compose/prometheus/rules"
        );
    }
}

/// The configuration of Prometheus with other places.
fn prometheus_yml(exporter: &str, alertmanager: &str) -> String {
    let rules = repository().join("deploy/compose/prometheus/rules");
    let mut config = read("deploy/compose/prometheus/prometheus.yml");
    for (theirs, ours) in [
        ("/etc/prometheus/rules", rules.to_str().unwrap()),
        ("exporter:10047", exporter),
        ("alertmanager:9093", alertmanager),
        // Nobody waits for a quarter of a minute here.
        ("scrape_interval: 15s", "scrape_interval: 1s"),
        ("evaluation_interval: 15s", "evaluation_interval: 1s"),
    ] {
        assert!(config.contains(theirs), "{theirs}");
        config = config.replace(theirs, ours);
    }
    config
}

#[test]
fn prometheus_and_alertmanager_take_their_files() {
    let there = folder("prometheus-config");
    let path = there.path().join("prometheus.yml");
    fs::write(&path, prometheus_yml("localhost:1", "localhost:2")).unwrap();
    let answer = promtool(
        &["check", "config", "--lint=all", path.to_str().unwrap()],
        "",
    );
    assert!(answer.success, "{answer:?}");
    assert!(answer.stdout.contains("2 rule files found"), "{answer:?}");
    let config = format!("{FOLDER}/alertmanager.yml");
    let (fine, answer) = amtool(&["check-config", &config]);
    assert!(fine, "{answer}");
    let teams = document("ticket-exporter.yaml")["teams"]["known"].clone();
    for team in list(&teams) {
        let team = format!("team={}", text(team));
        let labels = ["category=kpi", "severity=warning", &team];
        let route = ["config", "routes", "test", "--config.file", &config];
        let (fine, receiver) = amtool(&[&route[..], &labels[..]].concat());
        assert!(
            fine && receiver.trim() == team.replace('=', "-"),
            "{team}: {receiver}"
        );
    }
}

#[test]
fn grafana_finds_prometheus_and_the_boards() {
    let compose = compose();
    let sources = document("grafana/provisioning/datasources/prometheus.yaml");
    let source = &list(&sources["datasources"])[0];
    let url = text(&source["url"]).strip_prefix("http://").unwrap();
    let (host, _) = url.split_once(':').unwrap();
    assert!(compose["services"][host].is_object(), "{host}");
    assert_eq!(source["type"], "prometheus");
    let providers = document("grafana/provisioning/dashboards/tickets.yaml");
    let path = text(&list(&providers["providers"])[0]["options"]["path"]);
    let grafana = &compose["services"]["grafana"];
    let mount = list(&grafana["volumes"])
        .iter()
        .map(text)
        .find(|mount| mount.contains(&format!(":{path}:")));
    let boards = mount.unwrap().split(':').next().unwrap();
    let boards = repository().join(FOLDER).join(boards);
    let home = text(&grafana["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]);
    let home = Path::new(home).strip_prefix(path).unwrap();
    assert!(boards.join(home).exists(), "{}", home.display());
}

/// The broker's settings as its image makes them of variables, without places.
fn broker_settings(compose: &Value) -> BTreeMap<String, String> {
    let places = [
        "listeners",
        "advertised.listeners",
        "controller.quorum.voters",
        "log.dirs",
    ];
    let variables = compose["services"]["kafka"]["environment"]
        .as_object()
        .unwrap();
    variables
        .iter()
        .filter_map(|(name, value)| Some((name.strip_prefix("KAFKA_")?, text(value))))
        .map(|(name, value)| (name.to_lowercase().replace('_', "."), value.to_owned()))
        .filter(|(name, _)| name != "heap.opts" && !places.contains(&name.as_str()))
        .collect()
}

#[test]
fn its_parts_work_together_with_its_files() {
    let compose = compose();
    let settings = broker_settings(&compose);
    assert!(settings.len() > 6, "{settings:?}");
    let settings: Vec<(&str, &str)> = settings
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    let kafka = Kafka::start_with(&settings);
    let script = text(&list(&compose["services"]["topics"]["command"])[0]);
    let mut topics = 0;
    for line in script.lines().filter(|line| line.starts_with("create ")) {
        let words: Vec<&str> = line.split_whitespace().collect();
        kafka.create_topic(
            words[1],
            words[2].parse().unwrap(),
            &[("retention.ms", "-1")],
        );
        topics += 1;
    }
    assert_eq!(topics, 2);

    let there = folder("desk");
    let state = there.path().join("desk.json");
    let arguments: Vec<String> = list(&compose["services"]["desk"]["command"])
        .iter()
        .map(|argument| {
            let argument = text(argument).replace("kafka:9092", &kafka.bootstrap());
            argument.replace(
                "/var/lib/ticket-exporter/desk.json",
                state.to_str().unwrap(),
            )
        })
        .collect();
    let mut desk = launch(&arguments, &Vec::new(), there.path());
    let written = || {
        let text = fs::read_to_string(&state).map_err(|error| error.to_string())?;
        let book: Value = serde_json::from_str(&text).map_err(|error| error.to_string())?;
        Ok::<_, String>(book["events"].as_u64().unwrap_or_default())
    };
    let config = read("deploy/compose/ticket-exporter.yaml");
    let config = config.replace("kafka:9092", &kafka.bootstrap());
    let mut exporter = Exporter::start(&["serve"], &config);
    let alertmanager = Alertmanager::start(&read("deploy/compose/alertmanager.yml"));
    let options = PrometheusOptions {
        config: Some(prometheus_yml(&exporter.address(), &alertmanager.address())),
        ..PrometheusOptions::default()
    };
    let prometheus = Prometheus::start(&[], &options);

    // When its history is written the desk lives as the clock goes, and can be stopped.
    eventually("a month of history", PATIENCE, || match written() {
        Ok(events) if events > 5_000 => Ok(()),
        other => Err(format!("{other:?}: {}", desk.last_lines())),
    });
    desk.signal(Signal::Term);
    assert!(desk.wait(PATIENCE).success(), "{}", desk.logs());
    // What is left of the month, and then nothing: started again, a desk goes on where it was.
    let month = || {
        let arguments = arguments
            .iter()
            .map(|one| one.replace("--pace=1x", "--pace=max"));
        let output = command().args(arguments).arg("--for=30d").output().unwrap();
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{errors}");
        errors
    };
    month();
    let events = written().unwrap();
    let again = month();
    assert!(
        again.lines().any(|line| line == "0 events written"),
        "{again}"
    );
    assert_eq!(written().unwrap(), events);
    exporter.wait_ready(PATIENCE);
    let sum = "sum(ticket_exporter_events_total{result=~\"applied|duplicate|ignored\"})";
    eventually("every event", PATIENCE, || {
        let value = prometheus.value(&format!("{sum} or vector(0)"));
        #[allow(clippy::cast_precision_loss)]
        let all = value == events as f64;
        all.then_some(())
            .ok_or_else(|| format!("{value} of {events}"))
    });
    // Native histograms and the buckets of the targets, side by side.
    let native = "histogram_count(sum(ticket_first_response_seconds{clock=\"business\"}))";
    let classic = "sum(ticket_first_response_seconds_bucket{clock=\"business\",le=\"+Inf\"})";
    eventually("both forms of histograms", PATIENCE, || {
        let [native, classic] = [native, classic].map(|query| prometheus.query(query));
        let same = !native.is_empty() && native[0].1 == classic[0].1;
        same.then_some(())
            .ok_or_else(|| format!("{native:?} {classic:?}"))
    });
    let rules = prometheus.api("rules", &[]);
    for group in list(&rules["groups"]) {
        for rule in list(&group["rules"]) {
            assert_ne!(rule["health"], "err", "{rule}");
        }
    }

    assert!(exporter.stop(PATIENCE).success());
}
