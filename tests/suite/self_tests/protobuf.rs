//! The part of the Prometheus exposition messages (`io.prometheus.client`, in the repository
//! prometheus/client_model) that one counter and one native histogram need. It is independent of the
//! exporter's own code, so that it can check the harness.

use prost::Message;

pub(super) const CONTENT_TYPE: &str = "application/vnd.google.protobuf; \
    proto=io.prometheus.client.MetricFamily; encoding=delimited";

const TYPE_COUNTER: i32 = 0;
const TYPE_HISTOGRAM: i32 = 4;

#[derive(Clone, PartialEq, Message)]
struct MetricFamily {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(int32, tag = "3")]
    kind: i32,
    #[prost(message, repeated, tag = "4")]
    metrics: Vec<Metric>,
}

#[derive(Clone, PartialEq, Message)]
struct Metric {
    #[prost(message, optional, tag = "3")]
    counter: Option<Counter>,
    #[prost(message, optional, tag = "7")]
    histogram: Option<Histogram>,
}

#[derive(Clone, PartialEq, Message)]
struct Counter {
    #[prost(double, tag = "1")]
    value: f64,
    #[prost(message, optional, tag = "3")]
    started: Option<Timestamp>,
}

#[derive(Clone, PartialEq, Message)]
struct Timestamp {
    #[prost(int64, tag = "1")]
    seconds: i64,
}

#[derive(Clone, PartialEq, Message)]
struct Histogram {
    #[prost(uint64, tag = "1")]
    count: u64,
    #[prost(double, tag = "2")]
    sum: f64,
    #[prost(sint32, optional, tag = "5")]
    schema: Option<i32>,
    #[prost(double, tag = "6")]
    zero_threshold: f64,
    #[prost(message, repeated, tag = "12")]
    positive_spans: Vec<BucketSpan>,
    #[prost(sint64, repeated, tag = "13")]
    positive_deltas: Vec<i64>,
}

#[derive(Clone, PartialEq, Message)]
struct BucketSpan {
    #[prost(sint32, tag = "1")]
    offset: i32,
    #[prost(uint32, tag = "2")]
    length: u32,
}

/// `harness_events_total` 3, started at `start` (whole seconds since the epoch), and `harness_seconds` with
/// 1 observation up to 1, 1 in (1, 2] and 1 in (2, 4].
pub(super) fn counter_and_native_histogram(start: f64) -> Vec<u8> {
    let seconds = start.to_string().parse().unwrap();
    let counter = Counter {
        value: 3.0,
        started: Some(Timestamp { seconds }),
    };
    let histogram = Histogram {
        count: 3,
        sum: 5.5,
        // Schema 0: the bucket borders are the powers of two; bucket 0 ends at 1.
        schema: Some(0),
        zero_threshold: 0.001,
        positive_spans: vec![BucketSpan {
            offset: 0,
            length: 3,
        }],
        positive_deltas: vec![1, 0, 0],
    };
    let families = [
        MetricFamily {
            name: "harness_events_total".to_owned(),
            kind: TYPE_COUNTER,
            metrics: vec![Metric {
                counter: Some(counter),
                histogram: None,
            }],
        },
        MetricFamily {
            name: "harness_seconds".to_owned(),
            kind: TYPE_HISTOGRAM,
            metrics: vec![Metric {
                counter: None,
                histogram: Some(histogram),
            }],
        },
    ];
    let mut bytes = Vec::new();
    for family in families {
        family.encode_length_delimited(&mut bytes).unwrap();
    }
    bytes
}
