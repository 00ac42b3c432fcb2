//! The metrics of the exporter itself: the families of origin `Exporter`, and `process_*`.
//!
//! Names, help and labels come from the catalog. The `prometheus` crate counts, and the writers of the
//! KPIs write. These series count from the start of the process.

mod gathered;
mod labels;

pub use labels::{LimitedLabel, RecordResult, TicketState, WebRefusal};

use prometheus::core::Collector;
use prometheus::{
    GaugeVec, Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGaugeVec, Opts, Registry,
};

use super::schema_registry::SchemaRegistryFailure;
use crate::domain::catalog::{self, Family};
use crate::domain::mapping::Member;
use crate::domain::timestamp::Timestamp;
use crate::engine::{Series, StateMember, Visitor};
use gathered::{register_process, visit_metric};

/// Seconds. A checkpoint takes milliseconds on a local disk. More than the default interval of one
/// second is too slow.
const CHECKPOINT_BUCKETS: &[f64] = &[
    0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
];

/// Seconds. Values from the default lateness of 5 s to the default grace of 30 s are normal.
const BREACH_DETECTION_BUCKETS: &[f64] = &[
    0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 30.0, 45.0, 60.0, 120.0, 300.0, 600.0,
];

#[derive(Clone, Copy, Debug)]
pub struct BuildInfo {
    pub version: &'static str,
    /// Commit, or `unknown`.
    pub revision: &'static str,
    pub rustc: &'static str,
}

/// Gauges without a meaningful value at first (timestamps, partitions) are absent until they are set.
/// All other series start at 0.
#[derive(Debug)]
pub struct SelfMetrics {
    registry: Registry,
    started: Timestamp,
    build: BuildInfo,
    /// Families that are not in the catalog: `process_*`.
    others: Vec<&'static Family>,
    events: IntCounterVec,
    rejected: IntCounterVec,
    ignored: IntCounterVec,
    unmapped: IntCounterVec,
    topic_useless: IntGaugeVec,
    out_of_order: IntCounter,
    stale_state: IntCounterVec,
    misrouted: IntCounter,
    overflow: IntCounterVec,
    lag: IntGaugeVec,
    open_transaction: IntGaugeVec,
    lost_records: IntCounterVec,
    topic_missing: IntGaugeVec,
    dead_letters_lost: IntCounter,
    last_event: GaugeVec,
    caught_up: IntGaugeVec,
    partitions: IntGaugeVec,
    tickets: IntGaugeVec,
    timers: IntGaugeVec,
    checkpoint_duration: Histogram,
    last_checkpoint: GaugeVec,
    checkpoint_failures: IntCounter,
    checkpoint_bytes: IntGaugeVec,
    schema_registry_errors: IntCounterVec,
    schema_registry_waiting: IntGaugeVec,
    breach_detection: Histogram,
    objectives: GaugeVec,
    reload_successful: IntGaugeVec,
    reload_time: GaugeVec,
    web_refused: IntCounterVec,
    web_config_successful: IntGaugeVec,
    web_config_time: GaugeVec,
}

impl SelfMetrics {
    /// `rejection_reasons` and `ignore_reasons`: all reasons, so that their counters start at 0.
    /// `started`: the start of the process.
    ///
    /// # Errors
    /// The catalog has a name or label that Prometheus does not allow.
    pub fn new(
        build: BuildInfo,
        started: Timestamp,
        rejection_reasons: &[&str],
        ignore_reasons: &[&str],
    ) -> Result<Self, prometheus::Error> {
        let registry = Registry::new();
        let metrics = Self {
            started,
            build,
            others: register_process(&registry)?,
            events: counters(&registry, &catalog::EVENTS)?,
            rejected: counters(&registry, &catalog::REJECTED)?,
            ignored: counters(&registry, &catalog::IGNORED)?,
            unmapped: counters(&registry, &catalog::UNMAPPED)?,
            topic_useless: integers(&registry, &catalog::TOPIC_USELESS)?,
            out_of_order: counter(&registry, &catalog::OUT_OF_ORDER)?,
            stale_state: counters(&registry, &catalog::STALE_STATE)?,
            misrouted: counter(&registry, &catalog::MISROUTED)?,
            overflow: counters(&registry, &catalog::OVERFLOW)?,
            lag: integers(&registry, &catalog::CONSUMER_LAG)?,
            open_transaction: integers(&registry, &catalog::OPEN_TRANSACTION)?,
            lost_records: counters(&registry, &catalog::LOST_RECORDS)?,
            topic_missing: integers(&registry, &catalog::TOPIC_MISSING)?,
            dead_letters_lost: counter(&registry, &catalog::DEAD_LETTERS_LOST)?,
            last_event: gauges(&registry, &catalog::LAST_EVENT)?,
            caught_up: integers(&registry, &catalog::CAUGHT_UP)?,
            partitions: integers(&registry, &catalog::PARTITIONS_ASSIGNED)?,
            tickets: integers(&registry, &catalog::TICKETS)?,
            timers: integers(&registry, &catalog::TIMERS)?,
            checkpoint_duration: histogram(
                &registry,
                &catalog::CHECKPOINT_DURATION,
                CHECKPOINT_BUCKETS,
            )?,
            last_checkpoint: gauges(&registry, &catalog::LAST_CHECKPOINT)?,
            checkpoint_failures: counter(&registry, &catalog::CHECKPOINT_FAILURES)?,
            checkpoint_bytes: integers(&registry, &catalog::CHECKPOINT_BYTES)?,
            schema_registry_errors: counters(&registry, &catalog::SCHEMA_REGISTRY_ERRORS)?,
            schema_registry_waiting: integers(&registry, &catalog::SCHEMA_REGISTRY_WAITING)?,
            breach_detection: histogram(
                &registry,
                &catalog::BREACH_DETECTION,
                BREACH_DETECTION_BUCKETS,
            )?,
            objectives: gauges(&registry, &catalog::SLA_OBJECTIVE)?,
            reload_successful: integers(&registry, &catalog::CONFIG_RELOAD_SUCCESSFUL)?,
            reload_time: gauges(&registry, &catalog::CONFIG_RELOAD_TIME)?,
            web_refused: counters(&registry, &catalog::WEB_REFUSED)?,
            web_config_successful: integers(&registry, &catalog::WEB_CONFIG_SUCCESSFUL)?,
            web_config_time: gauges(&registry, &catalog::WEB_CONFIG_TIME)?,
            registry,
        };
        integers(&metrics.registry, &catalog::BUILD_INFO)?
            .with_label_values(&[build.version, build.revision, build.rustc])
            .set(1);
        for result in RecordResult::ALL {
            metrics.events(result);
        }
        for reason in rejection_reasons {
            metrics.rejected(reason);
        }
        for reason in ignore_reasons {
            metrics.ignored(reason);
        }
        for member in Member::ALL {
            metrics.unmapped(member);
        }
        for member in StateMember::ALL {
            metrics.stale_state(member);
        }
        for label in LimitedLabel::ALL {
            metrics.overflow(label);
        }
        for state in TicketState::ALL {
            metrics.set_tickets(state, 0);
        }
        for failure in SchemaRegistryFailure::ALL {
            metrics.schema_registry_errors(failure);
        }
        for refusal in WebRefusal::ALL {
            metrics.web_refused(refusal);
        }
        metrics.set_schema_registry_waiting(false);
        metrics.set_caught_up(false);
        metrics.set_partitions_assigned(0);
        metrics.set_timers(0);
        Ok(metrics)
    }

    pub fn build(&self) -> BuildInfo {
        self.build
    }

    pub fn started(&self) -> Timestamp {
        self.started
    }

    pub fn events(&self, result: RecordResult) -> IntCounter {
        self.events.with_label_values(&[result.name()])
    }

    pub fn rejected(&self, reason: &str) -> IntCounter {
        self.rejected.with_label_values(&[reason])
    }

    /// Valid events without effect.
    pub fn ignored(&self, reason: &str) -> IntCounter {
        self.ignored.with_label_values(&[reason])
    }

    /// Values that the mapping does not know.
    pub fn unmapped(&self, member: Member) -> IntCounter {
        self.unmapped.with_label_values(&[member.name()])
    }

    /// Whether the exporter rejects all or nearly all records of a topic.
    pub fn set_topic_useless(&self, topic: &str, useless: bool) {
        self.topic_useless
            .with_label_values(&[topic])
            .set(useless.into());
    }

    pub fn out_of_order(&self) -> &IntCounter {
        &self.out_of_order
    }

    /// Statements that came too late.
    pub fn stale_state(&self, member: StateMember) -> IntCounter {
        self.stale_state.with_label_values(&[member.name()])
    }

    pub fn misrouted(&self) -> &IntCounter {
        &self.misrouted
    }

    /// Label values beyond their limit.
    pub fn overflow(&self, label: LimitedLabel) -> IntCounter {
        self.overflow.with_label_values(&[label.name()])
    }

    pub fn set_lag(&self, topic: &str, partition: i32, records: i64) {
        self.lag
            .with_label_values(&[topic, &partition.to_string()])
            .set(records);
    }

    /// Whether the partition waits for the end of a transaction.
    pub fn set_open_transaction(&self, topic: &str, partition: i32, open: bool) {
        self.open_transaction
            .with_label_values(&[topic, &partition.to_string()])
            .set(open.into());
    }

    /// Records that Kafka deleted before the exporter read them. The first call makes the series
    /// exist.
    pub fn lost_records(&self, topic: &str, partition: i32) -> IntCounter {
        self.lost_records
            .with_label_values(&[topic, &partition.to_string()])
    }

    /// Whether a configured topic does not exist.
    pub fn set_topic_missing(&self, topic: &str, missing: bool) {
        self.topic_missing
            .with_label_values(&[topic])
            .set(missing.into());
    }

    pub fn remove_topic(&self, topic: &str) {
        // An error means that there is no such series; that is fine.
        let _ = self.topic_missing.remove_label_values(&[topic]);
    }

    /// Dead letters that Kafka refused permanently.
    pub fn dead_letters_lost(&self) -> &IntCounter {
        &self.dead_letters_lost
    }

    /// Removes the series of a partition that is no longer assigned.
    pub fn remove_partition(&self, topic: &str, partition: i32) {
        let partition = partition.to_string();
        for gauge in [&self.lag, &self.open_transaction] {
            // An error means that there is no such series; that is fine.
            let _ = gauge.remove_label_values(&[topic, &partition]);
        }
    }

    /// The greatest event time.
    pub fn set_last_event(&self, at: Timestamp) {
        only(&self.last_event).set(at.seconds());
    }

    pub fn set_caught_up(&self, caught_up: bool) {
        self.caught_up
            .with_label_values::<&str>(&[])
            .set(caught_up.into());
    }

    pub fn set_partitions_assigned(&self, partitions: usize) {
        self.partitions
            .with_label_values::<&str>(&[])
            .set(count(partitions));
    }

    pub fn set_tickets(&self, state: TicketState, tickets: usize) {
        self.tickets
            .with_label_values(&[state.name()])
            .set(count(tickets));
    }

    pub fn set_timers(&self, timers: usize) {
        self.timers
            .with_label_values::<&str>(&[])
            .set(count(timers));
    }

    /// A checkpoint was complete at `at` and took `seconds`.
    pub fn observe_checkpoint(&self, at: Timestamp, seconds: f64) {
        self.checkpoint_duration.observe(seconds);
        only(&self.last_checkpoint).set(at.seconds());
    }

    /// Checkpoints of this process.
    pub fn checkpoints(&self) -> u64 {
        self.checkpoint_duration.get_sample_count()
    }

    pub fn checkpoint_failures(&self) -> &IntCounter {
        &self.checkpoint_failures
    }

    pub fn set_checkpoint_bytes(&self, bytes: u64) {
        self.checkpoint_bytes
            .with_label_values::<&str>(&[])
            .set(i64::try_from(bytes).unwrap_or(i64::MAX));
    }

    /// Failed requests to the schema registry.
    pub fn schema_registry_errors(&self, failure: SchemaRegistryFailure) -> IntCounter {
        self.schema_registry_errors
            .with_label_values(&[failure.name()])
    }

    /// Whether the ingest thread waits for a schema.
    pub fn set_schema_registry_waiting(&self, waiting: bool) {
        self.schema_registry_waiting
            .with_label_values::<&str>(&[])
            .set(waiting.into());
    }

    /// A breach was published `seconds` after its deadline. Call it only while caught up.
    pub fn observe_breach_detection(&self, seconds: f64) {
        self.breach_detection.observe(seconds);
    }

    /// The share of goals that a policy wants to meet.
    pub fn set_objective(&self, policy: &str, target: &str, share: f64) {
        self.objectives
            .with_label_values(&[policy, target])
            .set(share);
    }

    pub fn remove_objective(&self, policy: &str, target: &str) {
        // An error means that there is no such series; that is fine.
        let _ = self.objectives.remove_label_values(&[policy, target]);
    }

    /// The configuration was loaded at `at`, or loading failed.
    pub fn set_config_reload(&self, at: Timestamp, successful: bool) {
        self.reload_successful
            .with_label_values::<&str>(&[])
            .set(successful.into());
        if successful {
            only(&self.reload_time).set(at.seconds());
        }
    }

    pub fn web_refused(&self, refusal: WebRefusal) -> IntCounter {
        self.web_refused.with_label_values(&[refusal.name()])
    }

    /// The web configuration file was loaded at `at`, or loading failed.
    pub fn set_web_config_reload(&self, at: Timestamp, successful: bool) {
        self.web_config_successful
            .with_label_values::<&str>(&[])
            .set(successful.into());
        if successful {
            only(&self.web_config_time).set(at.seconds());
        }
    }

    fn family(&self, name: &str) -> Option<&'static Family> {
        catalog::family(name).or_else(|| {
            let mut others = self.others.iter().copied();
            others.find(|family| family.name == name)
        })
    }
}

impl Series for SelfMetrics {
    fn visit(&self, visitor: &mut dyn Visitor) {
        for gathered in self.registry.gather() {
            let Some(family) = self.family(gathered.name()) else {
                continue;
            };
            let start = family.is_cumulative().then_some(self.started);
            visitor.family(family, start);
            for metric in gathered.get_metric() {
                visit_metric(family, metric, visitor);
            }
        }
    }
}

fn counter(registry: &Registry, family: &Family) -> Result<IntCounter, prometheus::Error> {
    register(registry, IntCounter::with_opts(options(family))?)
}

fn counters(registry: &Registry, family: &Family) -> Result<IntCounterVec, prometheus::Error> {
    register(
        registry,
        IntCounterVec::new(options(family), family.labels)?,
    )
}

fn integers(registry: &Registry, family: &Family) -> Result<IntGaugeVec, prometheus::Error> {
    register(registry, IntGaugeVec::new(options(family), family.labels)?)
}

fn gauges(registry: &Registry, family: &Family) -> Result<GaugeVec, prometheus::Error> {
    register(registry, GaugeVec::new(options(family), family.labels)?)
}

fn histogram(
    registry: &Registry,
    family: &Family,
    buckets: &[f64],
) -> Result<Histogram, prometheus::Error> {
    let options = HistogramOpts::from(options(family)).buckets(buckets.to_vec());
    register(registry, Histogram::with_opts(options)?)
}

fn options(family: &Family) -> Opts {
    Opts::new(family.name, family.help)
}

fn register<C: Collector + Clone + 'static>(
    registry: &Registry,
    collector: C,
) -> Result<C, prometheus::Error> {
    registry.register(Box::new(collector.clone()))?;
    Ok(collector)
}

/// The gauge of a family without labels. The first call makes the series exist.
fn only(gauges: &GaugeVec) -> prometheus::Gauge {
    gauges.with_label_values::<&str>(&[])
}

fn count(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::catalog::{FAMILIES, MetricOrigin};
    use crate::exposition::{Format, render};

    const BUILD: BuildInfo = BuildInfo {
        version: "1.2.3",
        revision: "abc",
        rustc: "1.95.0",
    };

    fn metrics() -> SelfMetrics {
        SelfMetrics::new(BUILD, Timestamp(7_000), &["not_json", "future"], &["gone"]).unwrap()
    }

    fn text(metrics: &SelfMetrics) -> String {
        String::from_utf8(render(Format::Text, &[metrics], 0)).unwrap()
    }

    #[test]
    fn known_series_start_at_zero() {
        let text = text(&metrics());
        for line in [
            "ticket_exporter_build_info{version=\"1.2.3\",revision=\"abc\",rustc=\"1.95.0\"} 1",
            "ticket_exporter_events_total{result=\"dead_lettered\"} 0",
            "ticket_exporter_rejected_total{reason=\"not_json\"} 0",
            "ticket_exporter_ignored_total{reason=\"gone\"} 0",
            "ticket_exporter_overflow_total{label=\"team\"} 0",
            "ticket_exporter_tickets{state=\"withdrawn\"} 0",
            "ticket_exporter_web_refused_total{reason=\"login\"} 0",
            "ticket_exporter_out_of_order_total 0",
            "ticket_exporter_stale_state_total{member=\"withdrawal\"} 0",
            "ticket_exporter_caught_up 0",
            "ticket_exporter_checkpoint_duration_seconds_bucket{le=\"0.0025\"} 0",
            "# TYPE process_cpu_seconds_total counter",
            "# TYPE process_resident_memory_bytes gauge",
        ] {
            assert!(text.lines().any(|found| found == line), "{line}\n{text}");
        }
        for absent in ["last_event", "last_checkpoint", "consumer_lag"] {
            assert!(!text.contains(absent), "{absent}");
        }
    }

    #[test]
    fn every_family_of_the_exporter_is_filled() {
        let metrics = metrics();
        metrics.set_lag("tickets", 3, 12);
        metrics.lost_records("tickets", 3).inc();
        metrics.set_topic_missing("tickets", true);
        metrics.set_topic_useless("tickets", true);
        metrics.set_open_transaction("tickets", 3, true);
        metrics.set_last_event(Timestamp(2_000));
        metrics.observe_checkpoint(Timestamp(3_000), 0.004);
        metrics.set_checkpoint_bytes(5);
        metrics.observe_breach_detection(6.0);
        metrics.set_objective("urgent", "resolution", 0.95);
        metrics.set_config_reload(Timestamp(4_000), true);
        metrics.set_web_config_reload(Timestamp(5_000), true);
        let text = text(&metrics);
        for family in FAMILIES {
            // These are published with the KPIs.
            let elsewhere = [
                &catalog::WATERMARK,
                &catalog::CHECKPOINT_OFFSET,
                &catalog::WINDOWS_WATERMARK,
            ];
            if family.origin == MetricOrigin::Exporter && !elsewhere.contains(family) {
                let line = format!("# TYPE {} {}\n", family.name, family.kind.name());
                assert!(text.contains(&line), "{line}");
            }
        }
        for line in [
            "ticket_exporter_consumer_lag{topic=\"tickets\",partition=\"3\"} 12",
            "ticket_exporter_lost_records_total{topic=\"tickets\",partition=\"3\"} 1",
            "ticket_exporter_checkpoint_duration_seconds_bucket{le=\"0.0025\"} 0",
            "ticket_exporter_checkpoint_duration_seconds_bucket{le=\"0.005\"} 1",
            "ticket_exporter_checkpoint_duration_seconds_bucket{le=\"+Inf\"} 1",
            "ticket_exporter_checkpoint_duration_seconds_sum 0.004",
            "ticket_exporter_sla_objective_ratio{policy=\"urgent\",target=\"resolution\"} 0.95",
            "ticket_exporter_config_last_reload_success_timestamp_seconds 4",
        ] {
            assert!(text.lines().any(|found| found == line), "{line}\n{text}");
        }
    }

    #[test]
    fn a_removed_partition_has_no_series() {
        let metrics = metrics();
        metrics.set_lag("tickets", 3, 12);
        metrics.set_lag("tickets", 4, 13);
        metrics.remove_partition("tickets", 3);
        metrics.remove_partition("tickets", 9);
        let text = text(&metrics);
        assert!(!text.contains("partition=\"3\""));
        assert!(text.contains("partition=\"4\"} 13"));
    }

    #[test]
    fn a_failed_reload_keeps_the_time_of_the_last_good_one() {
        let metrics = metrics();
        metrics.set_config_reload(Timestamp(4_000), true);
        metrics.set_config_reload(Timestamp(9_000), false);
        let text = text(&metrics);
        assert!(text.contains("reload_successful 0\n"));
        assert!(text.contains("success_timestamp_seconds 4\n"));
    }

    #[test]
    fn counters_start_with_the_process() {
        let metrics = metrics();
        metrics.events(RecordResult::Applied).inc_by(5);
        let text = String::from_utf8(render(Format::OpenMetrics, &[&metrics], 0)).unwrap();
        assert!(text.contains("ticket_exporter_events_total{result=\"applied\"} 5\n"));
        assert!(text.contains("ticket_exporter_events_created{result=\"applied\"} 7\n"));
        assert!(!text.contains("process_threads_created"));
    }
}
