//! Alerts on the exporter itself: whether the numbers can be trusted.

use super::model::{Alert, Category, Recording, Rule, Severity};
use super::options::{AGE, Options};
use super::promql::{matcher, window};
use crate::domain::timestamp::{MINUTE, Milliseconds, SECOND};

/// Several scrapes that fail, and no restart, which takes seconds. Sooner than the last values cease
/// to hold: the alerts on KPIs that end with them would be told as good news, did this one not fire
/// and hold them back.
const DOWN: Milliseconds = 3 * MINUTE;
/// A restart reads on from its checkpoint in seconds; minutes are a catch-up. Sooner than values
/// cease to hold, for the same reason.
const NOT_READY_WARNING: Milliseconds = 3 * MINUTE;
/// No history takes so long to count: it will not come by itself. Until then no promise is watched.
const NOT_READY_CRITICAL: Milliseconds = 30 * MINUTE;
/// Which part of the lag that silences alerts on KPIs is worth a word, and which part of it has to
/// pass besides, so that a burst is over by then. Together less than the whole: it is told before
/// they fall silent, and why.
const LAG_PART: Milliseconds = 2;
const LAG_WAIT_PART: Milliseconds = 4;
/// Records that a partition had left over at its best moment of [`LAG_SPAN`], all together. A desk
/// that keeps up is at the end of every partition in between.
const LEFT_OVER: u32 = 1_000;
const LAG_SPAN: Milliseconds = 10 * MINUTE;
/// Rejected records of an hour, and which share of all: a mistake upstream and no stray record.
const REJECTED: u32 = 10;
const REJECTED_SHARE: &str = "0.001";
/// Age of the last checkpoint. They are made every second or, beside a large state, every few.
const CHECKPOINT_AGE: Milliseconds = 2 * MINUTE;
/// Attempts are repeated every second, so one that helped is no failure.
const CHECKPOINT_FAILURES: u32 = 5;
const CHECKPOINT: Milliseconds = 3 * MINUTE;
/// A topic that is deleted and created again, or a deployment that creates it a moment later.
const TOPIC_MISSING: Milliseconds = 2 * MINUTE;
/// Long enough for the first useful record of a new topic to come after some odd ones.
const USELESS: Milliseconds = 10 * MINUTE;
/// Whoever changed it has seen by then what is wrong, and mended it or gone away.
const RELOAD: Milliseconds = 10 * MINUTE;

/// Producers end a transaction within seconds, or brokers do after `transaction.timeout.ms`, a
/// minute by default.
const TRANSACTION: Milliseconds = 5 * MINUTE;

pub fn recordings(options: &Options) -> Vec<Rule> {
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

pub fn alerts(options: &Options) -> Vec<Rule> {
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

fn alert(name: &'static str, severity: Severity, pending: Option<Milliseconds>) -> Alert {
    Alert {
        name,
        expression: String::new(),
        pending: pending.map(window),
        labels: Vec::new(),
        severity,
        category: Category::Exporter,
        summary: String::new(),
        description: String::new(),
        board: "/d/ticket-exporter".to_owned(),
    }
}

fn down(options: &Options) -> Alert {
    let job = matcher("job", &options.job);
    Alert {
        expression: format!("max by (job) (up{{{job}}}) == 0\nor absent(up{{{job}}})"),
        summary: "No ticket-exporter can be scraped".into(),
        description:
            "No instance of job {{ $labels.job }} answers: there are no support KPIs, and \
                      no promise is watched."
                .into(),
        ..alert("TicketExporterDown", Severity::Critical, Some(DOWN))
    }
}

/// One instance that is ready is enough.
fn not_ready(options: &Options, pending: Milliseconds, severity: Severity) -> Alert {
    Alert {
        expression: format!(
            "max by (job) (last_over_time(ticket_exporter_caught_up{})) == 0",
            options.held()
        ),
        summary: "The ticket-exporter withholds its KPIs".into(),
        description: format!(
            "No instance of job {{{{ $labels.job }}}} has been ready for {}: it is catching up, has \
             no partitions, or lost records; /-/ready says which. No promise is watched.",
            window(pending)
        ),
        ..alert("TicketExporterNotReady", severity, Some(pending))
    }
}

fn topic_missing(options: &Options) -> Alert {
    let held = options.held();
    Alert {
        expression: format!(
            "max by (job, topic) (last_over_time(ticket_exporter_topic_missing{held})) == 1"
        ),
        summary: "A topic of the ticket-exporter does not exist".into(),
        description:
            "Topic {{ $labels.topic }} is configured for job {{ $labels.job }} and does not \
                      exist. Until it does, or is taken out of kafka.topics, there are no support \
                      KPIs and no promise is watched."
                .into(),
        ..alert(
            "TicketExporterTopicMissing",
            Severity::Critical,
            Some(TOPIC_MISSING),
        )
    }
}

fn lagging(options: &Options) -> Alert {
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
            "Instance {{{{ $labels.instance }}}} shows how things stood more than {} ago, or leaves \
             more than {LEFT_OVER} records unread. From {} on alerts on its KPIs are silent until it \
             has caught up.",
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
        summary: "Records are rejected: KPIs miss them".into(),
        description: "{{ $value | printf \"%.0f\" }} records were rejected in the last hour \
                      ({{ $labels.reason }}). What they tell is in no KPI."
            .into(),
        ..alert("TicketExporterRejecting", Severity::Warning, None)
    }
}

fn topic_useless(options: &Options) -> Alert {
    Alert {
        expression: format!(
            "max by (job, instance, topic) (last_over_time(ticket_exporter_topic_useless{})) == 1",
            options.held()
        ),
        summary: "Nothing can be made of the records of a topic".into(),
        description: "Instance {{ $labels.instance }} can use (almost) no record of topic \
                      {{ $labels.topic }}: the mapping is wrong, or the producer has changed its \
                      records. /-/ready names the reason, and the preset that would fit."
            .into(),
        ..alert(
            "TicketExporterTopicUseless",
            Severity::Warning,
            Some(USELESS),
        )
    }
}

fn checkpoint_failing(options: &Options) -> Alert {
    let held = options.held();
    Alert {
        expression: format!(
            "(\n  time() - last_over_time(ticket_exporter_last_checkpoint_timestamp_seconds{held}) > {age}\n  \
             and on (job, instance) last_over_time(ticket_exporter_caught_up{held}) == 1\n)\n\
             or\nincrease(ticket_exporter_checkpoint_failures_total{held}) >= {CHECKPOINT_FAILURES}",
            age = CHECKPOINT_AGE / SECOND,
        ),
        summary: "The ticket-exporter cannot keep its state".into(),
        description: "Instance {{ $labels.instance }} makes no checkpoints, so its KPIs stand \
                      still: the disk is full, broken or too slow, or dead letters are not taken."
            .into(),
        ..alert(
            "TicketExporterCheckpointFailing",
            Severity::Critical,
            Some(CHECKPOINT),
        )
    }
}

fn reload_failing(options: &Options) -> Alert {
    let held = options.held();
    Alert {
        expression: format!(
            "last_over_time(ticket_exporter_config_last_reload_successful{held}) == 0\n\
             or\nlast_over_time(ticket_exporter_web_config_last_reload_successful{held}) == 0"
        ),
        summary: "The ticket-exporter refuses its changed configuration".into(),
        description:
            "Instance {{ $labels.instance }} keeps the configuration from before: the one \
                      in its files is wrong, and a restart would not start with it."
                .into(),
        ..alert(
            "TicketExporterReloadFailing",
            Severity::Warning,
            Some(RELOAD),
        )
    }
}

fn transaction_open(options: &Options) -> Alert {
    Alert {
        expression: format!(
            "last_over_time(ticket_exporter_open_transaction{}) == 1",
            options.held()
        ),
        summary: "A transaction that stays open hides ticket events".into(),
        description: "A producer's transaction in partition {{ $labels.partition }} of topic \
                      {{ $labels.topic }} does not end. No reader gets what is behind it: the \
                      partition's clock stands, and no SLA target of its tickets is watched."
            .into(),
        ..alert(
            "TicketExporterTransactionOpen",
            Severity::Warning,
            Some(TRANSACTION),
        )
    }
}
