//! The example for Alertmanager: every alert reaches its receivers, and an alert that another one explains
//! is inhibited.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::time::Duration;

use saphyr::{LoadableYamlNode, Yaml};

use super::{REFERENCE, SHIPPED, root};
use crate::harness::{Alertmanager, Labels, Webhooks, amtool, eventually};

pub(super) const EXAMPLE: &str = "deploy/alertmanager/alertmanager.yml";
const ROUTES: &str = "deploy/alertmanager/tests/routes.txt";

/// The receivers come last in the example.
const RECEIVERS: &str = "\nreceivers:\n";

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap()
}

fn receivers() -> Vec<String> {
    let example = Yaml::load_from_str(&read(EXAMPLE)).unwrap();
    let receivers = example[0]["receivers"].as_vec().unwrap().iter();
    receivers
        .map(|receiver| receiver["name"].as_str().unwrap().to_owned())
        .collect()
}

/// The example with its routes and inhibitions, the shortest waits, and a webhook for each receiver with
/// the name as path.
pub(super) fn for_webhooks(webhooks: &Webhooks) -> String {
    let text = read(EXAMPLE);
    let (before, _) = text.split_once(RECEIVERS).unwrap();
    let mut config = String::new();
    for line in before.lines() {
        let shorter = ["group_wait", "group_interval"]
            .into_iter()
            .find_map(|key| {
                let (indent, _) = line.split_once(&format!("{key}: "))?;
                Some(format!("{indent}{key}: 1s"))
            });
        writeln!(config, "{}", shorter.as_deref().unwrap_or(line)).unwrap();
    }
    config += RECEIVERS;
    for name in receivers() {
        writeln!(
            config,
            "  - name: {name}\n    webhook_configs:\n      - url: {}",
            webhooks.url(&name)
        )
        .unwrap();
    }
    config
}

#[test]
fn alertmanager_accepts_the_example() {
    let (success, said) = amtool(&["check-config", EXAMPLE]);
    assert!(success, "{said}");
    let receivers = receivers();
    let expected = format!("{} receivers", receivers.len());
    assert!(said.contains(&expected), "{said}");
}

/// Expands a line of labels: every combination of the values between bars.
fn combinations(labels: &str) -> Vec<Vec<String>> {
    let mut all = vec![Vec::new()];
    for label in labels.split_whitespace() {
        let (name, values) = label.split_once('=').unwrap();
        all = all
            .into_iter()
            .flat_map(|chosen: Vec<String>| {
                values.split('|').map(move |value| {
                    let mut chosen = chosen.clone();
                    chosen.push(format!("{name}={value}"));
                    chosen
                })
            })
            .collect();
    }
    all
}

/// The receivers and the labels of each case in the file.
fn cases() -> Vec<(String, Vec<String>)> {
    let text = read(ROUTES);
    let lines = text
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines
        .flat_map(|line| {
            let (receivers, labels) = line.split_once(' ').unwrap();
            let receivers = receivers.to_owned();
            combinations(labels)
                .into_iter()
                .map(move |labels| (receivers.clone(), labels))
        })
        .collect()
}

#[test]
fn every_alert_reaches_its_receivers() {
    let cases = cases();
    for (receivers, labels) in &cases {
        let config = format!("--config.file={EXAMPLE}");
        let verify = format!("--verify.receivers={receivers}");
        let mut arguments = vec!["config", "routes", "test", &config, &verify];
        arguments.extend(labels.iter().map(String::as_str));
        let (success, said) = amtool(&arguments);
        assert!(success, "{labels:?} must reach {receivers}: {said}");
    }
    let reached: BTreeSet<&str> = cases
        .iter()
        .flat_map(|(receivers, _)| receivers.split(','))
        .collect();
    let all = receivers();
    assert_eq!(reached, all.iter().map(String::as_str).collect());
}

/// The cases cover each shipped alert, for each team of the reference configuration, for an unknown team
/// and for none.
#[test]
fn no_alert_and_no_team_is_forgotten() {
    let reference = Yaml::load_from_str(&read(REFERENCE)).unwrap();
    let known = reference[0]["teams"]["known"].as_vec().unwrap().iter();
    let mut teams: Vec<&str> = known.map(|team| team.as_str().unwrap()).collect();
    teams.extend(["none", "hardware"]);
    let cases: BTreeSet<BTreeSet<String>> = cases()
        .into_iter()
        .map(|(_, labels)| {
            let places = ["job=", "instance=", "topic="];
            let is_fixed = |label: &String| !places.iter().any(|place| label.starts_with(place));
            labels.into_iter().filter(is_fixed).collect()
        })
        .collect();
    let text = read(&format!("{SHIPPED}/alerts.yml"));
    let alerts = Yaml::load_from_str(&text).unwrap();
    for group in alerts[0]["groups"].as_vec().unwrap() {
        for rule in group["rules"].as_vec().unwrap() {
            let label = |name: &str| {
                let value = rule["labels"][name].as_str().unwrap();
                format!("{name}={value}")
            };
            let alert = format!("alertname={}", rule["alert"].as_str().unwrap());
            let fixed = [alert, label("severity"), label("category")];
            let of_exporter = fixed[2] == "category=exporter";
            for team in if of_exporter { &[""][..] } else { &teams } {
                let mut labels: BTreeSet<String> = fixed.iter().cloned().collect();
                if !of_exporter {
                    labels.insert(format!("team={team}"));
                }
                assert!(cases.contains(&labels), "no case of {labels:?} in {ROUTES}");
            }
        }
    }
}

fn labels(text: &str) -> Labels {
    text.split_whitespace()
        .map(|label| {
            let (name, value) = label.split_once('=').unwrap();
            (name.to_owned(), value.to_owned())
        })
        .collect()
}

const AT_RISK: &str = "alertname=TicketSlaAtRisk severity=warning category=kpi team=billing \
                       priority=p1 target=resolution policy=urgent";
const SLOW: &str = "alertname=TicketSlaBudgetBurnSlow severity=warning category=kpi team=billing \
                    policy=urgent target=resolution";
const NOT_READY: &str = "alertname=TicketExporterNotReady severity=warning category=exporter job=a";
const REJECTING: &str =
    "alertname=TicketExporterRejecting severity=warning category=exporter job=a instance=b";

/// Two alerts, and whether the first inhibits the second.
const PAIRS: [(&str, &str, bool); 17] = [
    (
        "alertname=TicketExporterDown severity=critical category=exporter job=a",
        AT_RISK,
        true,
    ),
    (NOT_READY, AT_RISK, true),
    (
        "alertname=TicketExporterLagging severity=warning category=exporter job=a instance=b",
        AT_RISK,
        true,
    ),
    (
        "alertname=TicketExporterCheckpointFailing severity=critical category=exporter job=a instance=b",
        AT_RISK,
        true,
    ),
    // A few lost records do not discredit the others.
    (REJECTING, AT_RISK, false),
    // An outage does not hide another problem of the exporter.
    (
        "alertname=TicketExporterDown severity=critical category=exporter job=a",
        REJECTING,
        false,
    ),
    (
        "alertname=TicketExporterNotReady severity=critical category=exporter job=a",
        NOT_READY,
        true,
    ),
    (
        "alertname=TicketExporterNotReady severity=critical category=exporter job=other",
        NOT_READY,
        false,
    ),
    (
        "alertname=TicketSlaBudgetBurnFast severity=critical category=kpi team=billing policy=urgent target=resolution",
        SLOW,
        true,
    ),
    (
        "alertname=TicketSlaBudgetBurnFast severity=critical category=kpi team=network policy=urgent target=resolution",
        SLOW,
        false,
    ),
    (
        "alertname=TicketSlaBudgetBurnFast severity=critical category=kpi team=billing policy=standard target=resolution",
        SLOW,
        false,
    ),
    (
        "alertname=TicketSlaBudgetBurnFast severity=critical category=kpi team=billing policy=urgent target=first_response",
        SLOW,
        false,
    ),
    // A goal that has breached does not hide one that can still be met.
    (
        "alertname=TicketSlaBreached severity=critical category=kpi team=billing priority=p1 target=resolution",
        AT_RISK,
        false,
    ),
    // A breach of one group hides none of another group.
    (
        "alertname=TicketSlaBreached severity=critical category=kpi team=billing priority=p1 target=resolution group=sla",
        "alertname=TicketSlaBreached severity=warning category=kpi team=billing priority=p1 target=resolution group=ola",
        false,
    ),
    (
        "alertname=TicketSlaBudgetBurnFast severity=warning category=kpi team=billing policy=desk target=resolution group=ola",
        "alertname=TicketSlaBudgetBurnSlow severity=warning category=kpi team=billing policy=desk target=resolution group=ola",
        true,
    ),
    // The backlog alert of a team stays visible.
    (
        "alertname=TicketSlaBreached severity=critical category=kpi team=billing priority=p1 target=resolution",
        "alertname=TicketBacklogGrowing severity=warning category=kpi team=billing",
        false,
    ),
    (
        "alertname=TicketHandleTimeSuspicious severity=info category=kpi team=billing",
        AT_RISK,
        false,
    ),
];

const PATIENCE: Duration = Duration::from_secs(60);

/// Raises both alerts before either can be sent. Then one is inhibited, or a message about it arrives.
fn check(source: &str, target: &str, inhibits: bool) {
    let webhooks = Webhooks::start();
    let alertmanager = Alertmanager::start(&for_webhooks(&webhooks));
    alertmanager.raise(&[labels(source), labels(target)]);
    let notified = |one: &Labels| {
        let all = webhooks.messages();
        all.iter()
            .any(|message| message.alerts("firing").contains(one))
    };
    eventually(&format!("{source} and {target}"), PATIENCE, || {
        let known = alertmanager.inhibited();
        let done = if inhibits {
            known.contains(&(labels(target), true)) && notified(&labels(source))
        } else {
            notified(&labels(source)) && notified(&labels(target))
        };
        if done {
            Ok(())
        } else {
            Err(format!("{known:?}, notified {:?}", webhooks.messages()))
        }
    });
    assert_eq!(
        notified(&labels(target)),
        !inhibits,
        "{source} and {target}"
    );
}

#[test]
fn an_alert_that_another_one_explains_is_inhibited() {
    std::thread::scope(|scope| {
        for (source, target, inhibits) in PAIRS {
            scope.spawn(move || check(source, target, inhibits));
        }
    });
}
