//! The metrics of the exporter itself: the families of origin `Exporter`, and `process_*`.
//!
//! Names, help and labels come from the catalog. The `prometheus` crate counts, and the writers of the
//! KPIs write. These series count from the start of the process.

mod gathered;
mod labels;

pub use gathered::visit_registry;
pub use labels::{LimitedLabel, RecordResult, TicketState, WebRefusal};

use std::collections::HashMap;

use prometheus::core::Collector;
use prometheus::{
    Gauge, GaugeVec, Histogram, HistogramOpts, IntCounter, IntCounterVec, Opts, Registry,
};

use super::schema_registry::SchemaRegistryFailure;
use crate::domain::catalog::{self, FAMILIES, Family, MetricKind, MetricOrigin};
use crate::domain::mapping::Member;
use crate::domain::timestamp::Timestamp;
use crate::engine::{Series, StateMember, Visitor};
use gathered::{register_process, visit_metric};

/// Families about the exporter that are published with the KPIs.
const WITH_KPIS: [&Family; 3] = [
    &catalog::WATERMARK,
    &catalog::CHECKPOINT_OFFSET,
    &catalog::WINDOWS_WATERMARK,
];

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
    /// By the names of their families, as the gauges.
    counters: HashMap<&'static str, IntCounterVec>,
    gauges: HashMap<&'static str, GaugeVec>,
    checkpoint_duration: Histogram,
    breach_detection: Histogram,
}

impl SelfMetrics {
    /// `rejection_reasons` and `ignore_reasons`: all reasons, so that their counters start at 0.
    /// `started`: the start of the process.
    pub fn new(
        build: BuildInfo,
        started: Timestamp,
        rejection_reasons: &[&str],
        ignore_reasons: &[&str],
    ) -> Result<Self, prometheus::Error> {
        let registry = Registry::new();
        let mut counters = HashMap::new();
        let mut gauges = HashMap::new();
        for family in FAMILIES {
            if family.origin != MetricOrigin::Exporter || WITH_KPIS.contains(family) {
                continue;
            }
            let options = Opts::new(family.name, family.help);
            match family.kind {
                MetricKind::Counter => {
                    let counter = IntCounterVec::new(options, family.labels)?;
                    counters.insert(family.name, register(&registry, counter)?);
                }
                MetricKind::Gauge | MetricKind::Untyped => {
                    let gauge = GaugeVec::new(options, family.labels)?;
                    gauges.insert(family.name, register(&registry, gauge)?);
                }
                MetricKind::Histogram => {}
            }
        }
        let metrics = Self {
            started,
            build,
            others: register_process(&registry)?,
            checkpoint_duration: histogram(
                &registry,
                &catalog::CHECKPOINT_DURATION,
                CHECKPOINT_BUCKETS,
            )?,
            breach_detection: histogram(
                &registry,
                &catalog::BREACH_DETECTION,
                BREACH_DETECTION_BUCKETS,
            )?,
            registry,
            counters,
            gauges,
        };
        let BuildInfo {
            version,
            revision,
            rustc,
        } = build;
        metrics.set(&catalog::BUILD_INFO, &[version, revision, rustc], 1.0);
        metrics.out_of_order();
        metrics.misrouted();
        metrics.dead_letters_lost();
        metrics.checkpoint_failures();
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
        self.counter(&catalog::EVENTS, &[result.name()])
    }

    pub fn rejected(&self, reason: &str) -> IntCounter {
        self.counter(&catalog::REJECTED, &[reason])
    }

    /// Valid events without effect.
    pub fn ignored(&self, reason: &str) -> IntCounter {
        self.counter(&catalog::IGNORED, &[reason])
    }

    /// Values that the mapping does not know.
    pub fn unmapped(&self, member: Member) -> IntCounter {
        self.counter(&catalog::UNMAPPED, &[member.name()])
    }

    /// Whether the exporter rejects all or nearly all records of a topic.
    pub fn set_topic_useless(&self, topic: &str, useless: bool) {
        self.set(&catalog::TOPIC_USELESS, &[topic], useless);
    }

    pub fn out_of_order(&self) -> IntCounter {
        self.counter(&catalog::OUT_OF_ORDER, &[])
    }

    /// Statements that came too late.
    pub fn stale_state(&self, member: StateMember) -> IntCounter {
        self.counter(&catalog::STALE_STATE, &[member.name()])
    }

    /// The same for one of the user's own attributes.
    pub fn stale_attribute(&self, name: &str) -> IntCounter {
        self.counter(&catalog::STALE_STATE, &[name])
    }

    pub fn misrouted(&self) -> IntCounter {
        self.counter(&catalog::MISROUTED, &[])
    }

    /// Label values beyond their limit.
    pub fn overflow(&self, label: LimitedLabel) -> IntCounter {
        self.counter(&catalog::OVERFLOW, &[label.name()])
    }

    /// Values of one of the user's own attributes beyond its limit.
    pub fn overflowed_attribute(&self, name: &str) -> IntCounter {
        self.counter(&catalog::OVERFLOW, &[name])
    }

    pub fn set_lag(&self, topic: &str, partition: i32, records: i64) {
        let labels = [topic, &partition.to_string()];
        self.set(&catalog::CONSUMER_LAG, &labels, real(records));
    }

    /// Whether the partition waits for the end of a transaction.
    pub fn set_open_transaction(&self, topic: &str, partition: i32, open: bool) {
        let labels = [topic, &partition.to_string()];
        self.set(&catalog::OPEN_TRANSACTION, &labels, open);
    }

    /// Records that Kafka deleted before the exporter read them. The first call makes the series
    /// exist.
    pub fn lost_records(&self, topic: &str, partition: i32) -> IntCounter {
        self.counter(&catalog::LOST_RECORDS, &[topic, &partition.to_string()])
    }

    /// Whether a configured topic does not exist.
    pub fn set_topic_missing(&self, topic: &str, missing: bool) {
        self.set(&catalog::TOPIC_MISSING, &[topic], missing);
    }

    pub fn remove_topic(&self, topic: &str) {
        self.remove(&catalog::TOPIC_MISSING, &[topic]);
    }

    /// Dead letters that Kafka refused permanently.
    pub fn dead_letters_lost(&self) -> IntCounter {
        self.counter(&catalog::DEAD_LETTERS_LOST, &[])
    }

    /// Removes the series of a partition that is no longer assigned.
    pub fn remove_partition(&self, topic: &str, partition: i32) {
        let labels = [topic, &partition.to_string()];
        self.remove(&catalog::CONSUMER_LAG, &labels);
        self.remove(&catalog::OPEN_TRANSACTION, &labels);
    }

    /// The greatest event time.
    pub fn set_last_event(&self, at: Timestamp) {
        self.set(&catalog::LAST_EVENT, &[], at.seconds());
    }

    pub fn set_caught_up(&self, caught_up: bool) {
        self.set(&catalog::CAUGHT_UP, &[], caught_up);
    }

    pub fn set_partitions_assigned(&self, partitions: usize) {
        self.set(&catalog::PARTITIONS_ASSIGNED, &[], count(partitions));
    }

    pub fn set_tickets(&self, state: TicketState, tickets: usize) {
        self.set(&catalog::TICKETS, &[state.name()], count(tickets));
    }

    pub fn set_timers(&self, timers: usize) {
        self.set(&catalog::TIMERS, &[], count(timers));
    }

    /// A checkpoint was complete at `at` and took `seconds`.
    pub fn observe_checkpoint(&self, at: Timestamp, seconds: f64) {
        self.checkpoint_duration.observe(seconds);
        self.set(&catalog::LAST_CHECKPOINT, &[], at.seconds());
    }

    /// Checkpoints of this process.
    pub fn checkpoints(&self) -> u64 {
        self.checkpoint_duration.get_sample_count()
    }

    pub fn checkpoint_failures(&self) -> IntCounter {
        self.counter(&catalog::CHECKPOINT_FAILURES, &[])
    }

    pub fn set_checkpoint_bytes(&self, bytes: u64) {
        let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
        self.set(&catalog::CHECKPOINT_BYTES, &[], real(bytes));
    }

    /// Failed requests to the schema registry.
    pub fn schema_registry_errors(&self, failure: SchemaRegistryFailure) -> IntCounter {
        self.counter(&catalog::SCHEMA_REGISTRY_ERRORS, &[failure.name()])
    }

    /// Whether the ingest thread waits for a schema.
    pub fn set_schema_registry_waiting(&self, waiting: bool) {
        self.set(&catalog::SCHEMA_REGISTRY_WAITING, &[], waiting);
    }

    /// A breach was published `seconds` after its deadline. Call it only while caught up.
    pub fn observe_breach_detection(&self, seconds: f64) {
        self.breach_detection.observe(seconds);
    }

    /// The share of goals that a policy wants to meet.
    pub fn set_objective(&self, policy: &str, target: &str, share: f64) {
        self.set(&catalog::SLA_OBJECTIVE, &[policy, target], share);
    }

    pub fn remove_objective(&self, policy: &str, target: &str) {
        self.remove(&catalog::SLA_OBJECTIVE, &[policy, target]);
    }

    /// The configuration was loaded at `at`, or loading failed.
    pub fn set_config_reload(&self, at: Timestamp, successful: bool) {
        self.set(&catalog::CONFIG_RELOAD_SUCCESSFUL, &[], successful);
        if successful {
            self.set(&catalog::CONFIG_RELOAD_TIME, &[], at.seconds());
        }
    }

    pub fn web_refused(&self, refusal: WebRefusal) -> IntCounter {
        self.counter(&catalog::WEB_REFUSED, &[refusal.name()])
    }

    /// The web configuration file was loaded at `at`, or loading failed.
    pub fn set_web_config_reload(&self, at: Timestamp, successful: bool) {
        self.set(&catalog::WEB_CONFIG_SUCCESSFUL, &[], successful);
        if successful {
            self.set(&catalog::WEB_CONFIG_TIME, &[], at.seconds());
        }
    }

    /// The first call makes the series exist.
    fn counter(&self, family: &Family, labels: &[&str]) -> IntCounter {
        self.counters[family.name].with_label_values(labels)
    }

    fn set(&self, family: &Family, labels: &[&str], value: impl Into<f64>) {
        let gauge: Gauge = self.gauges[family.name].with_label_values(labels);
        gauge.set(value.into());
    }

    fn remove(&self, family: &Family, labels: &[&str]) {
        // An error means that there is no such series; that is fine.
        let _ = self.gauges[family.name].remove_label_values(labels);
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
            visitor.family(family, family.labels, start);
            for metric in gathered.get_metric() {
                visit_metric(family, metric, visitor);
            }
        }
    }
}

fn histogram(
    registry: &Registry,
    family: &Family,
    buckets: &[f64],
) -> Result<Histogram, prometheus::Error> {
    let options = HistogramOpts::new(family.name, family.help).buckets(buckets.to_vec());
    register(registry, Histogram::with_opts(options)?)
}

fn register<C: Collector + Clone + 'static>(
    registry: &Registry,
    collector: C,
) -> Result<C, prometheus::Error> {
    registry.register(Box::new(collector.clone()))?;
    Ok(collector)
}

fn count(number: usize) -> f64 {
    real(i64::try_from(number).unwrap_or(i64::MAX))
}

#[allow(clippy::cast_precision_loss, reason = "counts are below 2^53")]
fn real(number: i64) -> f64 {
    number as f64
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::exposition::{Format, render};

    const BUILD: BuildInfo = BuildInfo {
        version: "1.2.3",
        revision: "abc",
        rustc: "1.95.0",
    };

    /// Metrics of an exporter of version 1.2.3.
    pub(crate) fn self_metrics() -> SelfMetrics {
        SelfMetrics::new(BUILD, Timestamp(7_000), &["not_json", "future"], &["gone"]).unwrap()
    }

    fn text(metrics: &SelfMetrics) -> String {
        String::from_utf8(render(Format::Text, &[metrics], 0)).unwrap()
    }

    #[test]
    fn known_series_start_at_zero() {
        let text = text(&self_metrics());
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
        let metrics = self_metrics();
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
            if family.origin == MetricOrigin::Exporter && !WITH_KPIS.contains(family) {
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
        let metrics = self_metrics();
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
        let metrics = self_metrics();
        metrics.set_config_reload(Timestamp(4_000), true);
        metrics.set_config_reload(Timestamp(9_000), false);
        let text = text(&metrics);
        assert!(text.contains("reload_successful 0\n"));
        assert!(text.contains("success_timestamp_seconds 4\n"));
    }

    #[test]
    fn counters_start_with_the_process() {
        let metrics = self_metrics();
        metrics.events(RecordResult::Applied).inc_by(5);
        let text = String::from_utf8(render(Format::OpenMetrics, &[&metrics], 0)).unwrap();
        assert!(text.contains("ticket_exporter_events_total{result=\"applied\"} 5\n"));
        assert!(text.contains("ticket_exporter_events_created{result=\"applied\"} 7\n"));
        assert!(!text.contains("process_threads_created"));
    }
}
