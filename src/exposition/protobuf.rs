//! Prometheus protobuf: a stream of `MetricFamily` messages, each preceded by its length. This is the
//! only format with native histograms; it has classic buckets, too.
//!
//! The writer reuses one message, so that a series needs no allocation.

use prost::Message;
use prost::encoding::{encode_varint, message, string};

use super::exemplar::{EXEMPLAR_LABEL, fits};
use super::messages::{
    BucketMessage, BucketSpan, COUNTER, CounterMessage, ExemplarMessage, FamilyHead, GAUGE,
    GaugeMessage, HISTOGRAM, HistogramMessage, LabelPair, METRIC_FIELD, MetricMessage,
    TimestampMessage, UNIT_FIELD, UNTYPED,
};
use crate::domain::catalog::{Family, MetricKind};
use crate::domain::timestamp::{SECOND, Timestamp};
use crate::engine::{HistogramView, NativeView, Sample, Visitor};

/// A wider gap between two native buckets starts a new span. The writer fills a narrower one with
/// empty buckets, which needs fewer bytes (as client_golang does).
const FILLED_GAP: i32 = 2;

#[derive(Debug)]
pub(super) struct ProtobufWriter {
    out: Vec<u8>,
    family: Option<(&'static Family, Option<Timestamp>)>,
    /// The encoded metrics of the family.
    metrics: Vec<u8>,
    metric: MetricMessage,
}

impl ProtobufWriter {
    pub(super) fn new(buffer: Vec<u8>) -> Self {
        Self {
            out: buffer,
            family: None,
            metrics: Vec::new(),
            metric: MetricMessage::default(),
        }
    }

    pub(super) fn finish(mut self) -> Vec<u8> {
        self.end_family();
        self.out
    }

    /// Writes the current family, unless it has no series.
    fn end_family(&mut self) {
        let Some((family, _)) = self.family.take() else {
            return;
        };
        if self.metrics.is_empty() {
            return;
        }
        let mut head = FamilyHead {
            name: family.name.to_owned(),
            help: family.help.to_owned(),
            kind: match family.kind {
                MetricKind::Counter => COUNTER,
                MetricKind::Gauge => GAUGE,
                MetricKind::Histogram => HISTOGRAM,
                MetricKind::Untyped => UNTYPED,
            },
        }
        .encode_to_vec();
        let mut unit = Vec::new();
        if let Some(name) = family.unit() {
            string::encode(UNIT_FIELD, &name.to_owned(), &mut unit);
        }
        let length = head.len() + self.metrics.len() + unit.len();
        encode_varint(length as u64, &mut self.out);
        self.out.append(&mut head);
        self.out.append(&mut self.metrics);
        self.out.append(&mut unit);
    }
}

impl Visitor for ProtobufWriter {
    fn family(&mut self, family: &'static Family, labels: &[&str], start: Option<Timestamp>) {
        self.end_family();
        self.family = Some((family, start));
        self.metric = MetricMessage {
            label: labels
                .iter()
                .map(|name| LabelPair {
                    name: (*name).to_owned(),
                    value: String::new(),
                })
                .collect(),
            ..MetricMessage::default()
        };
    }

    fn sample(&mut self, values: &[&str], sample: Sample<'_>) {
        let Some((family, start)) = self.family else {
            return;
        };
        for (pair, value) in self.metric.label.iter_mut().zip(values) {
            pair.value.clear();
            pair.value.push_str(value);
        }
        match sample {
            Sample::Number(value) if family.kind == MetricKind::Counter => {
                self.metric.counter = Some(CounterMessage {
                    value,
                    created_timestamp: start.map(instant),
                });
            }
            Sample::Number(value) if family.kind == MetricKind::Untyped => {
                self.metric.untyped = Some(GaugeMessage { value });
            }
            Sample::Number(value) => self.metric.gauge = Some(GaugeMessage { value }),
            Sample::Histogram(view) => {
                let histogram = self.metric.histogram.get_or_insert_default();
                histogram.created_timestamp = start.map(instant);
                fill(histogram, &view);
            }
        }
        message::encode(METRIC_FIELD, &self.metric, &mut self.metrics);
    }
}

/// Overwrites `histogram` with `view`, and keeps its memory.
fn fill(histogram: &mut HistogramMessage, view: &HistogramView<'_>) {
    histogram.sample_count = view.count;
    histogram.sample_sum = view.sum;
    histogram.bucket.clear();
    let mut cumulative = 0;
    let bounds = view.bounds.iter().chain([&f64::INFINITY]);
    for (position, (bound, count)) in bounds.zip(view.counts).enumerate() {
        cumulative += count;
        histogram.bucket.push(BucketMessage {
            cumulative_count: cumulative,
            upper_bound: *bound,
            exemplar: view
                .exemplars
                .get(position)
                .and_then(Option::as_ref)
                .filter(|exemplar| fits(exemplar))
                .map(|exemplar| ExemplarMessage {
                    label: vec![LabelPair {
                        name: EXEMPLAR_LABEL.to_owned(),
                        value: exemplar.ticket_id.clone(),
                    }],
                    value: exemplar.value,
                    timestamp: Some(instant(exemplar.at)),
                }),
        });
    }
    histogram.positive_span.clear();
    histogram.positive_delta.clear();
    histogram.schema = view.native.map(|native| native.schema);
    histogram.zero_threshold = view.native.map(|native| native.zero_threshold);
    histogram.zero_count = view.native.map(|native| native.zero_count);
    if let Some(native) = view.native {
        fill_native(histogram, &native);
    }
}

/// Converts bucket indices and counts into spans of adjacent buckets and differences of counts.
fn fill_native(histogram: &mut HistogramMessage, native: &NativeView<'_>) {
    let spans = &mut histogram.positive_span;
    let deltas = &mut histogram.positive_delta;
    let mut next = 0; // the index after the last bucket written
    let mut previous = 0;
    for &(index, count) in native.buckets {
        let gap = index.saturating_sub(next);
        match spans.last_mut() {
            Some(span) if gap <= FILLED_GAP => {
                for _ in 0..gap {
                    deltas.push(-previous);
                    previous = 0;
                    span.length += 1;
                }
                span.length += 1;
            }
            _ => spans.push(BucketSpan {
                offset: gap,
                length: 1,
            }),
        }
        let count = i64::try_from(count).unwrap_or(i64::MAX);
        deltas.push(count - previous);
        previous = count;
        next = index.saturating_add(1);
    }
    if spans.is_empty() {
        // Prometheus treats a histogram without spans and with a zero threshold of 0 as classic.
        // This span marks it as native (client_model, `positive_span`).
        spans.push(BucketSpan {
            offset: 0,
            length: 0,
        });
    }
}

#[allow(
    clippy::cast_possible_truncation,
    reason = "below 10^9: the remainder is below 1000"
)]
fn instant(timestamp: Timestamp) -> TimestampMessage {
    TimestampMessage {
        seconds: timestamp.0.div_euclid(SECOND),
        nanos: (timestamp.0.rem_euclid(SECOND) * 1_000_000) as i32,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exposition::fixture::{Empty, EveryShape, START};
    use crate::exposition::{Format, render};

    #[derive(Clone, PartialEq, Message)]
    struct MetricFamily {
        #[prost(string, optional, tag = "1")]
        name: Option<String>,
        #[prost(string, optional, tag = "2")]
        help: Option<String>,
        #[prost(int32, optional, tag = "3")]
        kind: Option<i32>,
        #[prost(message, repeated, tag = "4")]
        metric: Vec<MetricMessage>,
        #[prost(string, optional, tag = "5")]
        unit: Option<String>,
    }

    fn read(mut bytes: &[u8]) -> Vec<MetricFamily> {
        let mut families = Vec::new();
        while !bytes.is_empty() {
            families.push(MetricFamily::decode_length_delimited(&mut bytes).unwrap());
        }
        families
    }

    #[test]
    fn golden() {
        let families = read(&render(Format::Protobuf, &[&EveryShape], 0));
        let names: Vec<_> = families
            .iter()
            .map(|family| (family.name.as_deref().unwrap(), family.kind.unwrap()))
            .collect();
        assert_eq!(
            names,
            [
                ("ticket_replies_total", COUNTER),
                ("ticket_status_seconds_total", COUNTER),
                ("ticket_first_response_seconds", HISTOGRAM),
                ("ticket_window_seconds_mean", GAUGE),
                ("ticket_exporter_timers", GAUGE),
            ]
        );
        assert_eq!(families[0].unit, None);
        assert_eq!(families[1].unit.as_deref(), Some("seconds"));
        let created = Some(TimestampMessage {
            seconds: 1_755_555_555,
            nanos: 123_000_000,
        });
        assert_eq!(created, Some(instant(START)));
        let replies = &families[0].metric;
        assert_eq!(replies[1].label[0].name, "team");
        assert_eq!(replies[1].label[0].value, "a\\b \"c\"\nd \u{e9}\u{1f3ab}");
        assert_eq!(
            replies[0].counter,
            Some(CounterMessage {
                value: 41.0,
                created_timestamp: created
            })
        );
        assert_eq!(families[4].metric[0].label, []);
        assert_eq!(
            families[4].metric[0].gauge,
            Some(GaugeMessage { value: 3.0 })
        );
        assert!(families[3].metric[0].gauge.unwrap().value.is_nan());

        let full = families[2].metric[0].histogram.as_ref().unwrap();
        assert_eq!(full.created_timestamp, created);
        assert_eq!((full.sample_count, full.sample_sum), (8, 2_600_031.125));
        let buckets: Vec<_> = full
            .bucket
            .iter()
            .map(|bucket| (bucket.upper_bound, bucket.cumulative_count))
            .collect();
        assert_eq!(
            buckets,
            [(0.5, 2), (60.0, 7), (2_592_000.0, 7), (f64::INFINITY, 8)]
        );
        let exemplar = full.bucket[0].exemplar.as_ref().unwrap();
        assert_eq!(exemplar.label[0].value, "T-\"1\"");
        assert_eq!(exemplar.timestamp.unwrap().seconds, 1_755_600_000);
        assert_eq!(full.bucket[3].exemplar, None, "too long");
        assert_eq!(full.schema, Some(3));
        assert_eq!(
            (full.zero_count, full.zero_threshold),
            (Some(1), Some(0.001))
        );
        let spans: Vec<_> = full
            .positive_span
            .iter()
            .map(|span| (span.offset, span.length))
            .collect();
        assert_eq!(spans, [(-8, 1), (45, 2), (131, 1)]);
        assert_eq!(full.positive_delta, [1, 0, 3, -3]);

        let empty = families[2].metric[1].histogram.as_ref().unwrap();
        assert_eq!(empty.positive_span.len(), 1, "native without observations");
        assert_eq!(empty.positive_span[0].length, 0);
        assert!(empty.positive_delta.is_empty());
        assert_eq!(empty.bucket[0].exemplar, None);
    }

    #[test]
    fn narrow_gaps_are_filled() {
        let mut histogram = HistogramMessage::default();
        let native = NativeView {
            schema: 0,
            zero_count: 0,
            zero_threshold: 0.0,
            buckets: &[(1, 2), (4, 3), (8, 1)],
        };
        fill_native(&mut histogram, &native);
        let spans: Vec<_> = histogram
            .positive_span
            .iter()
            .map(|span| (span.offset, span.length))
            .collect();
        assert_eq!(spans, [(1, 4), (3, 1)]);
        assert_eq!(histogram.positive_delta, [2, -2, 0, 3, -2]);
    }

    #[test]
    fn without_series_the_stream_is_empty() {
        assert_eq!(render(Format::Protobuf, &[&Empty], 0), b"");
    }

    #[test]
    fn instants_before_the_epoch() {
        let before = instant(Timestamp(-1));
        assert_eq!((before.seconds, before.nanos), (-1, 999_000_000));
    }
}
