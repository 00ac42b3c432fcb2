//! The compose stack. Its file fits the schema of Compose. The test starts the parts with the settings and
//! files that an engine would use: broker, topics, simulated helpdesk, exporter, Prometheus and
//! Alertmanager. It does not start Grafana, but checks its provisioning.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;
use ticket_exporter::domain::timestamp::DAY;

use super::{files, list, name_of, read, said, text};
use crate::end_to_end::now;
use crate::harness::{
    self, Alertmanager, Exporter, Kafka, Prometheus, PrometheusOptions, Signal, amtool, command,
    deployment, eventually, folder, free_port, launch, promtool, promtool_path, repository,
};

const FOLDER: &str = "deploy/compose";
/// A start, a month of history and some scrapes.
const PATIENCE: Duration = Duration::from_secs(300);

/// The compose file as JSON, with anchors resolved and the default of each variable.
fn compose() -> Value {
    resolved(&BTreeMap::new())
}

/// Resolves these variables, as an `.env` file sets them.
fn resolved(variables: &BTreeMap<&str, &str>) -> Value {
    let text = document("compose.yaml").to_string();
    let mut parts = text.split("${");
    let mut done = parts.next().unwrap().to_owned();
    for part in parts {
        let (variable, rest) = part.split_once('}').unwrap();
        let (name, default) = variable
            .split_once(":-")
            .unwrap_or_else(|| panic!("{variable} has no default"));
        done += variables.get(name).unwrap_or(&default);
        done += rest;
    }
    serde_json::from_str(&done).unwrap()
}

fn document(name: &str) -> Value {
    harness::document(&format!("{FOLDER}/{name}"))
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
fn images_are_pinned_and_ports_are_local() {
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
    // The tests use the same broker.
    let pom = read("tests/kafka/pom.xml");
    let version = pom.split("<kafka.version>").nth(1).unwrap();
    let version = version.split('<').next().unwrap();
    for name in ["kafka", "topics"] {
        let image = text(&compose["services"][name]["image"]);
        assert_eq!(image, format!("docker.io/apache/kafka:{version}"));
    }
}

#[test]
fn mounted_files_exist_and_dependencies_are_possible() {
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
                // Our image has its own health check.
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
fn no_service_has_a_password_and_grafana_is_local() {
    let compose = compose();
    let grafana = &compose["services"]["grafana"];
    let settings = &grafana["environment"];
    // Anonymous users may explore and change copies, but are no administrators.
    assert_eq!(settings["GF_AUTH_ANONYMOUS_ENABLED"], "true");
    assert_eq!(settings["GF_AUTH_ANONYMOUS_ORG_ROLE"], "Editor");
    let ports = list(&grafana["ports"]);
    assert_eq!(ports, ["127.0.0.1:3000:3000"]);
    assert_eq!(
        settings["GF_SECURITY_DISABLE_INITIAL_ADMIN_CREATION"],
        "true"
    );
    assert!(!compose.to_string().to_lowercase().contains("password"));
}

#[test]
fn every_port_can_be_changed() {
    let example = read(&format!("{FOLDER}/.env.example"));
    let defaults: BTreeMap<&str, &str> = example
        .lines()
        .filter_map(|line| line.strip_prefix('#')?.split_once('='))
        .collect();
    let others: BTreeMap<&str, String> = defaults
        .iter()
        .map(|(name, port)| (*name, format!("1{port}")))
        .collect();
    let others = others.iter().map(|(name, port)| (*name, port.as_str()));
    let resolved = resolved(&others.collect());
    let published = |compose: &Value| -> Vec<String> {
        let all = services(compose).into_iter().map(|(_, service)| service);
        let ports = all.flat_map(|service| service["ports"].as_array().into_iter().flatten());
        let ports = ports.map(|port| text(port).split(':').nth(1).unwrap().to_owned());
        ports.collect()
    };
    let before = published(&compose());
    assert_eq!(before.len(), defaults.len());
    for port in &before {
        assert!(
            defaults.values().any(|one| one == port),
            "{port} in .env.example"
        );
    }
    for (port, other) in before.iter().zip(published(&resolved)) {
        assert_eq!(other, format!("1{port}"));
        // No link or advertised address keeps the old port. A health check runs inside the container.
        for (name, service) in services(&resolved) {
            for member in ["command", "environment"] {
                let text = service[member].to_string();
                assert!(
                    !text.contains(&format!("localhost:{port}\"")),
                    "{name}: {text}"
                );
            }
        }
    }
    let links = text(&resolved["services"]["kafka"]["environment"]["KAFKA_ADVERTISED_LISTENERS"]);
    assert!(links.ends_with("LOCAL://localhost:19094"), "{links}");
}

#[test]
fn the_exporter_has_the_configuration_of_the_helpdesk() {
    let helpdesk = said(
        command()
            .args(["simulate", "--print-config"])
            .output()
            .unwrap(),
    );
    let config = read("deploy/compose/ticket-exporter.yaml");
    assert!(
        config.ends_with(&helpdesk),
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
fn the_rules_belong_to_its_configuration() {
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

/// The configuration of Prometheus with other addresses.
fn prometheus_yml(exporter: &str, alertmanager: &str) -> String {
    let rules = repository().join("deploy/compose/prometheus/rules");
    let mut config = read("deploy/compose/prometheus/prometheus.yml");
    for (theirs, ours) in [
        ("/etc/prometheus/rules", rules.to_str().unwrap()),
        ("exporter:10047", exporter),
        ("alertmanager:9093", alertmanager),
        // The test waits less. A scrape may last as long as its interval, and evaluations take turns with it:
        // on a busy machine an unoptimized build needs seconds.
        ("scrape_interval: 15s", "scrape_interval: 10s"),
        ("evaluation_interval: 15s", "evaluation_interval: 10s"),
    ] {
        assert!(config.contains(theirs), "{theirs}");
        config = config.replace(theirs, ours);
    }
    config
}

#[test]
fn prometheus_and_alertmanager_accept_their_files() {
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
fn grafana_finds_prometheus_and_the_dashboards() {
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
    let dashboards = mount.unwrap().split(':').next().unwrap();
    let dashboards = repository().join(FOLDER).join(dashboards);
    let home = text(&grafana["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]);
    let home = Path::new(home).strip_prefix(path).unwrap();
    assert!(dashboards.join(home).exists(), "{}", home.display());
}

/// The broker's settings as its image derives them from variables, without addresses.
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

/// Runs the health check of a service, with another port.
fn is_healthy(compose: &Value, service: &str, its_port: &str, port: &str) -> bool {
    let test = list(&compose["services"][service]["healthcheck"]["test"]);
    assert_eq!(test[0], "CMD");
    let words: Vec<String> = test[1..]
        .iter()
        .map(|word| text(word).replace(its_port, port))
        .collect();
    assert_ne!(
        words.concat(),
        test[1..].iter().map(text).collect::<String>()
    );
    let output = Command::new(&words[0]).args(&words[1..]).output().unwrap();
    output.status.success()
}

/// The command of a service, with each text on the left replaced by the one on the right.
fn arguments(compose: &Value, service: &str, changes: &[(&str, &str)]) -> Vec<String> {
    let words = list(&compose["services"][service]["command"]).iter();
    words
        .map(|word| {
            changes
                .iter()
                .fold(text(word).to_owned(), |word, (theirs, ours)| {
                    word.replace(theirs, ours)
                })
        })
        .collect()
}

#[test]
fn its_parts_work_together() {
    let compose = compose();
    let settings = broker_settings(&compose);
    assert!(settings.len() > 6, "{settings:?}");
    let settings: Vec<(&str, &str)> = settings
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    let kafka = Kafka::start_with(&settings);
    let bootstrap = kafka.bootstrap();
    let (_, port) = bootstrap.rsplit_once(':').unwrap();
    assert!(is_healthy(&compose, "kafka", "9092", port));
    let nowhere = free_port().to_string();
    assert!(!is_healthy(&compose, "kafka", "9092", &nowhere));
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

    // The one-time month of events.
    let there = folder("desk");
    let state = there.path().join("desk.json");
    let helpdesk_changes = [
        ("kafka:9092", bootstrap.as_str()),
        (
            "/var/lib/ticket-exporter/desk.json",
            state.to_str().unwrap(),
        ),
    ];
    let events = || {
        let book: Value = serde_json::from_str(&fs::read_to_string(&state).unwrap()).unwrap();
        book["events"].as_u64().unwrap()
    };
    let run = |arguments: Vec<String>, config: Option<&Path>| {
        let mut command = command();
        if let Some(config) = config {
            command.env("TICKET_EXPORTER_CONFIG_FILE", config);
        }
        let output = command.args(arguments).output().unwrap();
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{errors}");
        errors
    };
    run(arguments(&compose, "month", &helpdesk_changes), None);
    let month = events();
    assert!(month > 5_000, "{month}");
    let again = run(arguments(&compose, "month", &helpdesk_changes), None);
    assert!(
        again.lines().any(|line| line == "0 events written"),
        "{again}"
    );
    // The live helpdesk continues the same logbook.
    let helpdesk_arguments = arguments(&compose, "desk", &helpdesk_changes);
    let mut helpdesk = launch(&helpdesk_arguments, &Vec::new(), there.path());

    let config = read("deploy/compose/ticket-exporter.yaml").replace("kafka:9092", &bootstrap);
    let mut exporter = Exporter::start(&["serve"], &config);
    exporter.wait_ready(PATIENCE);

    // The one-time history; only its last days, so that the test is quick.
    let storage = folder("storage");
    let history = || {
        let changes = [
            ("exporter:10047", exporter.address()),
            ("/prometheus", storage.path().display().to_string()),
            ("/tools/promtool", promtool_path().display().to_string()),
        ];
        let changes: Vec<(&str, &str)> = changes.iter().map(|(a, b)| (*a, b.as_str())).collect();
        let mut words = arguments(&compose, "history", &changes);
        words.push(format!("--from={}", now().minus(2 * DAY).rfc3339()));
        let file = exporter.folder().join("config.yaml");
        run(words, Some(&file))
    };
    history();
    let blocks = || fs::read_dir(storage.path()).unwrap().count();
    let made = blocks();
    assert!(made > 4, "{made}");
    let again = history();
    assert!(again.contains("already contains data"), "{again}");
    assert_eq!(blocks(), made);

    let alertmanager = Alertmanager::start(&read("deploy/compose/alertmanager.yml"));
    let options = PrometheusOptions {
        config: Some(prometheus_yml(&exporter.address(), &alertmanager.address())),
        storage: Some(storage.path().to_owned()),
        ..PrometheusOptions::default()
    };
    let prometheus = Prometheus::start(&[], &options);
    helpdesk.signal(Signal::Term);
    assert!(helpdesk.wait(PATIENCE).success(), "{}", helpdesk.logs());
    let events = events();
    assert!(events >= month);
    let sum = "sum(ticket_exporter_events_total{result=~\"applied|duplicate|ignored\"})";
    eventually("every event", PATIENCE, || {
        let value = prometheus.value(&format!("{sum} or vector(0)"));
        #[allow(clippy::cast_precision_loss)]
        let all = value == events as f64;
        all.then_some(())
            .ok_or_else(|| format!("{value} of {events}"))
    });
    // The scrapes continue the series of the history.
    let went_on = "count(ticket_created_total >= ticket_created_total offset 1d)";
    let yesterday = prometheus.value("count(ticket_created_total offset 1d)");
    assert!(yesterday > 20.0, "{yesterday}");
    assert_eq!(prometheus.value(went_on).to_bits(), yesterday.to_bits());
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

#[test]
fn the_history_exists_before_prometheus_starts() {
    let compose = compose();
    let services = &compose["services"];
    let ends_before = |first: &str, then: &str| {
        services[then]["depends_on"][first]["condition"] == "service_completed_successfully"
    };
    for (first, then) in [
        ("month", "history"),
        ("storage", "history"),
        ("history", "prometheus"),
        ("month", "desk"),
    ] {
        assert!(ends_before(first, then), "{then} does not wait for {first}");
    }
    // promtool and the user are those of the Prometheus that reads the blocks.
    assert_eq!(
        services["storage"]["image"],
        services["prometheus"]["image"]
    );
    assert_eq!(services["history"]["user"], "65534:65534");
    assert!(
        text(&list(&services["storage"]["command"])[0]).contains("chown 65534:65534 /prometheus")
    );
    // The labels are those of the scrape.
    let scrape = read("deploy/compose/prometheus/prometheus.yml");
    for argument in list(&services["history"]["command"]).iter().map(text) {
        if let Some(label) = argument.strip_prefix("--label=") {
            let (name, value) = label.split_once('=').unwrap();
            let expected = match name {
                "job" => format!("job_name: {value}\n"),
                _ => format!("targets: [\"{value}\"]\n"),
            };
            assert!(scrape.contains(&expected), "{label}");
        }
    }
}
