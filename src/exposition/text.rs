//! The two text formats of Prometheus: 0.0.4, and OpenMetrics 1.0, which adds units, start timestamps
//! and exemplars. Neither has native histograms.
//! <https://prometheus.io/docs/instrumenting/exposition_formats/>
//! <https://prometheus.io/docs/specs/om/open_metrics_spec/>
//!
//! In OpenMetrics the samples of a metric are adjacent and end with its `_created`, so that a parser finds
//! the start timestamp next to the series.

use super::exemplar::{EXEMPLAR_LABEL, fits};
use super::lines::{ExpositionLines, escape, owned};
use crate::domain::catalog::{Family, MetricKind};
use crate::domain::timestamp::Timestamp;
use crate::engine::{Exemplar, HistogramView, Sample, Visitor};

/// The last line of OpenMetrics. Without it, a scraper treats the exposition as truncated.
pub(super) const END: &str = "# EOF\n";

#[derive(Debug)]
pub(super) struct TextWriter {
    lines: ExpositionLines,
    is_open_metrics: bool,
    family: Option<(&'static Family, Option<Timestamp>)>,
    label_names: Vec<String>,
    /// Whether the family's comments have not been written yet; its first series writes them.
    pending: bool,
}

impl TextWriter {
    pub(super) fn new(buffer: Vec<u8>, is_open_metrics: bool) -> Self {
        Self {
            lines: ExpositionLines::new(buffer, is_open_metrics),
            is_open_metrics,
            family: None,
            label_names: Vec::new(),
            pending: false,
        }
    }

    /// The bytes, without [`END`].
    pub(super) fn finish(self) -> Vec<u8> {
        self.lines.out
    }

    fn comments(&mut self, family: &Family) {
        if self.is_open_metrics {
            comments(&mut self.lines, family);
        } else {
            self.lines.help(family.name, family.help, false);
            self.lines.comment("TYPE", family.name, family.kind.name());
        }
    }

    fn histogram(&mut self, name: &str, histogram: &HistogramView<'_>) {
        self.lines.set_bounds(histogram.bounds);
        let mut cumulative = 0;
        for (position, count) in histogram.counts.iter().enumerate() {
            cumulative += count;
            self.lines.begin_bucket(name, position);
            self.lines.integer(cumulative);
            if let Some(Some(exemplar)) = histogram.exemplars.get(position)
                && self.is_open_metrics
            {
                self.exemplar(exemplar);
            }
            self.lines.end();
        }
        self.lines.line(name, "_sum", histogram.sum);
        self.lines.count_line(name, "_count", histogram.count);
    }

    fn exemplar(&mut self, exemplar: &Exemplar) {
        if !fits(exemplar) {
            return;
        }
        self.lines.text(" # {");
        self.lines.text(EXEMPLAR_LABEL);
        self.lines.text("=\"");
        escape(&mut self.lines.out, &exemplar.ticket_id, true);
        self.lines.text("\"} ");
        self.lines.value(exemplar.value);
        self.lines.text(" ");
        self.lines.value(exemplar.at.seconds());
    }
}

impl Visitor for TextWriter {
    fn family(&mut self, family: &'static Family, labels: &[&str], start: Option<Timestamp>) {
        self.family = Some((family, start));
        self.label_names = owned(labels);
        self.pending = true;
    }

    fn sample(&mut self, values: &[&str], sample: Sample<'_>) {
        let Some((family, start)) = self.family else {
            return;
        };
        if std::mem::take(&mut self.pending) {
            self.comments(family);
        }
        self.lines.set_labels(&self.label_names, values);
        match sample {
            Sample::Number(value) => self.lines.line(family.name, "", value),
            Sample::Histogram(histogram) => self.histogram(family.name, &histogram),
        }
        if let Some(start) = start.filter(|_| self.is_open_metrics && family.is_cumulative()) {
            let name = family.base_name();
            self.lines.line(name, "_created", start.seconds());
        }
    }
}

/// The lines before a family's first sample in OpenMetrics.
pub(super) fn comments(lines: &mut ExpositionLines, family: &Family) {
    let name = family.base_name();
    let kind = match family.kind {
        MetricKind::Untyped => "unknown",
        kind => kind.name(),
    };
    lines.comment("TYPE", name, kind);
    if let Some(unit) = family.unit() {
        lines.comment("UNIT", name, unit);
    }
    lines.help(name, family.help, true);
}

#[cfg(test)]
mod tests {
    use crate::exposition::fixture::{Empty, EveryShape, read_text};
    use crate::exposition::{Format, render};

    #[test]
    fn golden() {
        let text = String::from_utf8(render(Format::Text, &[&EveryShape], 0)).unwrap();
        assert_eq!(
            text,
            r#"# HELP ticket_replies_total Public messages by human agents
# TYPE ticket_replies_total counter
ticket_replies_total{team="billing",priority="p1"} 41
ticket_replies_total{team="a\\b \"c\"\nd é🎫",priority="none"} 0
# HELP ticket_status_seconds_total Time of tickets in a status, added when status, team or priority changes
# TYPE ticket_status_seconds_total counter
ticket_status_seconds_total{team="billing",priority="p1",status="open"} 7200.25
# HELP ticket_first_response_seconds Time from creation to the first human reply
# TYPE ticket_first_response_seconds histogram
ticket_first_response_seconds_bucket{team="billing",priority="p1",clock="calendar",le="0.5"} 2
ticket_first_response_seconds_bucket{team="billing",priority="p1",clock="calendar",le="60"} 7
ticket_first_response_seconds_bucket{team="billing",priority="p1",clock="calendar",le="2.592e+06"} 7
ticket_first_response_seconds_bucket{team="billing",priority="p1",clock="calendar",le="+Inf"} 8
ticket_first_response_seconds_sum{team="billing",priority="p1",clock="calendar"} 2600031.125
ticket_first_response_seconds_count{team="billing",priority="p1",clock="calendar"} 8
ticket_first_response_seconds_bucket{team="network",priority="p1",clock="calendar",le="0.5"} 0
ticket_first_response_seconds_bucket{team="network",priority="p1",clock="calendar",le="60"} 0
ticket_first_response_seconds_bucket{team="network",priority="p1",clock="calendar",le="2.592e+06"} 0
ticket_first_response_seconds_bucket{team="network",priority="p1",clock="calendar",le="+Inf"} 0
ticket_first_response_seconds_sum{team="network",priority="p1",clock="calendar"} 0
ticket_first_response_seconds_count{team="network",priority="p1",clock="calendar"} 0
# HELP ticket_window_seconds_mean Mean of a duration over the sliding event-time window
# TYPE ticket_window_seconds_mean gauge
ticket_window_seconds_mean{team="x",kpi="handle",clock="calendar",window="1h"} NaN
ticket_window_seconds_mean{team="y",kpi="handle",clock="calendar",window="1h"} +Inf
ticket_window_seconds_mean{team="z",kpi="handle",clock="calendar",window="1h"} -Inf
# HELP ticket_exporter_timers Timers waiting on the stream clock
# TYPE ticket_exporter_timers gauge
ticket_exporter_timers 3
"#
        );
    }

    #[test]
    fn the_reader_finds_every_sample() {
        let text = String::from_utf8(render(Format::Text, &[&EveryShape], 0)).unwrap();
        let samples = read_text(&text);
        let value = |name: &str, team: &str, le: Option<&str>| {
            let found: Vec<f64> = samples
                .iter()
                .filter(|sample| {
                    sample.name == name
                        && sample.label("team") == Some(team)
                        && sample.label("le") == le
                })
                .map(|sample| sample.value)
                .collect();
            assert_eq!(found.len(), 1, "{name} {team} {le:?}");
            found[0]
        };
        assert_eq!(value("ticket_replies_total", "billing", None), 41.0);
        assert_eq!(
            value(
                "ticket_replies_total",
                "a\\b \"c\"\nd \u{e9}\u{1f3ab}",
                None
            ),
            0.0
        );
        let bucket = "ticket_first_response_seconds_bucket";
        assert_eq!(value(bucket, "billing", Some("60")), 7.0);
        assert_eq!(value(bucket, "billing", Some("+Inf")), 8.0);
        assert!(value("ticket_window_seconds_mean", "x", None).is_nan());
        assert_eq!(samples.len(), 19);
    }

    #[test]
    fn families_without_series_are_left_out() {
        let text = render(Format::Text, &[&Empty], 0);
        assert_eq!(text, b"");
    }

    #[test]
    fn golden_open_metrics() {
        let text = String::from_utf8(render(Format::OpenMetrics, &[&EveryShape], 0)).unwrap();
        assert_eq!(
            text,
            r#"# TYPE ticket_replies counter
# HELP ticket_replies Public messages by human agents
ticket_replies_total{team="billing",priority="p1"} 41
ticket_replies_created{team="billing",priority="p1"} 1755555555.123
ticket_replies_total{team="a\\b \"c\"\nd é🎫",priority="none"} 0
ticket_replies_created{team="a\\b \"c\"\nd é🎫",priority="none"} 1755555555.123
# TYPE ticket_status_seconds counter
# UNIT ticket_status_seconds seconds
# HELP ticket_status_seconds Time of tickets in a status, added when status, team or priority changes
ticket_status_seconds_total{team="billing",priority="p1",status="open"} 7200.25
ticket_status_seconds_created{team="billing",priority="p1",status="open"} 1755555555.123
# TYPE ticket_first_response_seconds histogram
# UNIT ticket_first_response_seconds seconds
# HELP ticket_first_response_seconds Time from creation to the first human reply
ticket_first_response_seconds_bucket{team="billing",priority="p1",clock="calendar",le="0.5"} 2 # {ticket_id="T-\"1\""} 0.5 1755600000
ticket_first_response_seconds_bucket{team="billing",priority="p1",clock="calendar",le="60.0"} 7
ticket_first_response_seconds_bucket{team="billing",priority="p1",clock="calendar",le="2.592e+06"} 7
ticket_first_response_seconds_bucket{team="billing",priority="p1",clock="calendar",le="+Inf"} 8
ticket_first_response_seconds_sum{team="billing",priority="p1",clock="calendar"} 2600031.125
ticket_first_response_seconds_count{team="billing",priority="p1",clock="calendar"} 8
ticket_first_response_seconds_created{team="billing",priority="p1",clock="calendar"} 1755555555.123
ticket_first_response_seconds_bucket{team="network",priority="p1",clock="calendar",le="0.5"} 0
ticket_first_response_seconds_bucket{team="network",priority="p1",clock="calendar",le="60.0"} 0
ticket_first_response_seconds_bucket{team="network",priority="p1",clock="calendar",le="2.592e+06"} 0
ticket_first_response_seconds_bucket{team="network",priority="p1",clock="calendar",le="+Inf"} 0
ticket_first_response_seconds_sum{team="network",priority="p1",clock="calendar"} 0
ticket_first_response_seconds_count{team="network",priority="p1",clock="calendar"} 0
ticket_first_response_seconds_created{team="network",priority="p1",clock="calendar"} 1755555555.123
# TYPE ticket_window_seconds_mean gauge
# HELP ticket_window_seconds_mean Mean of a duration over the sliding event-time window
ticket_window_seconds_mean{team="x",kpi="handle",clock="calendar",window="1h"} NaN
ticket_window_seconds_mean{team="y",kpi="handle",clock="calendar",window="1h"} +Inf
ticket_window_seconds_mean{team="z",kpi="handle",clock="calendar",window="1h"} -Inf
# TYPE ticket_exporter_timers gauge
# HELP ticket_exporter_timers Timers waiting on the stream clock
ticket_exporter_timers 3
# EOF
"#
        );
    }

    #[test]
    fn nothing_is_still_an_exposition() {
        assert_eq!(render(Format::OpenMetrics, &[&Empty], 0), b"# EOF\n");
    }
}
