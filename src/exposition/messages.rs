//! The messages of `io.prometheus.client` that are written, declared by hand: only the fields
//! used, no build script. Field numbers: prometheus/client_model,
//! `io/prometheus/client/metrics.proto`.
//!
//! Where other clients always set a field it is `required` here: its zero is written too, for
//! readers that tell zero from absent.

/// `MetricType`.
pub(super) const COUNTER: i32 = 0;
pub(super) const GAUGE: i32 = 1;
pub(super) const UNTYPED: i32 = 3;
pub(super) const HISTOGRAM: i32 = 4;

/// The field `metric` of `MetricFamily`, and `unit` after it.
pub(super) const METRIC_FIELD: u32 = 4;
pub(super) const UNIT_FIELD: u32 = 5;

/// `MetricFamily` without its metrics and unit, which are written after it field by field.
#[derive(Clone, PartialEq, ::prost::Message)]
pub(super) struct FamilyHead {
    #[prost(string, required, tag = "1")]
    pub(super) name: String,
    #[prost(string, required, tag = "2")]
    pub(super) help: String,
    #[prost(int32, required, tag = "3")]
    pub(super) kind: i32,
}

#[derive(Clone, PartialEq, ::prost::Message)]
pub(super) struct Metric {
    #[prost(message, repeated, tag = "1")]
    pub(super) label: Vec<LabelPair>,
    #[prost(message, optional, tag = "2")]
    pub(super) gauge: Option<Gauge>,
    #[prost(message, optional, tag = "3")]
    pub(super) counter: Option<Counter>,
    #[prost(message, optional, tag = "5")]
    pub(super) untyped: Option<Untyped>,
    #[prost(message, optional, tag = "7")]
    pub(super) histogram: Option<Histogram>,
}

#[derive(Clone, PartialEq, ::prost::Message)]
pub(super) struct LabelPair {
    #[prost(string, required, tag = "1")]
    pub(super) name: String,
    #[prost(string, required, tag = "2")]
    pub(super) value: String,
}

#[derive(Clone, Copy, PartialEq, ::prost::Message)]
pub(super) struct Gauge {
    #[prost(double, required, tag = "1")]
    pub(super) value: f64,
}

#[derive(Clone, Copy, PartialEq, ::prost::Message)]
pub(super) struct Untyped {
    #[prost(double, required, tag = "1")]
    pub(super) value: f64,
}

#[derive(Clone, PartialEq, ::prost::Message)]
pub(super) struct Counter {
    #[prost(double, required, tag = "1")]
    pub(super) value: f64,
    #[prost(message, optional, tag = "3")]
    pub(super) created_timestamp: Option<Instant>,
}

#[derive(Clone, PartialEq, ::prost::Message)]
pub(super) struct Histogram {
    #[prost(uint64, required, tag = "1")]
    pub(super) sample_count: u64,
    #[prost(double, required, tag = "2")]
    pub(super) sample_sum: f64,
    #[prost(message, repeated, tag = "3")]
    pub(super) bucket: Vec<Bucket>,
    #[prost(sint32, optional, tag = "5")]
    pub(super) schema: Option<i32>,
    #[prost(double, optional, tag = "6")]
    pub(super) zero_threshold: Option<f64>,
    #[prost(uint64, optional, tag = "7")]
    pub(super) zero_count: Option<u64>,
    #[prost(message, repeated, tag = "12")]
    pub(super) positive_span: Vec<BucketSpan>,
    #[prost(sint64, repeated, packed = "false", tag = "13")]
    pub(super) positive_delta: Vec<i64>,
    #[prost(message, optional, tag = "15")]
    pub(super) created_timestamp: Option<Instant>,
}

#[derive(Clone, PartialEq, ::prost::Message)]
pub(super) struct Bucket {
    #[prost(uint64, required, tag = "1")]
    pub(super) cumulative_count: u64,
    #[prost(double, required, tag = "2")]
    pub(super) upper_bound: f64,
    #[prost(message, optional, tag = "3")]
    pub(super) exemplar: Option<Exemplar>,
}

#[derive(Clone, Copy, PartialEq, ::prost::Message)]
pub(super) struct BucketSpan {
    /// Gap to the span before; for the first span the index of its first bucket.
    #[prost(sint32, required, tag = "1")]
    pub(super) offset: i32,
    #[prost(uint32, required, tag = "2")]
    pub(super) length: u32,
}

#[derive(Clone, PartialEq, ::prost::Message)]
pub(super) struct Exemplar {
    #[prost(message, repeated, tag = "1")]
    pub(super) label: Vec<LabelPair>,
    #[prost(double, required, tag = "2")]
    pub(super) value: f64,
    #[prost(message, optional, tag = "3")]
    pub(super) timestamp: Option<Instant>,
}

/// `google.protobuf.Timestamp`.
#[derive(Clone, Copy, PartialEq, ::prost::Message)]
pub(super) struct Instant {
    #[prost(int64, tag = "1")]
    pub(super) seconds: i64,
    #[prost(int32, tag = "2")]
    pub(super) nanos: i32,
}
