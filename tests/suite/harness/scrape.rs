//! A small language over the text of a scrape, classic or OpenMetrics:
//!
//! ```ignore
//! scrape(text).metric("ticket_created_total").label("team", "billing").is(3.0);
//! ```
//!
//! A failure lists the series that come nearest to what was asked.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::RangeInclusive;

/// How many near matches a failure lists.
const NEAR_MATCHES: usize = 10;

#[derive(Debug, Clone, Default)]
pub(crate) struct Scrape {
    samples: Vec<Sample>,
    /// The `# TYPE` of each family.
    types: BTreeMap<String, String>,
    /// The `# HELP` of each family.
    help: BTreeMap<String, String>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Sample {
    pub(crate) name: String,
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) value: f64,
    /// The text after the value: a timestamp, an exemplar.
    pub(crate) rest: String,
}

impl fmt::Display for Sample {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let labels: Vec<String> = self
            .labels
            .iter()
            .map(|(name, value)| format!("{name}={value:?}"))
            .collect();
        write!(
            formatter,
            "{}{{{}}} {}",
            self.name,
            labels.join(","),
            self.value
        )
    }
}

/// Parses a scrape. The test fails on a line that is not part of the format.
#[track_caller]
pub(crate) fn scrape(text: &str) -> Scrape {
    let mut scrape = Scrape::default();
    for line in text.lines().filter(|line| !line.is_empty()) {
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (family, kind) = rest.split_once(' ').unwrap_or((rest, ""));
            scrape.types.insert(family.to_owned(), kind.to_owned());
        } else if let Some(rest) = line.strip_prefix("# HELP ") {
            let (family, help) = rest.split_once(' ').unwrap_or((rest, ""));
            scrape.help.insert(family.to_owned(), help.to_owned());
        } else if !line.starts_with('#') {
            let sample = sample(line).unwrap_or_else(|| panic!("no sample: {line}"));
            scrape.samples.push(sample);
        }
    }
    scrape
}

impl Scrape {
    pub(crate) fn metric(&self, name: &str) -> Query<'_> {
        Query {
            scrape: self,
            name: name.to_owned(),
            labels: Vec::new(),
            absent: Vec::new(),
        }
    }

    pub(crate) fn samples(&self) -> &[Sample] {
        &self.samples
    }

    pub(crate) fn type_of(&self, family: &str) -> Option<&str> {
        self.types.get(family).map(String::as_str)
    }

    pub(crate) fn help_of(&self, family: &str) -> Option<&str> {
        self.help.get(family).map(String::as_str)
    }

    pub(crate) fn families(&self) -> impl Iterator<Item = &str> {
        self.types.keys().map(String::as_str)
    }

    /// The values of all series whose name `keep` accepts, by series, to compare two scrapes.
    #[track_caller]
    pub(crate) fn values(&self, keep: impl Fn(&str) -> bool) -> BTreeMap<String, f64> {
        let mut values = BTreeMap::new();
        for sample in self.samples.iter().filter(|sample| keep(&sample.name)) {
            let whole = sample.to_string();
            let series = whole.rsplit_once(' ').unwrap().0.to_owned();
            let before = values.insert(series.clone(), sample.value);
            assert!(before.is_none(), "{series} is exposed twice");
        }
        values
    }
}

/// The series of one name with certain labels. Other labels may have any value.
#[derive(Debug, Clone)]
pub(crate) struct Query<'a> {
    scrape: &'a Scrape,
    name: String,
    labels: Vec<(String, String)>,
    absent: Vec<String>,
}

impl<'a> Query<'a> {
    pub(crate) fn label(mut self, name: &str, value: &str) -> Self {
        self.labels.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Only series without this label.
    pub(crate) fn without(mut self, name: &str) -> Self {
        self.absent.push(name.to_owned());
        self
    }

    pub(crate) fn samples(&self) -> Vec<&'a Sample> {
        self.scrape
            .samples
            .iter()
            .filter(|sample| self.matches(sample))
            .collect()
    }

    /// The value of the only matching series.
    #[track_caller]
    pub(crate) fn value(&self) -> f64 {
        self.try_value()
            .unwrap_or_else(|complaint| panic!("{complaint}"))
    }

    /// Returns why there is no such value, so that a test can wait.
    pub(crate) fn try_value(&self) -> Result<f64, String> {
        match self.samples().as_slice() {
            [one] => Ok(one.value),
            [] => Err(format!(
                "{self} is not in the scrape.{}",
                self.near_matches()
            )),
            many => Err(format!(
                "{self} is {} series, not one:{}",
                many.len(),
                list(many)
            )),
        }
    }

    /// Asserts the exact value of the only matching series.
    #[track_caller]
    pub(crate) fn is(&self, expected: f64) {
        self.check(expected)
            .unwrap_or_else(|complaint| panic!("{complaint}"));
    }

    /// Returns the actual value as an error, so that a test can wait.
    pub(crate) fn check(&self, expected: f64) -> Result<(), String> {
        let value = self.try_value()?;
        // The exposition is exact, so the comparison is, too. NaN equals NaN here.
        if value == expected || (value.is_nan() && expected.is_nan()) {
            Ok(())
        } else {
            Err(format!("{self} is {value}, not {expected}"))
        }
    }

    #[track_caller]
    pub(crate) fn is_within(&self, range: RangeInclusive<f64>) {
        let value = self.value();
        assert!(
            range.contains(&value),
            "{self} is {value}, not within {range:?}"
        );
    }

    /// Asserts that no series matches.
    #[track_caller]
    pub(crate) fn is_absent(&self) {
        let found = self.samples();
        assert!(found.is_empty(), "{self} is in the scrape:{}", list(&found));
    }

    /// Asserts that at least one series matches.
    #[track_caller]
    pub(crate) fn is_present(&self) {
        assert!(
            self.count() > 0,
            "{self} is not in the scrape.{}",
            self.near_matches()
        );
    }

    pub(crate) fn count(&self) -> usize {
        self.samples().len()
    }

    /// The sum over the matching series.
    pub(crate) fn sum(&self) -> f64 {
        self.samples().iter().map(|sample| sample.value).sum()
    }

    fn matches(&self, sample: &Sample) -> bool {
        sample.name == self.name
            && self
                .labels
                .iter()
                .all(|(name, value)| sample.labels.get(name) == Some(value))
            && !self
                .absent
                .iter()
                .any(|name| sample.labels.contains_key(name))
    }

    /// The series of this name that share the most labels with the query; if there is none, the most
    /// similar names.
    fn near_matches(&self) -> String {
        let all = &self.scrape.samples;
        let mut same_name: Vec<&Sample> = all
            .iter()
            .filter(|sample| sample.name == self.name)
            .collect();
        if !same_name.is_empty() {
            same_name.sort_by_key(|sample| {
                let right = self
                    .labels
                    .iter()
                    .filter(|(name, value)| sample.labels.get(name) == Some(value));
                std::cmp::Reverse(right.count())
            });
            let shown = &same_name[..same_name.len().min(NEAR_MATCHES)];
            return format!(
                " Of {} series of this name, the nearest:{}",
                same_name.len(),
                list(shown)
            );
        }
        let mut names: Vec<&str> = all.iter().map(|sample| sample.name.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        names.sort_by_key(|name| distance(name, &self.name));
        names.truncate(NEAR_MATCHES);
        format!(" The nearest names:\n  {}", names.join("\n  "))
    }
}

impl fmt::Display for Query<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let wanted = self
            .labels
            .iter()
            .map(|(name, value)| format!("{name}={value:?}"));
        let unwanted = self.absent.iter().map(|name| format!("no {name}"));
        let labels: Vec<String> = wanted.chain(unwanted).collect();
        write!(formatter, "{}{{{}}}", self.name, labels.join(","))
    }
}

fn list(samples: &[&Sample]) -> String {
    samples
        .iter()
        .map(|sample| format!("\n  {sample}"))
        .collect()
}

/// The edit distance of two names.
fn distance(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (line, left) in from.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = line + 1;
        for (column, right) in to.iter().enumerate() {
            let replaced = diagonal + usize::from(left != *right);
            diagonal = row[column + 1];
            row[column + 1] = replaced.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[to.len()]
}

/// `name{label="value",…} value rest`.
fn sample(line: &str) -> Option<Sample> {
    let end = line.find(['{', ' '])?;
    let (name, mut rest) = line.split_at(end);
    let mut labels = BTreeMap::new();
    if let Some(inside) = rest.strip_prefix('{') {
        rest = inside;
        while !rest.starts_with('}') {
            let (label, after) = rest.split_once("=\"")?;
            let (value, after) = quoted(after)?;
            labels.insert(label.to_owned(), value);
            rest = after.strip_prefix(',').unwrap_or(after);
        }
        rest = rest.strip_prefix('}')?;
    }
    let rest = rest.strip_prefix(' ')?;
    let (value, rest) = rest.split_once(' ').unwrap_or((rest, ""));
    let value = match value {
        "+Inf" => f64::INFINITY,
        "-Inf" => f64::NEG_INFINITY,
        other => other.parse().ok()?,
    };
    Some(Sample {
        name: name.to_owned(),
        labels,
        value,
        rest: rest.to_owned(),
    })
}

/// The unescaped text up to the closing quote, and the rest after it.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut characters = text.char_indices();
    while let Some((place, character)) = characters.next() {
        match character {
            '"' => return Some((value, &text[place + 1..])),
            '\\' => value.push(match characters.next()?.1 {
                'n' => '\n',
                other => other,
            }),
            other => value.push(other),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
# HELP ticket_created_total Tickets created.
# TYPE ticket_created_total counter
ticket_created_total{team=\"billing\",priority=\"p1\"} 3
ticket_created_total{team=\"billing\",priority=\"p2\"} 4
ticket_created_total{team=\"a \\\"b\\\"\\n\\\\,}\",priority=\"p1\"} 5 # {ticket=\"1\"} 1
# TYPE ticket_backlog gauge
ticket_backlog 2
limit +Inf
# EOF
";

    fn complaint(ask: impl Fn(&Scrape) + std::panic::RefUnwindSafe) -> String {
        *std::panic::catch_unwind(|| ask(&scrape(TEXT)))
            .unwrap_err()
            .downcast::<String>()
            .unwrap()
    }

    #[test]
    fn values_are_found_by_labels() {
        let scrape = scrape(TEXT);
        let created = || scrape.metric("ticket_created_total");
        created()
            .label("team", "billing")
            .label("priority", "p2")
            .is(4.0);
        created().label("team", "a \"b\"\n\\,}").is(5.0);
        created().label("team", "unknown").is_absent();
        created().is_present();
        scrape.metric("ticket_backlog").is(2.0);
        scrape.metric("limit").is(f64::INFINITY);
        scrape
            .metric("ticket_backlog")
            .without("team")
            .is_within(1.0..=2.0);
        assert_eq!(created().label("team", "billing").sum(), 7.0);
        assert_eq!(created().count(), 3);
        assert_eq!(scrape.type_of("ticket_backlog"), Some("gauge"));
        assert_eq!(
            scrape.help_of("ticket_created_total"),
            Some("Tickets created.")
        );
        assert_eq!(
            created().label("priority", "p1").samples()[1].rest,
            "# {ticket=\"1\"} 1"
        );
    }

    #[test]
    fn a_wrong_value_is_in_the_failure() {
        let message = complaint(|scrape| scrape.metric("ticket_backlog").is(3.0));
        assert_eq!(message, "ticket_backlog{} is 2, not 3");
    }

    #[test]
    fn several_series_are_listed() {
        let message = complaint(|scrape| {
            scrape
                .metric("ticket_created_total")
                .label("priority", "p1")
                .is(3.0);
        });
        assert!(
            message.contains("is 2 series, not one") && message.contains("billing"),
            "{message}"
        );
    }

    #[test]
    fn wrong_labels_list_the_nearest_series_first() {
        let message = complaint(|scrape| {
            scrape
                .metric("ticket_created_total")
                .label("team", "billing")
                .label("priority", "p3")
                .is(3.0);
        });
        let listed: Vec<&str> = message.lines().collect();
        assert!(listed[0].contains("Of 3 series"), "{message}");
        assert!(
            listed[1].contains("billing") && !listed[3].contains("billing"),
            "{message}"
        );
    }

    #[test]
    fn wrong_names_list_the_nearest_names_first() {
        let message = complaint(|scrape| scrape.metric("tickets_created_total").is(3.0));
        assert_eq!(
            message.lines().nth(1),
            Some("  ticket_created_total"),
            "{message}"
        );
    }

    #[test]
    fn a_present_series_is_not_absent() {
        complaint(|scrape| scrape.metric("limit").is_absent());
        complaint(|scrape| scrape.metric("missing").is_present());
        complaint(|scrape| scrape.metric("limit").is_within(0.0..=1.0));
    }

    #[test]
    fn invalid_lines_fail() {
        for line in [
            "name",
            "name{a=\"b\"}",
            "name{a=\"b} 1",
            "name one",
            "name{a} 1",
        ] {
            assert!(std::panic::catch_unwind(|| scrape(line)).is_err(), "{line}");
        }
    }
}
