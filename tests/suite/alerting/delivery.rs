//! Alerts from the event to the receiver: events in a real Kafka, the exporter, Prometheus with the rules
//! for its configuration, and Alertmanager with the routes and inhibitions of the example.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde_json::json;
use ticket_exporter::domain::timestamp::Timestamp;

use super::routes::for_webhooks;
use crate::end_to_end::{PATIENCE, kafka_section, now};
use crate::harness::{
    Alertmanager, Exporter, Faults, Kafka, Message, Prometheus, PrometheusOptions, Record,
    Webhooks, command, eventually,
};

/// The SLA target of the first response. A goal is at risk after a third of it; the rest is time to act.
const TARGET: Duration = Duration::from_secs(45);
const HOUR: i64 = 3_600_000;

fn config(kafka: &Kafka, topic: &str) -> String {
    format!(
        "{}stream: {{ lateness: 1s, grace: 1s }}\nteams: {{ known: [billing, network] }}\n\
         priorities: [p1, p2]\nsla:\n  policies:\n    - name: all\n      clock: calendar\n      \
         targets: {{ first_response: {}s }}\n",
        kafka_section(kafka, topic, ""),
        TARGET.as_secs()
    )
}

/// The rules for the exporter's configuration, with these flags.
#[track_caller]
fn rules_of(exporter: &Exporter, more: &[&str]) -> String {
    let output = command()
        .args(["rules", "--job", "test", "--config.file"])
        .arg(exporter.folder().join("config.yaml"))
        .args(more)
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}

/// All parts behind the exporter.
struct Watch {
    webhooks: Webhooks,
    _alertmanager: Alertmanager,
    prometheus: Prometheus,
}

impl Watch {
    #[track_caller]
    fn start(exporter: &Exporter, rules: String) -> Self {
        let webhooks = Webhooks::start();
        let alertmanager = Alertmanager::start(&for_webhooks(&webhooks));
        let options = PrometheusOptions {
            rules: Some(rules),
            alertmanagers: vec![alertmanager.address()],
            ..PrometheusOptions::default()
        };
        let prometheus = Prometheus::start(&[exporter.address()], &options);
        prometheus.wait_until_up(PATIENCE);
        Self {
            webhooks,
            _alertmanager: alertmanager,
            prometheus,
        }
    }

    /// Waits until the receiver gets a message in which the alert is firing or resolved, with each of these
    /// priorities. An empty priority stands for none.
    #[track_caller]
    fn wait_for(&self, receiver: &str, alert: &str, status: &str, priorities: &[&str]) -> Message {
        let what = format!("{alert} {status} {priorities:?} for {receiver}");
        eventually(&what, PATIENCE, || {
            let all = self.webhooks.messages();
            let found = all.iter().find(|message| {
                let alerts = message.alerts(status);
                message.path == receiver
                    && priorities.iter().all(|priority| {
                        alerts.iter().any(|one| {
                            let of = one.get("priority").map_or("", String::as_str);
                            one["alertname"] == alert && of == *priority
                        })
                    })
            });
            found.cloned().ok_or_else(|| {
                format!(
                    "{all:?}, alerts of Prometheus: {:?}",
                    self.prometheus.alerts()
                )
            })
        })
    }

    /// The messages of each alert to each receiver, without repetitions.
    fn notifications(&self) -> BTreeMap<String, Vec<&'static str>> {
        let mut found: BTreeMap<String, Vec<&str>> = BTreeMap::new();
        for message in self.webhooks.messages() {
            for status in ["firing", "resolved"] {
                for alert in message.alerts(status) {
                    let label = |name: &str| alert.get(name).map_or("", String::as_str);
                    let what = format!(
                        "{}: {} {} {}",
                        message.path,
                        label("alertname"),
                        label("team"),
                        label("priority")
                    );
                    let states = found.entry(what.trim_end().to_owned()).or_default();
                    if states.last() != Some(&status) {
                        states.push(status);
                    }
                }
            }
        }
        found
    }
}

fn created(ticket: &str, team: &str, priority: &str, at: Timestamp) -> Record {
    let event = json!({
        "ticket_id": ticket, "type": "created", "at": at.0, "team": team, "priority": priority,
    });
    Record::keyed(ticket, event.to_string())
}

fn answered(ticket: &str) -> Record {
    let event = json!({
        "ticket_id": ticket, "type": "message", "at": now().0, "actor": "agent",
    });
    Record::keyed(ticket, event.to_string())
}

fn expected(all: &[(&str, &[&'static str])]) -> BTreeMap<String, Vec<&'static str>> {
    all.iter()
        .map(|(what, states)| ((*what).to_owned(), states.to_vec()))
        .collect()
}

#[test]
fn a_team_is_alerted_before_a_goal_breaks() {
    let kafka = Kafka::shared();
    let topic = kafka.new_topic("alerts", 1);
    let mut exporter = Exporter::start(&[], &config(kafka, &topic));
    exporter.wait_ready(PATIENCE);
    let watch = Watch::start(&exporter, rules_of(&exporter, &[]));

    let (start, at) = (Instant::now(), now());
    kafka.produce(
        &topic,
        [
            created("late", "billing", "p1", at),
            created("less-urgent", "billing", "p2", at),
            created("saved", "network", "p1", at),
        ],
    );
    let warned = watch.wait_for("team-billing", "TicketSlaAtRisk", "firing", &["p1", "p2"]);
    let group = warned.group();
    assert_eq!(group["team"], "billing", "{warned:?}");
    assert_eq!(group["alertname"], "TicketSlaAtRisk", "{warned:?}");
    let other = watch.wait_for("team-network", "TicketSlaAtRisk", "firing", &["p1"]);
    assert_eq!(other.group()["team"], "network", "{other:?}");
    for message in [&warned, &other] {
        assert!(
            message.arrived < start + TARGET,
            "too late to do anything: {:?}",
            message.arrived - start
        );
    }

    kafka.produce(&topic, [answered("saved")]);
    let relief = watch.wait_for("team-network", "TicketSlaAtRisk", "resolved", &["p1"]);
    assert!(
        relief.arrived < start + TARGET,
        "it resolves as soon as it is answered"
    );

    let broken = watch.wait_for("duty-pager", "TicketSlaBreached", "firing", &["p1"]);
    assert!(broken.arrived > warned.arrived && broken.arrived > start + TARGET);
    watch.wait_for("team-billing", "TicketSlaBreached", "firing", &["p1"]);
    // A breached goal is no longer at risk. The message about that must arrive as well.
    watch.wait_for("team-billing", "TicketSlaAtRisk", "resolved", &["p1"]);
    watch.wait_for("team-billing", "TicketSlaAtRisk", "resolved", &["p2"]);

    kafka.produce(&topic, [answered("late"), answered("less-urgent")]);
    watch.wait_for("duty-pager", "TicketSlaBreached", "resolved", &["p1"]);
    watch.wait_for("team-billing", "TicketSlaBreached", "resolved", &["p1"]);

    // All tickets were created at the same time, so the answered one would have breached by now, too.
    let once: &[&str] = &["firing", "resolved"];
    assert_eq!(
        watch.notifications(),
        expected(&[
            ("duty-pager: TicketSlaBreached billing p1", once),
            ("team-billing: TicketSlaAtRisk billing p1", once),
            ("team-billing: TicketSlaAtRisk billing p2", once),
            ("team-billing: TicketSlaBreached billing p1", once),
            ("team-network: TicketSlaAtRisk network p1", once),
        ])
    );
}

#[test]
fn old_numbers_only_alert_the_operator() {
    let kafka = Kafka::shared();
    let topic = kafka.new_topic("old-alerts", 1);
    // The state of an exporter that stopped an hour ago: caught up, by the clock of that time. One goal was
    // breached, and one was about to breach.
    let faults = Faults::new();
    faults.clock(-HOUR);
    let then = now().minus(HOUR);
    let target = i64::try_from(TARGET.as_millis()).unwrap();
    kafka.produce(
        &topic,
        [
            created("broken", "billing", "p1", then.minus(2 * target)),
            created("at-risk", "network", "p1", then),
        ],
    );
    let mut exporter = Exporter::start_in(&[], &config(kafka, &topic), faults.environment());
    exporter.wait_ready(PATIENCE);
    // The default of ten minutes is too long for a test.
    let watch = Watch::start(&exporter, rules_of(&exporter, &["--lag", "20s"]));

    watch.wait_for("sre", "TicketExporterLagging", "firing", &[""]);
    let prometheus = &watch.prometheus;
    // By the series alone, alerts would be due.
    for reason in ["ticket_sla_overdue", "ticket_sla_at_risk"] {
        let query = format!("sum(max_over_time({reason}{{priority=\"p1\"}}[5m])) > 0");
        prometheus.wait_for(&query, PATIENCE, |_| true);
    }
    // The risk lasts longer than the `for` of its alert.
    let query = "sum(max_over_time(ticket_sla_overdue[5m]))";
    prometheus.wait_for(query, PATIENCE, |broken| broken >= 2.0);
    let alerts = prometheus.query("count_over_time(ALERTS{category=\"kpi\"}[10m])");
    assert!(alerts.is_empty(), "{alerts:?}");
    assert_eq!(
        watch.notifications(),
        expected(&[("sre: TicketExporterLagging", &["firing"])])
    );

    // Once its clock and an event show the current time, the exporter is up to date, and the alerts fire.
    faults.clock(0);
    kafka.produce(&topic, [created("new", "billing", "p2", now())]);
    watch.wait_for("sre", "TicketExporterLagging", "resolved", &[""]);
    watch.wait_for("duty-pager", "TicketSlaBreached", "firing", &["p1"]);
    watch.wait_for("team-billing", "TicketSlaBreached", "firing", &["p1"]);
    watch.wait_for("team-network", "TicketSlaBreached", "firing", &["p1"]);
}
