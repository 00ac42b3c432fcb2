//! Two sets of series as lines of text, and their differences.
//!
//! The same code writes both sides, so equal numbers are equal texts. If another version wrote one side,
//! the numbers are compared.

use std::collections::BTreeMap;
use std::fmt::Write;

use crate::domain::catalog::Family;
use crate::domain::timestamp::Timestamp;
use crate::engine::{Sample, Series, Visitor};
use crate::exposition::{Format, render};

/// Prefix of all families.
const PREFIX: &str = "ticket_";
/// Prefix of the families about the exporter itself.
const OWN_PREFIX: &str = "ticket_exporter_";

/// A series that differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Name and labels. A bucket of a native histogram has the label `native_bucket`.
    pub series: String,
    /// `None`: the series is missing.
    pub there: Option<String>,
    pub recomputed: Option<String>,
}

/// The result of a comparison.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Compared {
    /// Number of equal series, without native buckets.
    pub equal: usize,
    /// Sorted by name and labels.
    pub differences: Vec<Difference>,
}

/// KPI series as text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeriesTexts {
    /// The text format 0.0.4 with its comments.
    classic: String,
    /// A line for each bucket of the native histograms; `None` if they are not known.
    native: Option<String>,
}

impl SeriesTexts {
    /// Writes all series in both forms.
    pub fn of(series: &dyn Series) -> Self {
        let classic = render(Format::Text, &[series], 0);
        let mut native = NativeBuckets::default();
        series.visit(&mut native);
        Self {
            // The format is UTF-8.
            classic: String::from_utf8_lossy(&classic).into_owned(),
            native: Some(native.lines),
        }
    }

    /// The KPI series of an exposition in the text format.
    pub fn scraped(exposition: String) -> Self {
        Self {
            classic: exposition,
            native: None,
        }
    }

    pub fn is_empty(&self) -> bool {
        samples(&self.classic).next().is_none()
    }

    /// Compares these series with the recomputed ones.
    pub fn compare(&self, recomputed: &Self) -> Compared {
        let mut compared = compare(&self.classic, &recomputed.classic);
        if let (Some(there), Some(recomputed)) = (&self.native, &recomputed.native) {
            let native = compare(there, recomputed);
            compared.differences.extend(native.differences);
        }
        compared
            .differences
            .sort_by(|one, other| one.series.cmp(&other.series));
        compared
    }
}

fn compare(there: &str, recomputed: &str) -> Compared {
    let there: BTreeMap<&str, &str> = samples(there).collect();
    let recomputed: BTreeMap<&str, &str> = samples(recomputed).collect();
    let mut compared = Compared::default();
    let mut differ = |series: &str, there: Option<&&str>, recomputed: Option<&&str>| {
        compared.differences.push(Difference {
            series: series.to_owned(),
            there: there.map(|value| (*value).to_owned()),
            recomputed: recomputed.map(|value| (*value).to_owned()),
        });
    };
    for (series, value) in &there {
        match recomputed.get(series) {
            Some(other) if same(value, other) => compared.equal += 1,
            other => differ(series, Some(value), other),
        }
    }
    for (series, value) in &recomputed {
        if !there.contains_key(series) {
            differ(series, None, Some(value));
        }
    }
    compared
}

fn same(one: &str, other: &str) -> bool {
    one == other
        || matches!((one.parse::<f64>(), other.parse::<f64>()), (Ok(one), Ok(other)) if one == other)
}

/// Name with labels, and value, of each KPI series.
fn samples(text: &str) -> impl Iterator<Item = (&str, &str)> {
    text.lines()
        .filter(|line| line.starts_with(PREFIX) && !line.starts_with(OWN_PREFIX))
        // A label value may contain a space; a value cannot.
        .filter_map(|line| line.rsplit_once(' '))
}

/// Writes a line for each bucket of native histograms, which the text format lacks.
#[derive(Default)]
struct NativeBuckets {
    family: Option<&'static Family>,
    label_names: Vec<String>,
    lines: String,
}

impl NativeBuckets {
    fn line(&mut self, values: &[&str], bucket: &str, count: u64) {
        let Some(family) = self.family else { return };
        let labels = self.label_names.iter().zip(values);
        let labels: String = labels
            .map(|(label, value)| format!("{label}={value:?},"))
            .collect();
        // Writing to a string cannot fail.
        let _ = writeln!(
            self.lines,
            "{}{{{labels}native_bucket=\"{bucket}\"}} {count}",
            family.name
        );
    }
}

impl Visitor for NativeBuckets {
    fn family(&mut self, family: &'static Family, labels: &[&str], _start: Option<Timestamp>) {
        self.family = Some(family);
        self.label_names = labels.iter().map(|name| (*name).to_owned()).collect();
    }

    fn sample(&mut self, values: &[&str], sample: Sample<'_>) {
        let Sample::Histogram(histogram) = sample else {
            return;
        };
        let Some(native) = histogram.native else {
            return;
        };
        if native.zero_count > 0 {
            self.line(values, "zero", native.zero_count);
        }
        for (bucket, count) in native.buckets {
            self.line(values, &bucket.to_string(), *count);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::catalog;
    use crate::engine::{HistogramView, NativeView};

    /// One histogram with an observation in a native bucket.
    struct Observed(i32);

    impl Series for Observed {
        fn visit(&self, visitor: &mut dyn Visitor) {
            visitor.family(
                &catalog::FIRST_RESPONSE,
                catalog::FIRST_RESPONSE.labels,
                None,
            );
            let histogram = HistogramView {
                bounds: &[60.0],
                counts: &[1, 0],
                count: 1,
                sum: 30.0,
                native: Some(NativeView {
                    schema: 3,
                    zero_count: 0,
                    zero_threshold: 0.001,
                    buckets: &[(self.0, 1)],
                }),
                exemplars: &[],
            };
            visitor.sample(&["a \"b\"", "p1", "calendar"], Sample::Histogram(histogram));
        }
    }

    #[test]
    fn native_buckets_are_compared_where_both_have_them() {
        let there = SeriesTexts::of(&Observed(40));
        let same = there.compare(&SeriesTexts::of(&Observed(40)));
        assert_eq!((same.equal, same.differences.len()), (4, 0));
        let compared = there.compare(&SeriesTexts::of(&Observed(41)));
        assert_eq!(compared.equal, 4);
        let series: Vec<&str> = compared
            .differences
            .iter()
            .map(|difference| difference.series.as_str())
            .collect();
        let labels =
            "ticket_first_response_seconds{team=\"a \\\"b\\\"\",priority=\"p1\",clock=\"calendar\"";
        assert_eq!(
            series,
            [
                format!("{labels},native_bucket=\"40\"}}"),
                format!("{labels},native_bucket=\"41\"}}")
            ]
        );
        let scraped = SeriesTexts::scraped(there.classic);
        assert_eq!(
            scraped.compare(&SeriesTexts::of(&Observed(41))).differences,
            []
        );
    }

    #[test]
    fn each_kind_of_difference_is_found() {
        let there = SeriesTexts::scraped(
            "# HELP ticket_x y\nticket_a{team=\"a b\"} 1\nticket_b 1e+06\nticket_c 3\n\
             ticket_d NaN\nticket_exporter_timers 5\nprocess_x 1\n"
                .to_owned(),
        );
        let recomputed = SeriesTexts::scraped(
            "ticket_a{team=\"a b\"} 2\nticket_b 1000000\nticket_d NaN\nticket_e 4\n".to_owned(),
        );
        let compared = there.compare(&recomputed);
        assert_eq!(compared.equal, 2);
        let difference = |series: &str, there: Option<&str>, recomputed: Option<&str>| Difference {
            series: series.to_owned(),
            there: there.map(str::to_owned),
            recomputed: recomputed.map(str::to_owned),
        };
        assert_eq!(
            compared.differences,
            [
                difference("ticket_a{team=\"a b\"}", Some("1"), Some("2")),
                difference("ticket_c", Some("3"), None),
                difference("ticket_e", None, Some("4")),
            ]
        );
    }

    #[test]
    fn an_exposition_without_kpis_is_empty() {
        let text = "# TYPE ticket_exporter_timers gauge\nticket_exporter_timers 5\n";
        assert!(SeriesTexts::scraped(text.to_owned()).is_empty());
        assert!(!SeriesTexts::of(&Observed(1)).is_empty());
    }
}
