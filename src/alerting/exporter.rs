//! Alerts on the exporter itself: can the numbers be trusted?

use super::model::{Alert, Category, PrometheusRule, Recording, Severity};
use super::options::{AGE, RuleOptions};
use super::promql::{matcher, window};
use crate::domain::timestamp::{MINUTE, Milliseconds, SECOND};

/// Several failed scrapes; a restart takes only seconds. It is shorter than [`RuleOptions::hold`]: when the
/// last values expire, KPI alerts end, and this alert must fire by then to inhibit their "resolved".
const DOWN: Milliseconds = 3 * MINUTE;
/// A restart continues from its checkpoint within seconds. Shorter than [`RuleOptions::hold`] for the
/// same reason.
const NOT_READY_WARNING: Milliseconds = 3 * MINUTE;
/// No catch-up takes this long, so it will not become ready by itself.
const NOT_READY_CRITICAL: Milliseconds = 30 * MINUTE;
/// KPI alerts are silent from [`RuleOptions::lag`] on. The lag alert fires at that lag divided by
/// `LAG_PART`, after that lag divided by `LAG_WAIT_PART`: late enough that a burst is over, and before
/// the KPI alerts fall silent.
const LAG_PART: Milliseconds = 2;
const LAG_WAIT_PART: Milliseconds = 4;
/// Unread records of all partitions, each at its lowest lag in [`LAG_SPAN`]. An exporter that keeps up
/// reaches the end of every partition within that time.
const LEFT_OVER: u32 = 1_000;
const LAG_SPAN: Milliseconds = 10 * MINUTE;
/// Rejected records in an hour, and their share of all records: a fault upstream, not a stray record.
const REJECTED: u32 = 10;
const REJECTED_SHARE: &str = "0.001";
/// Age of the last checkpoint. The exporter writes one every second, or every few with a large state.
const CHECKPOINT_AGE: Milliseconds = 2 * MINUTE;
/// The exporter tries again each second, so a few failures are harmless.
const CHECKPOINT_FAILURES: u32 = 5;
const CHECKPOINT: Milliseconds = 3 * MINUTE;
/// Long enough to delete and create a topic, or for a deployment to create it a little later.
const TOPIC_MISSING: Milliseconds = 2 * MINUTE;
/// Long enough for a new topic to get its first usable record.
const USELESS: Milliseconds = 10 * MINUTE;
/// By then the person who changed the file has corrected it, or has not noticed.
const RELOAD: Milliseconds = 10 * MINUTE;

/// Producers end a transaction within seconds, and brokers abort it after `transaction.timeout.ms`, one
/// minute by default.
const TRANSACTION: Milliseconds = 5 * MINUTE;

pub fn recordings(options: &RuleOptions) -> Vec<PrometheusRule> {
    let watermark = format!(
        "last_over_time(ticket_exporter_watermark_timestamp_seconds{})",
        options.held()
    );
    vec![
        Recording {
            record: AGE.to_owned(),
            expression: format!("max by (job, instance) (time() - {watermark})"),
        }
        .into(),
    ]
}

pub fn alerts(options: &RuleOptions) -> Vec<PrometheusRule> {
    vec![
        down(options).into(),
        not_ready(options, NOT_READY_WARNING, Severity::Warning).into(),
        not_ready(options, NOT_READY_CRITICAL, Severity::Critical).into(),
        topic_missing(options).into(),
        lagging(options).into(),
        rejecting().into(),
        topic_useless(options).into(),
        checkpoint_failing(options).into(),
        reload_failing(options).into(),
        transaction_open(options).into(),
    ]
}

/// An alert for the operators, whose expression and texts are missing.
pub(super) fn alert(
    name: &'static str,
    severity: Severity,
    pending: Option<Milliseconds>,
) -> Alert {
    Alert {
        name,
        expression: String::new(),
        pending: pending.map(window),
        labels: Vec::new(),
        severity,
        category: Category::Exporter,
        summary: String::new(),
        description: String::new(),
        dashboard: "/d/ticket-exporter".to_owned(),
    }
}

fn down(options: &RuleOptions) -> Alert {
    let job = matcher("job", &options.job);
    Alert {
        expression: format!("max by (job) (up{{{job}}}) == 0\nor absent(up{{{job}}})"),
        summary: "No ticket-exporter can be scraped".into(),
        description:
            "No instance of job {{ $labels.job }} answers. There are no support KPIs, and no SLA \
             target is watched."
                .into(),
        ..alert("TicketExporterDown", Severity::Critical, Some(DOWN))
    }
}

/// One ready instance is enough.
fn not_ready(options: &RuleOptions, pending: Milliseconds, severity: Severity) -> Alert {
    Alert {
        expression: format!(
            "max by (job) (last_over_time(ticket_exporter_caught_up{})) == 0",
            options.held()
        ),
        summary: "The ticket-exporter withholds its KPIs".into(),
        description: format!(
            "No instance of job {{{{ $labels.job }}}} has been ready for {}. It is catching up, has \
             no partitions, or lost records; /-/ready gives the reason. No SLA target is watched.",
            window(pending)
        ),
        ..alert("TicketExporterNotReady", severity, Some(pending))
    }
}

fn topic_missing(options: &RuleOptions) -> Alert {
    let held = options.held();
    Alert {
        expression: format!(
            "max by (job, topic) (last_over_time(ticket_exporter_topic_missing{held})) == 1"
        ),
        summary: "A topic of the ticket-exporter does not exist".into(),
        description:
            "Topic {{ $labels.topic }} of job {{ $labels.job }} does not exist. There are no \
             support KPIs, and no SLA target is watched. Create the topic, or remove it from \
             kafka.topics."
                .into(),
        ..alert(
            "TicketExporterTopicMissing",
            Severity::Critical,
            Some(TOPIC_MISSING),
        )
    }
}

fn lagging(options: &RuleOptions) -> Alert {
    let span = window(LAG_SPAN);
    let limit = options.lag / LAG_PART;
    let wait = options.lag / LAG_WAIT_PART / SECOND * SECOND;
    Alert {
        expression: format!(
            "(\n  {AGE} > {limit}\n  or\n  \
             sum by (job, instance) (min_over_time(ticket_exporter_consumer_lag[{span}])) > {LEFT_OVER}\n)\n\
             and on (job, instance) last_over_time(ticket_exporter_caught_up{held}) == 1",
            limit = limit / SECOND,
            held = options.held(),
        ),
        summary: "The ticket-exporter lags behind the events".into(),
        description: format!(
            "The numbers of instance {{{{ $labels.instance }}}} are more than {} old, or it has more \
             than {LEFT_OVER} unread records. Once they are {} old, alerts on its KPIs are silent until \
             it has caught up.",
            window(limit),
            window(options.lag)
        ),
        ..alert(
            "TicketExporterLagging",
            Severity::Warning,
            (wait > 0).then_some(wait),
        )
    }
}

fn rejecting() -> Alert {
    Alert {
        expression: format!(
            "sum by (job, instance, reason) (increase(ticket_exporter_rejected_total[1h])) >= {REJECTED}\n\
             and on (job, instance)\n  \
             sum by (job, instance) (increase(ticket_exporter_rejected_total[1h]))\n    \
             > {REJECTED_SHARE} * sum by (job, instance) (increase(ticket_exporter_events_total[1h]))"
        ),
        summary: "Records are rejected".into(),
        description: "{{ $value | printf \"%.0f\" }} records were rejected in the last hour \
                      ({{ $labels.reason }}). They are in no KPI."
            .into(),
        ..alert("TicketExporterRejecting", Severity::Warning, None)
    }
}

fn topic_useless(options: &RuleOptions) -> Alert {
    Alert {
        expression: format!(
            "max by (job, instance, topic) (last_over_time(ticket_exporter_topic_useless{})) == 1",
            options.held()
        ),
        summary: "The records of a topic cannot be used".into(),
        description: "Instance {{ $labels.instance }} can use (almost) no record of topic \
                      {{ $labels.topic }}. The mapping is wrong, or the producer has changed its \
                      records. /-/ready gives the reason, and the preset that would fit."
            .into(),
        ..alert(
            "TicketExporterTopicUseless",
            Severity::Warning,
            Some(USELESS),
        )
    }
}

fn checkpoint_failing(options: &RuleOptions) -> Alert {
    let held = options.held();
    Alert {
        expression: format!(
            "(\n  time() - last_over_time(ticket_exporter_last_checkpoint_timestamp_seconds{held}) > {age}\n  \
             and on (job, instance) last_over_time(ticket_exporter_caught_up{held}) == 1\n)\n\
             or\nincrease(ticket_exporter_checkpoint_failures_total{held}) >= {CHECKPOINT_FAILURES}",
            age = CHECKPOINT_AGE / SECOND,
        ),
        summary: "The ticket-exporter cannot write checkpoints".into(),
        description: "Instance {{ $labels.instance }} writes no checkpoints, so its KPIs do not \
                      change. The disk is full, broken or too slow, or the dead-letter topic \
                      accepts no records."
            .into(),
        ..alert(
            "TicketExporterCheckpointFailing",
            Severity::Critical,
            Some(CHECKPOINT),
        )
    }
}

fn reload_failing(options: &RuleOptions) -> Alert {
    let held = options.held();
    Alert {
        expression: format!(
            "last_over_time(ticket_exporter_config_last_reload_successful{held}) == 0\n\
             or\nlast_over_time(ticket_exporter_web_config_last_reload_successful{held}) == 0"
        ),
        summary: "The ticket-exporter refused its changed configuration".into(),
        description:
            "Instance {{ $labels.instance }} runs with its previous configuration. The one in \
             its files is wrong, and a restart would fail."
                .into(),
        ..alert(
            "TicketExporterReloadFailing",
            Severity::Warning,
            Some(RELOAD),
        )
    }
}

fn transaction_open(options: &RuleOptions) -> Alert {
    Alert {
        expression: format!(
            "last_over_time(ticket_exporter_open_transaction{}) == 1",
            options.held()
        ),
        summary: "An open transaction hides ticket events".into(),
        description: "A producer's transaction in partition {{ $labels.partition }} of topic \
                      {{ $labels.topic }} does not end. Consumers cannot read the records behind \
                      it, so the partition's clock stands still, and no SLA target of its tickets \
                      is watched."
            .into(),
        ..alert(
            "TicketExporterTransactionOpen",
            Severity::Warning,
            Some(TRANSACTION),
        )
    }
}
