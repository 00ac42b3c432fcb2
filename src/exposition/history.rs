//! Writes series at many instants as OpenMetrics text 1.0 with timestamps, for `promtool tsdb
//! create-blocks-from openmetrics`.
//!
//! The format groups samples by family, then by series, in the order of time, so the writer visits all
//! instants once for each family. It writes no native histograms, which the format does not have, no
//! start timestamps, which promtool would turn into series, and no exemplars, which blocks cannot hold.
//! <https://prometheus.io/docs/specs/om/open_metrics_spec/>

use std::io::{self, Write};

use hashbrown::HashMap;

use super::lines::{ExpositionLines, escape, owned};
use super::number::write_value;
use super::text::{END, comments};
use crate::domain::catalog::{FAMILIES, Family};
use crate::domain::timestamp::Timestamp;
use crate::engine::{HistogramView, Sample, Series, Visitor};

const BUFFER_BYTES: usize = 1 << 20;

/// All series at one instant.
pub type SeriesAtInstant<'a> = (Timestamp, Vec<&'a dyn Series>);

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WrittenHistory {
    /// Each bucket counts as one, as in Prometheus.
    pub series: u64,
    pub samples: u64,
    pub bytes: u64,
}

/// Writes the series of all `instants`, which ascend, and adds `labels` to each.
pub fn write_history(
    instants: &[SeriesAtInstant<'_>],
    labels: &[(String, String)],
    out: &mut dyn Write,
) -> io::Result<WrittenHistory> {
    let mut added = Vec::new();
    for (name, value) in labels {
        write_label(&mut added, name, value);
    }
    let mut writer = HistoryWriter {
        lines: ExpositionLines::new(Vec::new(), true),
        out,
        written: WrittenHistory::default(),
    };
    for family in occurring(instants) {
        let mut rows = FamilyRows::new(family, &added);
        for (at, sources) in instants {
            rows.at = *at;
            for source in sources {
                source.visit(&mut rows);
            }
        }
        writer.family(&rows)?;
    }
    writer.lines.text(END);
    writer.flush()?;
    Ok(writer.written)
}

/// The families with series, in the order of the catalog.
fn occurring(instants: &[SeriesAtInstant<'_>]) -> impl Iterator<Item = &'static Family> {
    let mut collector = FamilyCollector::default();
    for (_, sources) in instants {
        for source in sources {
            source.visit(&mut collector);
        }
    }
    let families = FAMILIES.iter().copied();
    families.filter(move |family| {
        collector
            .families
            .iter()
            .any(|seen| seen.name == family.name)
    })
}

/// Collects the families with series.
#[derive(Default)]
struct FamilyCollector {
    current: Option<&'static Family>,
    families: Vec<&'static Family>,
}

impl Visitor for FamilyCollector {
    fn family(&mut self, family: &'static Family, _labels: &[&str], _start: Option<Timestamp>) {
        let known = self.families.iter().any(|seen| seen.name == family.name);
        self.current = (!known).then_some(family);
    }

    fn sample(&mut self, _values: &[&str], _sample: Sample<'_>) {
        self.families.extend(self.current.take());
    }
}

/// A histogram at one instant, without its buckets.
#[derive(Clone, Copy)]
struct HistogramPoint {
    at: Timestamp,
    count: u64,
    sum: f64,
}

/// All points of one series or one histogram.
#[derive(Default)]
struct SeriesRow {
    /// `team="a",priority="b"`.
    block: Vec<u8>,
    numbers: Vec<(Timestamp, f64)>,
    histograms: Vec<HistogramPoint>,
    /// Cumulative counts of all histograms: for each, one more than there are bounds.
    buckets: Vec<u64>,
}

struct FamilyRows<'a> {
    family: &'static Family,
    label_names: Vec<String>,
    /// Labels that are added to every row.
    added: &'a [u8],
    at: Timestamp,
    /// Whether the visited family is this one.
    wanted: bool,
    rows: Vec<SeriesRow>,
    /// Positions of the rows, by label block.
    positions: HashMap<Vec<u8>, usize>,
    /// The expected row: series come in the same order at nearly every instant.
    next: usize,
    bounds: Vec<f64>,
    block: Vec<u8>,
}

impl<'a> FamilyRows<'a> {
    fn new(family: &'static Family, added: &'a [u8]) -> Self {
        Self {
            family,
            label_names: Vec::new(),
            added,
            at: Timestamp(0),
            wanted: false,
            rows: Vec::new(),
            positions: HashMap::new(),
            next: 0,
            bounds: Vec::new(),
            block: Vec::new(),
        }
    }

    /// The row of the label values.
    fn row(&mut self, values: &[&str]) -> &mut SeriesRow {
        self.block.clear();
        for (name, value) in self.label_names.iter().zip(values) {
            write_label(&mut self.block, name, value);
        }
        if !self.added.is_empty() && !self.block.is_empty() {
            self.block.push(b',');
        }
        self.block.extend_from_slice(self.added);
        let expected = self.rows.get(self.next);
        let position = if expected.is_some_and(|row| row.block == self.block) {
            self.next
        } else if let Some(position) = self.positions.get(&self.block) {
            *position
        } else {
            let position = self.rows.len();
            self.positions.insert(self.block.clone(), position);
            self.rows.push(SeriesRow {
                block: self.block.clone(),
                ..SeriesRow::default()
            });
            position
        };
        self.next = position + 1;
        &mut self.rows[position]
    }
}

impl Visitor for FamilyRows<'_> {
    fn family(&mut self, family: &'static Family, labels: &[&str], _start: Option<Timestamp>) {
        self.wanted = family.name == self.family.name;
        if self.wanted {
            self.label_names = owned(labels);
        }
        self.next = 0;
    }

    fn sample(&mut self, values: &[&str], sample: Sample<'_>) {
        if !self.wanted {
            return;
        }
        let at = self.at;
        match sample {
            Sample::Number(value) => self.row(values).numbers.push((at, value)),
            Sample::Histogram(HistogramView {
                bounds,
                counts,
                count,
                sum,
                ..
            }) => {
                // The configured bounds are the same at every instant.
                if self.bounds != bounds {
                    self.bounds = bounds.to_vec();
                }
                let row = self.row(values);
                row.histograms.push(HistogramPoint { at, count, sum });
                let mut cumulative = 0;
                row.buckets.extend(counts.iter().map(|count| {
                    cumulative += count;
                    cumulative
                }));
            }
        }
    }
}

struct HistoryWriter<'a> {
    lines: ExpositionLines,
    out: &'a mut dyn Write,
    written: WrittenHistory,
}

impl HistoryWriter<'_> {
    fn family(&mut self, rows: &FamilyRows<'_>) -> io::Result<()> {
        let name = rows.family.name;
        comments(&mut self.lines, rows.family);
        self.lines.set_bounds(&rows.bounds);
        for row in &rows.rows {
            self.lines.set_label_block(&row.block);
            for (at, value) in &row.numbers {
                self.lines.begin(name, "");
                self.lines.value(*value);
                self.end(*at)?;
            }
            let buckets = row.buckets.chunks(rows.bounds.len() + 1);
            for (point, buckets) in row.histograms.iter().zip(buckets) {
                self.histogram(name, point, buckets)?;
            }
            let of_histogram = rows.bounds.len() as u64 + 3;
            self.written.series += if row.histograms.is_empty() {
                1
            } else {
                of_histogram
            };
        }
        Ok(())
    }

    fn histogram(&mut self, name: &str, point: &HistogramPoint, buckets: &[u64]) -> io::Result<()> {
        for (position, count) in buckets.iter().enumerate() {
            self.lines.begin_bucket(name, position);
            self.lines.integer(*count);
            self.end(point.at)?;
        }
        self.lines.begin(name, "_sum");
        self.lines.value(point.sum);
        self.end(point.at)?;
        self.lines.begin(name, "_count");
        self.lines.integer(point.count);
        self.end(point.at)
    }

    /// Ends a line with its timestamp.
    fn end(&mut self, at: Timestamp) -> io::Result<()> {
        self.lines.text(" ");
        write_value(&mut self.lines.out, at.seconds());
        self.lines.end();
        self.written.samples += 1;
        if self.lines.out.len() >= BUFFER_BYTES {
            self.flush()?;
        }
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.write_all(&self.lines.out)?;
        self.written.bytes += self.lines.out.len() as u64;
        self.lines.out.clear();
        Ok(())
    }
}

/// Appends `name="value"`, after a comma if it is not the first label.
fn write_label(block: &mut Vec<u8>, name: &str, value: &str) {
    if !block.is_empty() {
        block.push(b',');
    }
    block.extend_from_slice(name.as_bytes());
    block.extend_from_slice(b"=\"");
    escape(block, value, true);
    block.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::catalog;
    use crate::exposition::fixture::EveryShape;

    /// A gauge and a histogram. One series of the gauge exists at some instants only.
    struct ChangingSeries(u64);

    impl Series for ChangingSeries {
        fn visit(&self, visitor: &mut dyn Visitor) {
            #[allow(clippy::cast_precision_loss)]
            let value = self.0 as f64;
            visitor.family(&catalog::HANDLE, catalog::HANDLE.labels, Some(Timestamp(1)));
            let histogram = HistogramView {
                bounds: &[60.0],
                counts: &[self.0, 1],
                count: self.0 + 1,
                sum: value * 0.5,
                native: None,
                exemplars: &[],
            };
            visitor.sample(&["a", "p1", "reported"], Sample::Histogram(histogram));
            visitor.family(
                &catalog::BACKLOG_OLDEST,
                catalog::BACKLOG_OLDEST.labels,
                None,
            );
            if self.0 != 2 {
                visitor.sample(&["x\"\n"], Sample::Number(value));
            }
            visitor.sample(&["y"], Sample::Number(-value));
            visitor.family(&catalog::TIMERS, catalog::TIMERS.labels, None);
        }
    }

    fn written(
        instants: &[SeriesAtInstant<'_>],
        labels: &[(&str, &str)],
    ) -> (String, WrittenHistory) {
        let labels: Vec<(String, String)> = labels
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let mut out = Vec::new();
        let written = write_history(instants, &labels, &mut out).unwrap();
        assert_eq!(written.bytes, out.len() as u64);
        (String::from_utf8(out).unwrap(), written)
    }

    #[test]
    fn samples_are_grouped_by_family_and_series_in_the_order_of_time() {
        let [one, two, three] = [1, 2, 3].map(ChangingSeries);
        let instants: Vec<SeriesAtInstant<'_>> = vec![
            (Timestamp(1_000), vec![&one]),
            (Timestamp(2_500), vec![&two]),
            (Timestamp(4_000), vec![&three]),
        ];
        let (text, written) = written(&instants, &[("job", "desk"), ("instance", "a:1")]);
        let handle = "team=\"a\",priority=\"p1\",source=\"reported\",job=\"desk\",instance=\"a:1\"";
        let mut expected = String::from(
            "# TYPE ticket_handle_seconds histogram\n# UNIT ticket_handle_seconds seconds\n\
             # HELP ticket_handle_seconds Working time of agents on a ticket; observed when finalized\n",
        );
        for (count, sum, at) in [(1, "0.5", "1"), (2, "1", "2.5"), (3, "1.5", "4")] {
            let all = count + 1;
            expected += &format!(
                "ticket_handle_seconds_bucket{{{handle},le=\"60.0\"}} {count} {at}\n\
                 ticket_handle_seconds_bucket{{{handle},le=\"+Inf\"}} {all} {at}\n\
                 ticket_handle_seconds_sum{{{handle}}} {sum} {at}\n\
                 ticket_handle_seconds_count{{{handle}}} {all} {at}\n"
            );
        }
        let oldest = "ticket_backlog_oldest_created_timestamp_seconds";
        expected += &format!(
            "# TYPE {oldest} gauge\n# UNIT {oldest} seconds\n# HELP {oldest} Creation time of the \
             oldest unsolved ticket, in seconds since the epoch\n"
        );
        for (team, points) in [
            ("x\\\"\\n", &[("1", "1"), ("3", "4")][..]),
            ("y", &[("-1", "1"), ("-2", "2.5"), ("-3", "4")]),
        ] {
            for (value, at) in points {
                expected += &format!(
                    "{oldest}{{team=\"{team}\",job=\"desk\",instance=\"a:1\"}} {value} {at}\n"
                );
            }
        }
        assert_eq!(text, expected + "# EOF\n");
        assert_eq!((written.series, written.samples), (6, 17));
    }

    #[test]
    fn the_lines_are_those_of_the_exposition() {
        let (text, _) = written(&[(Timestamp(5_000), vec![&EveryShape])], &[]);
        let exposition =
            crate::exposition::render(crate::exposition::Format::OpenMetrics, &[&EveryShape], 0);
        let exposition = String::from_utf8(exposition).unwrap();
        let exposed: Vec<String> = exposition
            .lines()
            .filter(|line| !line.contains("_created{"))
            .map(|line| match line.split_once(" # {") {
                _ if line.starts_with('#') => line.to_owned(),
                Some((sample, _exemplar)) => format!("{sample} 5"),
                None => format!("{line} 5"),
            })
            .collect();
        assert_eq!(text.lines().collect::<Vec<_>>(), exposed);
    }

    #[test]
    fn without_instants_there_is_an_empty_exposition() {
        assert_eq!(written(&[], &[("job", "a")]).0, "# EOF\n");
    }
}
