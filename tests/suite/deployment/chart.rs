//! The chart: it passes lint, its objects fit their schemas for all kinds of values, wrong values are
//! refused by name, and the configuration arrives unchanged.

use std::collections::BTreeSet;
use std::fs;

use super::{CASES, CHART, case, files, name_of, of, read, rendered, said, template, text, the};
use super::{checked, list};
use crate::harness::{command, folder, helm, repository};

#[test]
fn it_passes_lint() {
    for values in files(&format!("{CASES}/values"), "yaml") {
        let output = std::process::Command::new(helm())
            .args(["lint", "--strict", CHART, "--values"])
            .arg(&values)
            .current_dir(repository())
            .output()
            .unwrap();
        let lines = said(output);
        let trouble = lines.contains("[WARNING]") || lines.contains("[ERROR]");
        assert!(!trouble, "{}: {lines}", values.display());
    }
}

#[test]
fn every_object_fits_its_schema() {
    let mut kinds = BTreeSet::new();
    for values in files(&format!("{CASES}/values"), "yaml") {
        let objects = checked(&said(template(&values, &[])));
        for object in &objects {
            kinds.insert(text(&object["kind"]).to_owned());
        }
        // With OrderedReady, which one case asks for, Kubernetes never replaces a pod that is not ready.
        let policy = &the(&objects, "StatefulSet")["spec"]["podManagementPolicy"];
        let wanted = match name_of(&values).as_str() {
            "secret.yaml" => "OrderedReady",
            _ => "Parallel",
        };
        assert_eq!(*policy, wanted, "{}", values.display());
        // The operator provides the secrets.
        assert!(of(&objects, "Secret").is_empty(), "{}", values.display());
    }
    let all = [
        "ConfigMap",
        "Deployment",
        "HTTPRoute",
        "HorizontalPodAutoscaler",
        "Ingress",
        "NetworkPolicy",
        "Pod",
        "PodDisruptionBudget",
        "PrometheusRule",
        "Service",
        "ServiceAccount",
        "ServiceMonitor",
        "StatefulSet",
    ];
    assert_eq!(kinds, all.map(str::to_owned).into());
}

#[test]
fn the_check_of_objects_refuses_what_is_wrong() {
    let good = said(template(&case("certificate"), &[]));
    for (right, wrong) in [
        ("  replicas: 1\n", "  replicas: one\n"),
        ("  replicas: 1\n", "  replicaCount: 1\n"),
        ("  jobLabel: ", "  jobLabels: "),
        ("  scheme: https\n", "  scheme: gopher\n"),
        (
            "      path: /metrics\n",
            "      path: /metrics\n      path: /\n",
        ),
    ] {
        assert!(good.contains(right), "{right}");
        let yaml = good.replacen(right, wrong, 1);
        let refused = std::panic::catch_unwind(|| checked(&yaml));
        assert!(refused.is_err(), "{wrong} passes");
    }
}

#[test]
fn wrong_values_are_refused_by_name() {
    for values in files(&format!("{CASES}/refused"), "yaml") {
        let first = fs::read_to_string(&values).unwrap();
        let expected = first.lines().next().unwrap().trim_start_matches("# ");
        let output = template(&values, &[]);
        let errors = String::from_utf8_lossy(&output.stderr);
        let name = name_of(&values);
        assert!(!output.status.success(), "{name} passes");
        assert!(errors.contains(expected), "{name}: {errors}");
    }
}

/// Writes the content of a ConfigMap to a folder and checks the configuration there with the program.
fn check_config(config_map: &serde_json::Value) {
    let there = folder("configuration");
    for (name, content) in config_map["data"].as_object().unwrap() {
        fs::write(there.path().join(name), text(content)).unwrap();
    }
    let output = command()
        .args(["check-config", "--config.file"])
        .arg(there.path().join("ticket-exporter.yaml"))
        .output()
        .unwrap();
    said(output);
}

#[test]
fn the_program_accepts_the_configuration() {
    for name in [
        "minimal",
        "configured",
        "everything",
        "gateway",
        "gateway-route",
    ] {
        let objects = rendered(name);
        let maps = of(&objects, "ConfigMap");
        let map = maps
            .iter()
            .find(|map| map["data"].get("ticket-exporter.yaml").is_some());
        check_config(map.unwrap());
    }
}

#[test]
fn the_configuration_arrives_unchanged() {
    let reference = "src/config/reference.yaml";
    let given = format!("config={reference}");
    // Helm reads commas and brackets in a file literally.
    let output = template(&case("minimal"), &["--set-file", &given]);
    let objects = checked(&said(output));
    let map = the(&objects, "ConfigMap");
    assert_eq!(map["data"]["ticket-exporter.yaml"], read(reference));
    check_config(map);
    let objects = rendered("configured");
    let map = the(&objects, "ConfigMap");
    let lines = "SUMMARY:Holiday\nEND:VEVENT\nEND:VCALENDAR\n";
    assert!(text(&map["data"]["holidays.ics"]).ends_with(lines));
}

#[test]
fn another_configuration_restarts_the_pod() {
    let sum = |more: &[&str]| {
        let objects = checked(&said(template(&case("minimal"), more)));
        let template = &the(&objects, "StatefulSet")["spec"]["template"];
        template["metadata"]["annotations"]["checksum/config"].clone()
    };
    let given = sum(&["--set", "config=stream: { grace: 10s }"]);
    assert!(given.is_string());
    assert_eq!(given, sum(&["--set", "config=stream: { grace: 10s }"]));
    assert_ne!(given, sum(&["--set", "config=stream: { grace: 11s }"]));
    assert_ne!(given, sum(&["--set", "configFiles.a=b"]));
    assert!(sum(&["--set", "restartOnConfigChange=false"]).is_null());
}

#[test]
fn the_program_reloads_changed_files_if_wanted() {
    let interval = |more: &[&str]| {
        let objects = checked(&said(template(&case("minimal"), more)));
        let container = &the(&objects, "StatefulSet")["spec"]["template"]["spec"]["containers"][0];
        let mut variables = list(&container["env"]).iter();
        let variable = variables
            .find(|variable| variable["name"] == "TICKET_EXPORTER_CONFIG_AUTO_RELOAD_INTERVAL");
        variable.map(|variable| text(&variable["value"]).to_owned())
    };
    assert_eq!(interval(&[]), None);
    let given = interval(&["--set", "autoReloadInterval=30s"]);
    assert_eq!(given.as_deref(), Some("30s"));
}

#[test]
fn prometheus_scrapes_the_pod_even_if_it_is_not_ready() {
    for name in [
        "certificate",
        "client-certificates",
        "passwords",
        "web-file",
    ] {
        let objects = rendered(name);
        let monitor = &the(&objects, "ServiceMonitor")["spec"];
        let wanted = monitor["selector"]["matchLabels"].as_object().unwrap();
        let services = of(&objects, "Service");
        let found: Vec<_> = services
            .iter()
            .filter(|service| {
                let labels = service["metadata"]["labels"].as_object().unwrap();
                wanted
                    .iter()
                    .all(|(key, value)| labels.get(key) == Some(value))
            })
            .collect();
        assert_eq!(found.len(), 1, "{name}");
        let service = found[0];
        assert_eq!(service["spec"]["publishNotReadyAddresses"], true);
        // The rules expect this name of the job.
        let label = text(&monitor["jobLabel"]);
        assert_eq!(service["metadata"]["labels"][label], "ticket-exporter");
        let endpoint = &list(&monitor["endpoints"])[0];
        assert_eq!(endpoint["port"], list(&service["spec"]["ports"])[0]["name"]);
        assert_eq!(endpoint["scheme"], "https");
        assert_eq!(list(&monitor["scrapeProtocols"])[0], "PrometheusProto");
        assert_eq!(monitor["scrapeClassicHistograms"], true);
    }
}

#[test]
fn the_gateway_is_its_own_job_and_only_its_hooks_are_open() {
    let objects = rendered("gateway");
    let deployment = &the(&objects, "Deployment")["spec"];
    // The HorizontalPodAutoscaler chooses it.
    assert!(deployment["replicas"].is_null());
    let pod = &deployment["template"];
    assert_eq!(list(&pod["spec"]["containers"])[0]["args"][0], "gateway");
    // The alerts expect this name of the job.
    let name = "app.kubernetes.io/name";
    assert_eq!(pod["metadata"]["labels"][name], "ticket-gateway");
    for service in of(&objects, "Service") {
        let of_gateway = service["metadata"]["labels"][name] == "ticket-gateway";
        assert_eq!(selects(&service["spec"]["selector"], pod), of_gateway);
    }
    let rule = &list(&the(&objects, "Ingress")["spec"]["rules"])[0];
    let [path] = list(&rule["http"]["paths"]) else {
        panic!("{rule}");
    };
    assert_eq!(path["path"], "/hooks/");
    assert!(of(&rendered("minimal"), "Deployment").is_empty());
}

#[test]
fn a_route_a_policy_and_certificates_of_the_gateway() {
    let objects = rendered("gateway-route");
    let pod = &the(&objects, "Deployment")["spec"]["template"];
    let containers = list(&pod["spec"]["containers"]);
    let arguments = containers[0]["args"].to_string();
    assert!(arguments.contains("--web.config.file=/etc/ticket-exporter/web/web.yml"));
    assert!(arguments.contains("--web.enable-lifecycle"));
    // The hooks have a certificate of their own.
    let probe = &containers[0]["readinessProbe"]["httpGet"];
    assert_eq!(
        (&probe["port"], &probe["scheme"]),
        (&"hooks".into(), &"HTTPS".into())
    );
    let variables = containers[0]["env"].to_string();
    assert!(variables.contains("/etc/ticket-exporter/gateway-web/web.yml"));
    let mounts = list(&containers[0]["volumeMounts"]);
    for name in ["web", "tls", "gateway-web", "gateway-tls"] {
        let is_it = |one: &&serde_json::Value| one["name"] == name;
        assert!(mounts.iter().any(|one| is_it(&one)), "{name}");
        let volumes = list(&pod["spec"]["volumes"]);
        assert!(volumes.iter().any(|one| is_it(&one)), "{name}");
    }
    // A reload applies changes.
    assert!(pod["metadata"]["annotations"].is_null());

    let route = &the(&objects, "HTTPRoute")["spec"];
    assert_eq!(list(&route["parentRefs"])[0]["name"], "public");
    let rule = &list(&route["rules"])[0];
    assert_eq!(list(&rule["matches"])[0]["path"]["value"], "/hooks");
    let backend = &list(&rule["backendRefs"])[0];
    let services = of(&objects, "Service");
    let service = services
        .iter()
        .find(|service| service["metadata"]["name"] == backend["name"]);
    let port = &list(&service.unwrap()["spec"]["ports"])[0];
    assert_eq!(
        (&port["port"], &port["name"]),
        (&backend["port"], &"hooks".into())
    );

    let policies = of(&objects, "NetworkPolicy");
    let of_gateway: Vec<_> = policies
        .iter()
        .filter(|policy| selects(&policy["spec"]["podSelector"]["matchLabels"], pod))
        .collect();
    let [policy] = of_gateway[..] else {
        panic!("{policies:?}");
    };
    let from = |rule: &serde_json::Value| {
        let port = text(&list(&rule["ports"])[0]["port"]).to_owned();
        let labels = &list(&rule["from"])[0]["namespaceSelector"]["matchLabels"];
        (
            port,
            text(&labels["kubernetes.io/metadata.name"]).to_owned(),
        )
    };
    let allowed: Vec<_> = list(&policy["spec"]["ingress"]).iter().map(from).collect();
    let pair = |port: &str, namespace: &str| (port.to_owned(), namespace.to_owned());
    assert_eq!(
        allowed,
        [pair("hooks", "ingress"), pair("http", "monitoring")]
    );
    assert_eq!(list(&policy["spec"]["egress"]).len(), 2);

    let monitors = of(&objects, "ServiceMonitor");
    assert_eq!(monitors.len(), 2);
    for monitor in monitors {
        let endpoint = &list(&monitor["spec"]["endpoints"])[0];
        assert_eq!(endpoint["path"], "/support/metrics");
        assert_eq!(endpoint["scheme"], "https");
        assert!(endpoint["tlsConfig"].is_object());
    }
}

/// Whether an object has all labels of a selector.
fn selects(selector: &serde_json::Value, object: &serde_json::Value) -> bool {
    let labels = &object["metadata"]["labels"];
    let wanted = selector.as_object().unwrap();
    wanted.iter().all(|(name, value)| labels[name] == *value)
}

#[test]
fn the_pod_of_helm_test_has_access_and_is_not_the_exporter() {
    let objects = rendered("everything");
    let test = the(&objects, "Pod");
    let policy = &the(&objects, "NetworkPolicy")["spec"];
    let rule = &list(&policy["ingress"])[0];
    let is_let_in = list(&rule["from"]).iter().any(|peer| {
        let selector = &peer["podSelector"]["matchLabels"];
        peer["namespaceSelector"].is_null() && selector.is_object() && selects(selector, test)
    });
    assert!(is_let_in, "{rule}");
    // Policies do not restrict its own traffic, no Service sends scrapes to it, and no disruption budget
    // counts it.
    for (kind, member) in [
        ("NetworkPolicy", "/spec/podSelector/matchLabels"),
        ("Service", "/spec/selector"),
        ("PodDisruptionBudget", "/spec/selector/matchLabels"),
        ("StatefulSet", "/spec/selector/matchLabels"),
    ] {
        for object in of(&objects, kind) {
            let selector = object.pointer(member).unwrap();
            assert!(!selects(selector, test), "{kind}: {selector}");
        }
    }
    assert!(of(&rendered("secret"), "Pod").is_empty());
}

#[test]
fn the_whole_configuration_may_be_a_secret() {
    let objects = rendered("secret");
    assert!(of(&objects, "ConfigMap").is_empty());
    let pod = &the(&objects, "StatefulSet")["spec"]["template"]["spec"];
    let volumes = list(&pod["volumes"]);
    let config = volumes.iter().find(|one| one["name"] == "config").unwrap();
    assert_eq!(config["secret"]["secretName"], "tickets-config");
}

#[test]
fn a_parent_chart_may_contain_it() {
    let parent = folder("parent");
    let charts = parent.path().join("charts");
    fs::create_dir(&charts).unwrap();
    std::os::unix::fs::symlink(repository().join(CHART), charts.join("ticket-exporter")).unwrap();
    let dependency =
        "dependencies: [{ name: ticket-exporter, condition: ticket-exporter.enabled }]";
    let chart = format!("apiVersion: v2\nname: desk\nversion: 1.0.0\n{dependency}\n");
    fs::write(parent.path().join("Chart.yaml"), chart).unwrap();
    let values = parent.path().join("values.yaml");
    let own = "{ enabled: ENABLED, image: { repository: r } }";
    let given = format!("global: {{ region: eu }}\nticket-exporter: {own}\n");
    for (enabled, objects) in [("true", 1), ("false", 0)] {
        fs::write(&values, given.replace("ENABLED", enabled)).unwrap();
        let output = std::process::Command::new(helm())
            .args(["template", "desk"])
            .arg(parent.path())
            .output()
            .unwrap();
        let rendered = checked(&said(output));
        assert_eq!(of(&rendered, "StatefulSet").len(), objects, "{enabled}");
    }
}

/// The complete shell commands of a section of the chart's README.
fn commands_of(section: &str) -> Vec<String> {
    let page = read(&format!("{CHART}/README.md"));
    let (_, rest) = page.split_once(&format!("\n{section}\n")).unwrap();
    let rest = rest.split("\n## ").next().unwrap();
    let joined = rest.replace("\\\n", " ");
    let lines = joined.lines().map(str::trim_start);
    lines
        .filter_map(|line| line.strip_prefix("$ "))
        .map(str::to_owned)
        .collect()
}

#[test]
fn its_standby_has_a_group_of_its_own_and_sends_no_dead_letters() {
    let commands = commands_of("## A standby");
    let [sed, install] = &commands[..] else {
        panic!("{commands:?}");
    };
    let there = folder("standby");
    let config = "kafka:\n  topics: [tickets]\n  dead_letter_topic: tickets.dead\n";
    fs::write(there.path().join("ticket-exporter.yaml"), config).unwrap();
    let mut shell = std::process::Command::new("sh");
    said(
        shell
            .args(["-c", sed])
            .current_dir(there.path())
            .output()
            .unwrap(),
    );
    let words: Vec<&str> = install.split_whitespace().collect();
    let start = words.iter().position(|word| *word == "--values").unwrap();
    let arguments: Vec<&str> = words[start + 2..].to_vec();
    let output = std::process::Command::new(helm())
        .args(["template", "standby"])
        .arg(repository().join(CHART))
        .arg("--values")
        .arg(case("minimal"))
        .args(&arguments)
        .current_dir(there.path())
        .output()
        .unwrap();
    let objects = checked(&said(output));
    let map = the(&objects, "ConfigMap");
    let config = text(&map["data"]["ticket-exporter.yaml"]);
    assert!(
        config.contains("topics: [tickets]") && !config.contains("dead"),
        "{config}"
    );
    let set = the(&objects, "StatefulSet").to_string();
    assert!(
        set.contains("\"TICKET_EXPORTER_KAFKA_GROUP_ID\",\"value\":\"ticket-exporter-standby\""),
        "{set}"
    );
}

#[test]
fn nothing_advises_to_keep_the_defaults_of_an_older_chart() {
    let notes = format!("{CHART}/templates/NOTES.txt");
    let page = format!("{CHART}/README.md");
    for path in [&notes, &page] {
        let joined = read(path).replace("\\\n", " ");
        for line in joined.lines().filter(|line| line.contains("helm upgrade ")) {
            let is_command = line
                .trim_start()
                .trim_start_matches("$ ")
                .starts_with("helm upgrade ");
            assert!(
                !is_command || line.contains(" --reset-then-reuse-values"),
                "{path}: {line}"
            );
        }
    }
}

#[test]
fn versions_equal_those_of_the_program() {
    let chart = read(&format!("{CHART}/Chart.yaml"));
    let version = env!("CARGO_PKG_VERSION");
    assert!(
        chart.contains(&format!("\nappVersion: \"{version}\"\n")),
        "{chart}"
    );
    let dockerfile = read("deploy/docker/Dockerfile");
    assert!(dockerfile.contains(&format!("\nARG VERSION={version}\n")));
    let base = read("deploy/kubernetes/base/kustomization.yaml");
    assert!(base.contains(&format!("newTag: {version}\n")), "{base}");
}

#[test]
fn its_readme_names_existing_values() {
    let page = read(&format!("{CHART}/README.md"));
    let (prose, table) = page.split_once("<!-- generated: values -->").unwrap();
    let values: BTreeSet<&str> = table
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split('`').next())
        .collect();
    let mut seen = 0;
    for code in prose.split('`').skip(1).step_by(2) {
        let Some((section, _)) = code.split_once('.') else {
            continue;
        };
        let is_value = |value: &&str| value.split('.').next() == Some(section);
        let words = code
            .chars()
            .all(|one| one.is_ascii_alphanumeric() || one == '.');
        if words && values.iter().any(is_value) {
            seen += 1;
            assert!(values.contains(code), "no value {code}");
        }
    }
    assert!(seen > 4, "{seen}");
}
