//! The cluster gets the rules and dashboards of the repository.

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;

use serde_json::Value;

use super::{case, checked, files, list, name_of, of, read, rendered, said, template, text, the};
use crate::harness::{command, deployment, folder, promtool, repository};

/// The number of rules that promtool finds in a file.
fn count(rules: &str) -> usize {
    let there = folder("rules");
    let path = there.path().join("rules.yml");
    fs::write(&path, rules).unwrap();
    let answer = promtool(&["check", "rules", path.to_str().unwrap()], "");
    assert!(answer.success, "{answer:?}");
    let mut words = answer.stdout.split_whitespace();
    let number = words.find_map(|word| word.parse().ok());
    number.unwrap_or_else(|| panic!("{answer:?}"))
}

#[test]
fn promtool_accepts_and_finds_all_rules() {
    let output = template(&case("minimal"), &["--set", "prometheusRule.enabled=true"]);
    let objects = checked(&said(output));
    let spec = &the(&objects, "PrometheusRule")["spec"];
    let shipped: usize = files("deploy/prometheus", "yml")
        .iter()
        .map(|path| count(&fs::read_to_string(path).unwrap()))
        .sum();
    // JSON is YAML.
    assert_eq!(count(&spec.to_string()), shipped);
    assert!(shipped > 20, "{shipped}");
    let own = rendered("standby");
    let spec = &the(&own, "PrometheusRule")["spec"];
    assert_eq!(count(&spec.to_string()), 1);
}

#[test]
fn links_follow_the_values() {
    let objects = rendered("everything");
    let spec = the(&objects, "PrometheusRule")["spec"].to_string();
    let alerts = spec.matches("\"alert\":").count();
    assert!(alerts > 10, "{alerts}");
    for link in [
        "\"runbook_url\":\"https://wiki.example.com/runbooks/Ticket",
        "\"dashboard_url\":\"https://grafana.example.com/d/ticket-",
    ] {
        assert_eq!(spec.matches(link).count(), alerts, "{link}");
    }
}

#[test]
fn dashboards_arrive_byte_for_byte() {
    let objects = rendered("everything");
    let dashboards = files("dashboards", "json");
    let maps = of(&objects, "ConfigMap");
    for dashboard in &dashboards {
        let name = name_of(dashboard);
        let map = maps.iter().find(|map| map["data"].get(&name).is_some());
        let map = map.unwrap_or_else(|| panic!("no ConfigMap has {name}"));
        assert_eq!(
            text(&map["data"][&name]),
            read(&format!("dashboards/{name}"))
        );
        assert_eq!(map["metadata"]["labels"]["grafana_dashboard"], "1");
        assert_eq!(map["metadata"]["annotations"]["grafana_folder"], "Tickets");
        // The limit is 1 MiB.
        assert!(map.to_string().len() < 512 << 10, "{name} is too long");
    }
    let with_dashboards = maps
        .iter()
        .filter(|map| map["metadata"]["namespace"] == "monitoring");
    assert_eq!(with_dashboards.count(), dashboards.len());
}

/// Standard output of the program.
#[track_caller]
fn printed(arguments: &[&str]) -> String {
    said(command().args(arguments).output().unwrap())
}

#[test]
fn the_program_writes_the_same_rules_for_the_operator_as_the_chart() {
    let values = ["--set", "prometheusRule.enabled=true"];
    let chart = checked(&said(template(&case("minimal"), &values)));
    let config = repository().join("src/config/reference.yaml");
    let arguments = [
        "rules",
        "--config.file",
        config.to_str().unwrap(),
        "--format",
        "prometheusrule",
        "--label",
        "release=kube-prometheus-stack",
    ];
    let objects = checked(&printed(&arguments));
    let rule = the(&objects, "PrometheusRule");
    assert_eq!(
        rule["metadata"]["labels"]["release"],
        "kube-prometheus-stack"
    );
    let groups = |rule: &Value| {
        let mut groups = list(&rule["spec"]["groups"]).to_vec();
        groups.sort_by_key(|group| text(&group["name"]).to_owned());
        groups
    };
    assert_eq!(groups(rule), groups(the(&chart, "PrometheusRule")));
}

#[test]
fn the_program_writes_the_same_dashboards_as_the_chart() {
    let objects = checked(&printed(&["dashboards", "--format", "configmap"]));
    let chart = rendered("everything");
    let data = |objects: &[Value]| -> BTreeMap<String, Value> {
        let maps = of(objects, "ConfigMap").into_iter();
        let maps = maps.filter(|map| map["metadata"]["labels"]["grafana_dashboard"] == "1");
        maps.map(|map| {
            let (name, text) = map["data"].as_object().unwrap().iter().next().unwrap();
            let annotations = &map["metadata"]["annotations"];
            assert_eq!(annotations["grafana_folder"], "Tickets");
            (name.clone(), text.clone())
        })
        .collect()
    };
    assert_eq!(data(&objects).len(), files("dashboards", "json").len());
    assert!(data(&objects) == data(&chart), "the contents differ");
}

/// All numbers as Jsonnet has them.
fn with_floats(value: &Value) -> Value {
    match value {
        Value::Number(number) => Value::from(number.as_f64()),
        Value::Array(items) => items.iter().map(with_floats).collect(),
        Value::Object(members) => {
            let members = members.iter();
            Value::Object(
                members
                    .map(|(name, value)| (name.clone(), with_floats(value)))
                    .collect(),
            )
        }
        other => other.clone(),
    }
}

#[test]
fn jsonnet_evaluates_the_mixin_to_the_shipped_rules_and_dashboards() {
    let there = folder("mixin");
    let path = there.path().to_str().unwrap();
    let config = repository().join("src/config/reference.yaml");
    let config = config.to_str().unwrap();
    let rules = ["rules", "--format", "mixin", "--config.file", config];
    printed(&[&rules[..], &["--output", path]].concat());
    // As mixtool does. Another mixin comes before.
    let program = "local mixins = { prometheusAlerts:: { groups: [{ name: 'other', rules: [] }] } } \
         + (import 'mixin.libsonnet'); \
         { alerts: mixins.prometheusAlerts, rules: mixins.prometheusRules, \
         dashboards: mixins.grafanaDashboards }";
    let script = "import _jsonnet, sys; print(_jsonnet.evaluate_snippet('mixin', sys.argv[1], \
         jpathdir=[sys.argv[2]]))";
    let python = Command::new(deployment("python"))
        .args(["-c", script, program, path])
        .output()
        .unwrap();
    let mixin: Value = serde_json::from_str(&said(python)).unwrap();
    assert_eq!(mixin["alerts"]["groups"][0]["name"], "other");
    let rules = count(&mixin["alerts"].to_string()) + count(&mixin["rules"].to_string());
    let shipped = files("deploy/prometheus", "yml");
    let shipped = shipped
        .iter()
        .map(|path| count(&fs::read_to_string(path).unwrap()));
    assert_eq!(rules, shipped.sum::<usize>());
    for dashboard in files("dashboards", "json") {
        let name = name_of(&dashboard);
        let model: Value = serde_json::from_str(&read(&format!("dashboards/{name}"))).unwrap();
        let evaluated = with_floats(&mixin["dashboards"][&name]);
        assert!(evaluated == with_floats(&model), "{name} differs");
    }
}
