//! Compares expected series with an exposition in the text format 0.0.4.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// The allowed relative difference of two exact values, for floating-point noise.
const EXACT: f64 = 1e-9;
/// Section 6: the relative error of a quantile.
const QUANTILE: f64 = 0.01;
/// The shortest duration that a quantile can tell from zero, in seconds (section 6: 1 ms).
const QUANTILE_FLOOR: f64 = 0.001;
/// Families whose absence has a meaning: they must be absent on both sides or on neither.
const PRESENCE: [&str; 4] = [
    "ticket_window_seconds",
    "ticket_window_seconds_mean",
    "ticket_backlog_oldest_created_timestamp_seconds",
    "ticket_sla_next_deadline_timestamp_seconds",
];

/// A series with another value. Absent = `None`.
#[derive(Clone, Debug, PartialEq)]
pub struct Difference {
    pub series: String,
    pub expected: Option<f64>,
    pub actual: Option<f64>,
}

impl fmt::Display for Difference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let side =
            |value: Option<f64>| value.map_or("absent".to_owned(), |value| value.to_string());
        write!(
            formatter,
            "{}: expected {}, got {}",
            self.series,
            side(self.expected),
            side(self.actual)
        )
    }
}

/// Every difference between the expected series and the `ticket_*` KPI series of an exposition. It ignores
/// the exporter's own metrics and bounds that the configuration does not have.
pub fn compare(expected: &BTreeMap<String, f64>, exposition: &str) -> Vec<Difference> {
    let expected: BTreeMap<String, f64> = expected
        .iter()
        .map(|(key, value)| (canonical(key), *value))
        .collect();
    let bounds: BTreeSet<(String, String)> =
        expected.keys().filter_map(|key| bound_of(key)).collect();
    let actual: BTreeMap<String, f64> = parse(exposition)
        .into_iter()
        .filter(|(key, _)| bound_of(key).is_none_or(|bound| bounds.contains(&bound)))
        .collect();
    let keys: BTreeSet<&String> = expected.keys().chain(actual.keys()).collect();
    keys.into_iter()
        .filter(|key| differs(key, expected.get(*key).copied(), actual.get(*key).copied()))
        .map(|key| Difference {
            series: key.clone(),
            expected: expected.get(key).copied(),
            actual: actual.get(key).copied(),
        })
        .collect()
}

/// Fails with every difference in words.
pub fn assert_same(expected: &BTreeMap<String, f64>, exposition: &str) {
    let differences = compare(expected, exposition);
    let lines: Vec<String> = differences.iter().map(Difference::to_string).collect();
    assert!(
        lines.is_empty(),
        "{} series differ:\n{}",
        lines.len(),
        lines.join("\n")
    );
}

/// Series as a sorted exposition, the content of `expected.prom` files.
pub fn render(series: &BTreeMap<String, f64>) -> String {
    series
        .iter()
        .map(|(key, value)| format!("{key} {value}\n"))
        .collect()
}

/// The KPI series of an exposition, by canonical key.
pub fn parse(exposition: &str) -> BTreeMap<String, f64> {
    exposition
        .lines()
        .filter(|line| line.starts_with("ticket_") && !line.starts_with("ticket_exporter_"))
        .filter_map(|line| {
            let (key, value) = line.rsplit_once(' ')?;
            Some((canonical(key), number(value)))
        })
        .collect()
}

fn differs(key: &str, expected: Option<f64>, actual: Option<f64>) -> bool {
    let family = key.split('{').next().unwrap_or(key);
    if PRESENCE.contains(&family) && expected.is_some() != actual.is_some() {
        return true;
    }
    let (expected, actual) = (expected.unwrap_or(0.0), actual.unwrap_or(0.0));
    let scale = expected.abs().max(actual.abs());
    let allowed = if family == "ticket_window_seconds" {
        (QUANTILE * scale).max(QUANTILE_FLOOR)
    } else {
        EXACT * scale.max(1.0)
    };
    let distance = (expected - actual).abs();
    distance.is_nan() || distance > allowed
}

/// Family and `le` of a bucket.
fn bound_of(key: &str) -> Option<(String, String)> {
    let (family, labels) = split(key);
    let le = labels.get("le")?.clone();
    family.ends_with("_bucket").then_some((family, le))
}

/// A key with sorted labels and one spelling of bounds and quantiles.
fn canonical(key: &str) -> String {
    let (family, labels) = split(key);
    if labels.is_empty() {
        return family;
    }
    let pairs: Vec<String> = labels
        .iter()
        .map(|(name, value)| match name.as_str() {
            "le" | "quantile" => format!("{name}=\"{}\"", number(value)),
            _ => format!("{name}=\"{value}\""),
        })
        .collect();
    format!("{family}{{{}}}", pairs.join(","))
}

/// Family and labels; the values stay escaped.
fn split(key: &str) -> (String, BTreeMap<String, String>) {
    let mut labels = BTreeMap::new();
    let Some((family, rest)) = key.split_once('{') else {
        return (key.trim().to_owned(), labels);
    };
    let mut rest = rest;
    while let Some((name, after)) = rest.split_once("=\"") {
        let mut escaped = false;
        let end = after.find(|character| {
            let closing = character == '"' && !escaped;
            escaped = character == '\\' && !escaped;
            closing
        });
        let end = end.unwrap_or(after.len());
        labels.insert(
            name.trim_matches([',', ' ']).to_owned(),
            after[..end].to_owned(),
        );
        rest = after.get(end + 1..).unwrap_or("");
    }
    (family.to_owned(), labels)
}

fn number(text: &str) -> f64 {
    match text.trim() {
        "+Inf" | "inf" => f64::INFINITY,
        other => other.parse().unwrap_or(f64::NAN),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(lines: &str) -> BTreeMap<String, f64> {
        lines
            .lines()
            .filter_map(|line| line.rsplit_once(' '))
            .map(|(key, value)| (key.to_owned(), value.parse().unwrap()))
            .collect()
    }

    #[test]
    fn absent_counters_are_zero_and_label_order_does_not_matter() {
        let expected = series("ticket_solved_total{team=\"a\",priority=\"p1\"} 2");
        let actual = "# TYPE ticket_solved_total counter\n\
            ticket_solved_total{priority=\"p1\",team=\"a\"} 2.0\n\
            ticket_solved_total{team=\"b\",priority=\"p1\"} 0\n";
        assert_eq!(compare(&expected, actual), []);
        assert_eq!(compare(&expected, "").len(), 1);
    }

    #[test]
    fn absence_of_a_quantile_is_a_difference_even_if_it_is_zero() {
        let key = "ticket_window_seconds{team=\"a\",kpi=\"handle\",quantile=\"0.5\"}";
        let expected = series(&format!("{key} 0"));
        assert_eq!(compare(&expected, "").len(), 1);
        assert_eq!(compare(&expected, &format!("{key} 0.001")), []);
        let expected = series(&format!("{key} 100"));
        assert_eq!(compare(&expected, &format!("{key} 100.9")), []);
        assert_eq!(compare(&expected, &format!("{key} 101.1")).len(), 1);
    }

    #[test]
    fn other_bounds_are_ignored() {
        let bucket = |le: &str, value: u32| {
            format!("ticket_handle_seconds_bucket{{team=\"a\",le=\"{le}\"}} {value}\n")
        };
        let expected = series(&bucket("60", 3));
        let same = bucket("60.0", 3) + &bucket("120", 7);
        assert_eq!(compare(&expected, &same), []);
        assert_eq!(compare(&expected, &bucket("120", 3)).len(), 1);
    }

    #[test]
    fn label_values_may_have_any_content() {
        let key = "ticket_solved_total{team=\"a \\\"b\\\", c=\\\\\",priority=\"p\"}";
        let expected = series(&format!("{key} 1"));
        assert_eq!(compare(&expected, &format!("{key} 1")), []);
        assert_eq!(split(key).1["team"], "a \\\"b\\\", c=\\\\");
    }
}
