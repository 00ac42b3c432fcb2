//! The messages of `io.prometheus.client`, declared by hand with the fields in use, so that no build
//! script is needed. Field numbers: prometheus/client_model, `io/prometheus/client/metrics.proto`.
//!
//! A field that other clients always set is `required` here. So its zero is written, too, for readers
//! that distinguish zero from absent.

/// `MetricType`.
pub(super) const COUNTER: i32 = 0;
pub(super) const GAUGE: i32 = 1;
pub(super) const UNTYPED: i32 = 3;
pub(super) const HISTOGRAM: i32 = 4;

/// The field `metric` of `MetricFamily`, and `unit` after it.
pub(super) const METRIC_FIELD: u32 = 4;
pub(super) const UNIT_FIELD: u32 = 5;

/// `MetricFamily` without its metrics and unit. The writer appends these field by field.
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
pub(super) struct MetricMessage {
    #[prost(message, repeated, tag = "1")]
    pub(super) label: Vec<LabelPair>,
    #[prost(message, optional, tag = "2")]
    pub(super) gauge: Option<GaugeMessage>,
    #[prost(message, optional, tag = "3")]
    pub(super) counter: Option<CounterMessage>,
    #[prost(message, optional, tag = "5")]
    pub(super) untyped: Option<GaugeMessage>,
    #[prost(message, optional, tag = "7")]
    pub(super) histogram: Option<HistogramMessage>,
}

#[derive(Clone, PartialEq, ::prost::Message)]
pub(super) struct LabelPair {
    #[prost(string, required, tag = "1")]
    pub(super) name: String,
    #[prost(string, required, tag = "2")]
    pub(super) value: String,
}

/// `Gauge`, and `Untyped`, which is the same.
#[derive(Clone, Copy, PartialEq, ::prost::Message)]
pub(super) struct GaugeMessage {
    #[prost(double, required, tag = "1")]
    pub(super) value: f64,
}

#[derive(Clone, PartialEq, ::prost::Message)]
pub(super) struct CounterMessage {
    #[prost(double, required, tag = "1")]
    pub(super) value: f64,
    #[prost(message, optional, tag = "3")]
    pub(super) created_timestamp: Option<TimestampMessage>,
}

#[derive(Clone, PartialEq, ::prost::Message)]
pub(super) struct HistogramMessage {
    #[prost(uint64, required, tag = "1")]
    pub(super) sample_count: u64,
    #[prost(double, required, tag = "2")]
    pub(super) sample_sum: f64,
    #[prost(message, repeated, tag = "3")]
    pub(super) bucket: Vec<BucketMessage>,
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
    pub(super) created_timestamp: Option<TimestampMessage>,
}

#[derive(Clone, PartialEq, ::prost::Message)]
pub(super) struct BucketMessage {
    #[prost(uint64, required, tag = "1")]
    pub(super) cumulative_count: u64,
    #[prost(double, required, tag = "2")]
    pub(super) upper_bound: f64,
    #[prost(message, optional, tag = "3")]
    pub(super) exemplar: Option<ExemplarMessage>,
}

#[derive(Clone, Copy, PartialEq, ::prost::Message)]
pub(super) struct BucketSpan {
    /// The gap after the previous span; for the first span, the index of its first bucket.
    #[prost(sint32, required, tag = "1")]
    pub(super) offset: i32,
    #[prost(uint32, required, tag = "2")]
    pub(super) length: u32,
}

#[derive(Clone, PartialEq, ::prost::Message)]
pub(super) struct ExemplarMessage {
    #[prost(message, repeated, tag = "1")]
    pub(super) label: Vec<LabelPair>,
    #[prost(double, required, tag = "2")]
    pub(super) value: f64,
    #[prost(message, optional, tag = "3")]
    pub(super) timestamp: Option<TimestampMessage>,
}

/// `google.protobuf.Timestamp`.
#[derive(Clone, Copy, PartialEq, ::prost::Message)]
pub(super) struct TimestampMessage {
    #[prost(int64, tag = "1")]
    pub(super) seconds: i64,
    #[prost(int32, tag = "2")]
    pub(super) nanos: i32,
}
