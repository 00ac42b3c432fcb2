//! The cluster gets the rules and dashboards of the repository.

use std::fs;

use super::{case, checked, files, name_of, of, read, rendered, said, template, text, the};
use crate::harness::{folder, promtool};

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
