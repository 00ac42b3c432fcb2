//! Writes the objectives as specifications for Sloth and Pyrra, which make SLO dashboards of them.
//!
//! Their own burn-rate alerts are disabled, because they suit services with many requests. Sloth's
//! alerts need 14.4 or 6 times the budget, which an objective below 83 % can never reach, and neither
//! tool knows a minimum number of goals. [`super::prometheus`] writes alerts that fit.

use super::dimensions::Dimensions;
use super::promql::{matcher, number};
use crate::domain::policy::Target;
use crate::domain::yaml::{Yaml, document};
use crate::engine::Rules;

/// The service that the objectives belong to.
const SERVICE: &str = "support";

/// The objective of one SLA target of a policy.
struct ServiceObjective<'a> {
    policy: &'a str,
    /// If there are several.
    group: Option<&'a str>,
    target: &'static str,
    objective: f64,
    /// Unique; lower-case letters, digits and dashes.
    name: String,
}

fn service_objectives<'a>(rules: &'a Rules, objectives: &[f64]) -> Vec<ServiceObjective<'a>> {
    let has_groups = !Dimensions::of(rules).groups.is_empty();
    let mut service_objectives: Vec<ServiceObjective<'a>> = Vec::new();
    for (policy, objective) in rules.policies.iter().zip(objectives) {
        for target in Target::ALL {
            if policy.target(target).is_none() {
                continue;
            }
            let base = slug(&format!("ticket {} {}", policy.name, target.name()));
            let mut name = base.clone();
            let mut number = 2;
            while service_objectives.iter().any(|other| other.name == name) {
                name = format!("{base}-{number}");
                number += 1;
            }
            service_objectives.push(ServiceObjective {
                policy: &policy.name,
                group: has_groups.then_some(policy.group.as_str()),
                target: target.name(),
                objective: *objective,
                name,
            });
        }
    }
    service_objectives
}

impl ServiceObjective<'_> {
    fn matchers(&self) -> String {
        format!(
            "{}, {}",
            matcher("policy", self.policy),
            matcher("target", self.target)
        )
    }

    fn percent(&self) -> String {
        number(self.objective * 100.0)
    }

    fn description(&self) -> String {
        let group = self
            .group
            .map(|group| format!(" of group {group}"))
            .unwrap_or_default();
        format!(
            "{} % of the {} goals of policy {}{group} are met.",
            self.percent(),
            self.target,
            self.policy
        )
    }
}

/// Returns one document for Sloth, version `prometheus/v1`.
pub fn sloth(rules: &Rules, objectives: &[f64]) -> String {
    let off = || Yaml::map(vec![("disable", Yaml::Literal("true".into()))]);
    let query = |name: &str, objective: &ServiceObjective<'_>| {
        Yaml::text(format!(
            "sum(max without (instance, pod) (rate({name}{{{}}}[{{{{.window}}}}])))",
            objective.matchers()
        ))
    };
    let slo = |objective: &ServiceObjective<'_>| {
        let events = vec![
            ("error_query", query("ticket_sla_breaches_total", objective)),
            ("total_query", query("ticket_sla_goals_total", objective)),
        ];
        let mut entries = vec![
            ("name", Yaml::text(&objective.name)),
            ("objective", Yaml::Literal(objective.percent())),
            ("description", Yaml::text(objective.description())),
            ("sli", Yaml::map(vec![("events", Yaml::map(events))])),
            (
                "alerting",
                Yaml::map(vec![("page_alert", off()), ("ticket_alert", off())]),
            ),
        ];
        if let Some(group) = objective.group {
            entries.push(("labels", Yaml::map(vec![("group", Yaml::text(group))])));
        }
        Yaml::map(entries)
    };
    let slos = service_objectives(rules, objectives)
        .iter()
        .map(slo)
        .collect();
    let root = Yaml::map(vec![
        ("version", Yaml::text("prometheus/v1")),
        ("service", Yaml::text(SERVICE)),
        ("slos", Yaml::List(slos)),
    ]);
    document(
        &[
            "Objectives for Sloth. Its own alerts are off: see `ticket-exporter rules`.",
            super::GENERATED,
        ],
        &root,
    )
}

/// Returns a document for Pyrra for each objective, grouped by team.
pub fn pyrra(rules: &Rules, objectives: &[f64]) -> String {
    let metric = |name: &str, objective: &ServiceObjective<'_>| {
        let series = format!("{name}{{{}}}", objective.matchers());
        Yaml::map(vec![("metric", Yaml::text(series))])
    };
    let documents = service_objectives(rules, objectives)
        .into_iter()
        .map(|objective| {
            let ratio = vec![
                ("errors", metric("ticket_sla_breaches_total", &objective)),
                ("total", metric("ticket_sla_goals_total", &objective)),
                ("grouping", Yaml::List(vec![Yaml::text("team")])),
            ];
            let spec = vec![
                ("target", Yaml::text(objective.percent())),
                ("window", Yaml::text("30d")),
                ("description", Yaml::text(objective.description())),
                ("indicator", Yaml::map(vec![("ratio", Yaml::map(ratio))])),
                (
                    "alerting",
                    Yaml::map(vec![("disabled", Yaml::Literal("true".into()))]),
                ),
            ];
            let mut metadata = vec![("name", Yaml::text(&objective.name))];
            if let Some(group) = objective.group {
                // Pyrra adds labels with this prefix to the series that it records.
                let label = Yaml::map(vec![("pyrra.dev/group", Yaml::text(group))]);
                metadata.push(("labels", label));
            }
            let root = Yaml::map(vec![
                ("apiVersion", Yaml::text("pyrra.dev/v1alpha1")),
                ("kind", Yaml::text("ServiceLevelObjective")),
                ("metadata", Yaml::map(metadata)),
                ("spec", Yaml::map(spec)),
            ]);
            document(&[], &root)
        });
    let head = document(
        &[
            "Objectives for Pyrra. Its own alerts are off: see `ticket-exporter rules`.",
            super::GENERATED,
        ],
        &Yaml::Map(Vec::new()),
    );
    head + &documents.collect::<Vec<_>>().join("---\n")
}

/// A valid Kubernetes name: lower-case letters and digits, separated by dashes.
fn slug(text: &str) -> String {
    let lower = text.to_lowercase();
    let words = lower.split(|symbol: char| !symbol.is_ascii_alphanumeric());
    let words: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
    words.join("-")
}

#[cfg(test)]
mod tests {
    use saphyr::{LoadableYamlNode, Yaml};

    use super::*;
    use crate::domain::policy::Policy;

    fn rules() -> Rules {
        let policy = |name: &str, targets: &[Target]| {
            let mut policy = Policy::new(name);
            for target in targets {
                policy.targets[*target as usize] = Some(1_000);
            }
            policy
        };
        Rules {
            policies: vec![
                policy("Very urgent!", &[Target::FirstResponse, Target::Resolution]),
                policy("very \"urgent\"", &[Target::FirstResponse]),
                policy("no targets", &[]),
            ],
            ..Rules::default()
        }
    }

    #[test]
    fn sloth_gets_a_service_level_for_each_target() {
        let text = sloth(&rules(), &[0.995, 0.8, 0.9]);
        let read = Yaml::load_from_str(&text).unwrap();
        let root = &read[0];
        assert_eq!(root["version"].as_str(), Some("prometheus/v1"));
        assert_eq!(root["service"].as_str(), Some("support"));
        let slos: Vec<_> = root["slos"].as_vec().unwrap().iter().collect();
        let names: Vec<_> = slos
            .iter()
            .map(|slo| slo["name"].as_str().unwrap())
            .collect();
        assert_eq!(
            names,
            [
                "ticket-very-urgent-first-response",
                "ticket-very-urgent-resolution",
                "ticket-very-urgent-first-response-2"
            ]
        );
        assert_eq!(slos[0]["objective"].as_floating_point(), Some(99.5));
        let query = slos[2]["sli"]["events"]["error_query"].as_str().unwrap();
        assert_eq!(
            query,
            "sum(max without (instance, pod) (rate(ticket_sla_breaches_total{policy=\"very \
             \\\"urgent\\\"\", target=\"first_response\"}[{{.window}}])))"
        );
        for alert in ["page_alert", "ticket_alert"] {
            assert_eq!(slos[0]["alerting"][alert]["disable"].as_bool(), Some(true));
        }
    }

    #[test]
    fn pyrra_gets_a_document_for_each_target() {
        let text = pyrra(&rules(), &[0.995, 0.8, 0.9]);
        let read = Yaml::load_from_str(&text).unwrap();
        assert_eq!(read.len(), 3, "{text}");
        let one = &read[0];
        assert_eq!(one["apiVersion"].as_str(), Some("pyrra.dev/v1alpha1"));
        assert_eq!(one["kind"].as_str(), Some("ServiceLevelObjective"));
        assert_eq!(one["spec"]["target"].as_str(), Some("99.5"));
        assert_eq!(
            one["spec"]["indicator"]["ratio"]["grouping"][0].as_str(),
            Some("team")
        );
        assert_eq!(
            one["spec"]["indicator"]["ratio"]["total"]["metric"].as_str(),
            Some("ticket_sla_goals_total{policy=\"Very urgent!\", target=\"first_response\"}")
        );
    }

    #[test]
    fn the_objectives_of_several_groups_are_labeled() {
        let mut rules = rules();
        rules.policies[1].group = "ola".to_owned();
        let objectives = [0.995, 0.8, 0.9];
        let text = sloth(&rules, &objectives);
        let read = Yaml::load_from_str(&text).unwrap();
        let slos: Vec<_> = read[0]["slos"].as_vec().unwrap().iter().collect();
        let groups: Vec<_> = slos
            .iter()
            .map(|slo| slo["labels"]["group"].as_str())
            .collect();
        assert_eq!(groups, [Some("sla"), Some("sla"), Some("ola")]);
        let said = slos[2]["description"].as_str().unwrap();
        assert!(said.contains("of group ola"), "{said}");
        let text = pyrra(&rules, &objectives);
        let read = Yaml::load_from_str(&text).unwrap();
        let labels = &read[2]["metadata"]["labels"];
        assert_eq!(labels["pyrra.dev/group"].as_str(), Some("ola"));
    }
}
