//! The metrics of the receiver. They count from the start of the process.

use prometheus::{
    Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, Opts, Registry,
};

use crate::domain::catalog::{self, Family};
use crate::domain::timestamp::Timestamp;
use crate::edge::self_metrics::visit_registry;
use crate::engine::{Series, Visitor};

/// Seconds. Kafka acknowledges within milliseconds; the timeout is 4 s by default.
const BUCKETS: &[f64] = &[
    0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
];
/// The label `hook` of requests to no hook, so that strangers cannot create series.
pub(super) const NO_HOOK: &str = "__other__";
/// The label `code` of requests whose client has gone, as nginx has it.
pub(super) const CLIENT_GONE: &str = "499";

#[derive(Debug)]
pub struct GatewayMetrics {
    registry: Registry,
    started: Timestamp,
    requests: IntCounterVec,
    request_duration: HistogramVec,
    produce_duration: Histogram,
    received_bytes: IntCounterVec,
    records: IntCounterVec,
    keyless_records: IntCounterVec,
    in_flight: IntGauge,
    ready: IntGauge,
}

/// One request in progress. Dropping it counts the request.
#[derive(Debug)]
pub(super) struct RequestCount<'a> {
    metrics: &'a GatewayMetrics,
    hook: &'a str,
    code: Option<u16>,
    timer: std::time::Instant,
}

impl GatewayMetrics {
    pub fn new(started: Timestamp) -> Result<Self, prometheus::Error> {
        let registry = Registry::new();
        let counter = |family: &Family| {
            let counter = IntCounterVec::new(Opts::new(family.name, family.help), family.labels)?;
            registry.register(Box::new(counter.clone()))?;
            Ok::<_, prometheus::Error>(counter)
        };
        let gauge = |family: &Family| {
            let gauge = IntGauge::new(family.name, family.help)?;
            registry.register(Box::new(gauge.clone()))?;
            Ok::<_, prometheus::Error>(gauge)
        };
        let options = |family: &Family| {
            HistogramOpts::new(family.name, family.help).buckets(BUCKETS.to_vec())
        };
        let family = &catalog::GATEWAY_REQUEST_DURATION;
        let request_duration = HistogramVec::new(options(family), family.labels)?;
        registry.register(Box::new(request_duration.clone()))?;
        let produce_duration = Histogram::with_opts(options(&catalog::GATEWAY_PRODUCE_DURATION))?;
        registry.register(Box::new(produce_duration.clone()))?;
        Ok(Self {
            started,
            requests: counter(&catalog::GATEWAY_REQUESTS)?,
            request_duration,
            produce_duration,
            received_bytes: counter(&catalog::GATEWAY_RECEIVED_BYTES)?,
            records: counter(&catalog::GATEWAY_RECORDS)?,
            keyless_records: counter(&catalog::GATEWAY_KEYLESS_RECORDS)?,
            in_flight: gauge(&catalog::GATEWAY_IN_FLIGHT)?,
            ready: gauge(&catalog::GATEWAY_READY)?,
            registry,
        })
    }

    /// Shows the series of hooks, which start at 0. Series of other hooks stay.
    pub(super) fn add<'a>(&self, hooks: impl Iterator<Item = &'a str>) {
        for hook in hooks {
            for code in ["200", "403", "503"] {
                self.requests.with_label_values(&[hook, code]);
            }
            self.request_duration.with_label_values(&[hook]);
            for counter in [&self.received_bytes, &self.records, &self.keyless_records] {
                counter.with_label_values(&[hook]);
            }
        }
    }

    pub(super) fn begin<'a>(&'a self, hook: &'a str) -> RequestCount<'a> {
        self.in_flight.inc();
        RequestCount {
            metrics: self,
            hook,
            code: None,
            timer: std::time::Instant::now(),
        }
    }

    pub(super) fn received_bytes(&self, hook: &str) -> IntCounter {
        self.received_bytes.with_label_values(&[hook])
    }

    /// Acknowledged records.
    pub(super) fn records(&self, hook: &str) -> IntCounter {
        self.records.with_label_values(&[hook])
    }

    /// Acknowledged records without a key.
    pub(super) fn keyless_records(&self, hook: &str) -> IntCounter {
        self.keyless_records.with_label_values(&[hook])
    }

    pub(super) fn observe_produce(&self, seconds: f64) {
        self.produce_duration.observe(seconds);
    }

    pub(super) fn set_ready(&self, ready: bool) {
        self.ready.set(ready.into());
    }
}

impl RequestCount<'_> {
    pub(super) fn end(mut self, code: u16) {
        self.code = Some(code);
    }
}

impl Drop for RequestCount<'_> {
    fn drop(&mut self) {
        self.metrics.in_flight.dec();
        let code = self.code.map(|code| code.to_string());
        let code = code.as_deref().unwrap_or(CLIENT_GONE);
        self.metrics
            .requests
            .with_label_values(&[self.hook, code])
            .inc();
        let seconds = self.timer.elapsed().as_secs_f64();
        let duration = &self.metrics.request_duration;
        duration.with_label_values(&[self.hook]).observe(seconds);
    }
}

impl Series for GatewayMetrics {
    fn visit(&self, visitor: &mut dyn Visitor) {
        visit_registry(&self.registry, self.started, visitor);
    }
}
