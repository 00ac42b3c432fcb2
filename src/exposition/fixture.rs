//! Series of every shape, and a strict reader of the text format, for tests.

use crate::domain::catalog;
use crate::domain::timestamp::Timestamp;
use crate::engine::{Exemplar, HistogramView, NativeView, Sample, Series, Visitor};

/// 2025-08-18T22:19:15.123Z, the start timestamp of the counters.
pub(super) const START: Timestamp = Timestamp(1_755_555_555_123);

pub(super) struct EveryShape;

impl Series for EveryShape {
    fn visit(&self, visitor: &mut dyn Visitor) {
        visitor.family(&catalog::CREATED, catalog::CREATED.labels, Some(START));
        visitor.family(&catalog::REPLIES, catalog::REPLIES.labels, Some(START));
        visitor.sample(&["billing", "p1"], Sample::Number(41.0));
        let nasty = "a\\b \"c\"\nd \u{e9}\u{1f3ab}";
        visitor.sample(&[nasty, "none"], Sample::Number(0.0));

        visitor.family(
            &catalog::STATUS_TIME,
            catalog::STATUS_TIME.labels,
            Some(START),
        );
        visitor.sample(&["billing", "p1", "open"], Sample::Number(7_200.25));

        visitor.family(
            &catalog::FIRST_RESPONSE,
            catalog::FIRST_RESPONSE.labels,
            Some(START),
        );
        let exemplar = |ticket_id: String, value, at| {
            Some(Exemplar {
                ticket_id,
                value,
                at: Timestamp(at),
            })
        };
        let full = HistogramView {
            bounds: &[0.5, 60.0, 2_592_000.0],
            counts: &[2, 5, 0, 1],
            count: 8,
            sum: 2_600_031.125,
            native: Some(NativeView {
                schema: 3,
                zero_count: 1,
                zero_threshold: 0.001,
                buckets: &[(-8, 1), (38, 1), (39, 4), (171, 1)],
            }),
            exemplars: &[
                exemplar("T-\"1\"".to_owned(), 0.5, 1_755_600_000_000),
                None,
                None,
                // Too long, together with its name.
                exemplar("9".repeat(120), 2_600_000.0, 1_755_600_000_000),
            ],
        };
        visitor.sample(&["billing", "p1", "calendar"], Sample::Histogram(full));
        let empty = HistogramView {
            counts: &[0; 4],
            count: 0,
            sum: 0.0,
            native: Some(NativeView {
                schema: 3,
                zero_count: 0,
                zero_threshold: 0.0,
                buckets: &[],
            }),
            exemplars: &[],
            ..full
        };
        visitor.sample(&["network", "p1", "calendar"], Sample::Histogram(empty));

        visitor.family(
            &catalog::WINDOW_SECONDS_MEAN,
            catalog::WINDOW_SECONDS_MEAN.labels,
            None,
        );
        for (team, value) in [
            ("x", f64::NAN),
            ("y", f64::INFINITY),
            ("z", f64::NEG_INFINITY),
        ] {
            visitor.sample(&[team, "handle", "calendar", "1h"], Sample::Number(value));
        }

        visitor.family(&catalog::TIMERS, catalog::TIMERS.labels, None);
        visitor.sample(&[], Sample::Number(3.0));
    }
}

/// Families without series.
pub(super) struct Empty;

impl Series for Empty {
    fn visit(&self, visitor: &mut dyn Visitor) {
        visitor.family(&catalog::REPLIES, catalog::REPLIES.labels, Some(START));
        visitor.family(&catalog::TIMERS, catalog::TIMERS.labels, None);
    }
}

/// One line of the text format.
#[derive(Debug)]
pub(super) struct ReadSample {
    pub(super) name: String,
    pub(super) labels: Vec<(String, String)>,
    pub(super) value: f64,
}

impl ReadSample {
    pub(super) fn label(&self, name: &str) -> Option<&str> {
        self.labels
            .iter()
            .find(|(label, _)| label == name)
            .map(|(_, value)| value.as_str())
    }
}

/// Reads text format 0.0.4. Panics on anything else.
pub(super) fn read_text(text: &str) -> Vec<ReadSample> {
    assert!(text.is_empty() || text.ends_with('\n'));
    text.lines()
        .filter(|line| !line.starts_with("# HELP ") && !line.starts_with("# TYPE "))
        .map(read_sample)
        .collect()
}

fn read_sample(line: &str) -> ReadSample {
    let name_end = line.find(['{', ' ']).unwrap();
    let mut labels = Vec::new();
    let mut rest = &line[name_end..];
    if rest.starts_with('{') {
        while !rest.starts_with('}') {
            let (name, after) = rest[1..].split_once("=\"").unwrap();
            let mut value = String::new();
            let mut characters = after.char_indices();
            let end = loop {
                match characters.next().unwrap() {
                    (end, '"') => break end,
                    (_, '\\') => value.push(match characters.next().unwrap().1 {
                        'n' => '\n',
                        other @ ('\\' | '"') => other,
                        other => panic!("unknown escape {other} in {line}"),
                    }),
                    (_, other) => value.push(other),
                }
            };
            labels.push((name.to_owned(), value));
            rest = &after[end + 1..];
        }
        rest = &rest[1..];
    }
    ReadSample {
        name: line[..name_end].to_owned(),
        labels,
        value: rest.strip_prefix(' ').unwrap().parse().unwrap(),
    }
}
