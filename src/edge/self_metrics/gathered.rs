//! Converts the metrics of the `prometheus` crate for our writers.

#[cfg(target_os = "linux")]
use prometheus::core::Collector;
use prometheus::{Registry, proto};

use crate::domain::catalog::{self, Family, MetricKind};
#[cfg(target_os = "linux")]
use crate::domain::catalog::{Aggregation, MetricOrigin};
use crate::domain::timestamp::Timestamp;
use crate::engine::{HistogramView, Sample, Visitor};

/// Passes every series of a registry whose families are all in the catalog.
pub fn visit_registry(registry: &Registry, started: Timestamp, visitor: &mut dyn Visitor) {
    for gathered in registry.gather() {
        let Some(family) = catalog::family(gathered.name()) else {
            continue;
        };
        let start = family.is_cumulative().then_some(started);
        visitor.family(family, family.labels, start);
        for metric in gathered.get_metric() {
            visit_metric(family, metric, visitor);
        }
    }
}

/// Passes one gathered series of `family` to `visitor`.
pub(super) fn visit_metric(family: &Family, metric: &proto::Metric, visitor: &mut dyn Visitor) {
    let value_of = |label: &&str| {
        let mut pairs = metric.get_label().iter();
        pairs
            .find(|pair| pair.name() == *label)
            .map_or("", proto::LabelPair::value)
    };
    let values: Vec<&str> = family.labels.iter().map(value_of).collect();
    match family.kind {
        MetricKind::Counter => {
            let value = metric.get_counter().get_value();
            visitor.sample(&values, Sample::Number(value));
        }
        MetricKind::Gauge | MetricKind::Untyped => {
            let value = metric.get_gauge().get_value();
            visitor.sample(&values, Sample::Number(value));
        }
        MetricKind::Histogram => {
            let histogram = metric.get_histogram();
            let mut bounds = Vec::new();
            let mut counts = Vec::new();
            let mut below = 0;
            for bucket in histogram.get_bucket() {
                if bucket.upper_bound().is_finite() {
                    bounds.push(bucket.upper_bound());
                    counts.push(bucket.cumulative_count().saturating_sub(below));
                    below = bucket.cumulative_count();
                }
            }
            let count = histogram.get_sample_count();
            counts.push(count.saturating_sub(below));
            let view = HistogramView {
                bounds: &bounds,
                counts: &counts,
                count,
                sum: histogram.get_sample_sum(),
                native: None,
                exemplars: &[],
            };
            visitor.sample(&values, Sample::Histogram(view));
        }
    }
}

/// Registers the collector of `process_*` and describes its families, which are not in the catalog.
/// It leaks them, so that they are static like those of the catalog.
#[cfg(target_os = "linux")]
pub(super) fn register_process(
    registry: &Registry,
) -> Result<Vec<&'static Family>, prometheus::Error> {
    let collector = prometheus::process_collector::ProcessCollector::for_self();
    let families = collector
        .desc()
        .into_iter()
        .map(|description| {
            let name: &'static str = description.fq_name.clone().leak();
            let help = description.help.trim_end_matches('.').to_owned();
            let family: &'static Family = Box::leak(Box::new(Family {
                name,
                kind: if name.ends_with("_total") {
                    MetricKind::Counter
                } else {
                    MetricKind::Gauge
                },
                origin: MetricOrigin::Exporter,
                aggregation: if name.ends_with("_start_time_seconds") {
                    Aggregation::Min
                } else {
                    Aggregation::Sum
                },
                help: help.leak(),
                labels: &[],
            }));
            family
        })
        .collect();
    registry.register(Box::new(collector))?;
    Ok(families)
}

#[cfg(not(target_os = "linux"))]
pub(super) fn register_process(
    _registry: &Registry,
) -> Result<Vec<&'static Family>, prometheus::Error> {
    Ok(Vec::new())
}
