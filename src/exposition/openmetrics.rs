//! OpenMetrics text 1.0: units, start timestamps and exemplars.
//! <https://prometheus.io/docs/specs/om/open_metrics_spec/>
//!
//! The samples of a metric are adjacent and end with its `_created`, so that a parser finds the start
//! timestamp next to the series. The format has no native histograms.

use super::exemplar::{EXEMPLAR_LABEL, fits};
use super::lines::{ExpositionLines, escape};
use crate::domain::catalog::{Family, MetricKind};
use crate::domain::timestamp::Timestamp;
use crate::engine::{Exemplar, HistogramView, Sample, Visitor};

/// The last line. Without it, a scraper treats the exposition as truncated.
pub(super) const END: &str = "# EOF\n";

#[derive(Debug)]
pub(super) struct OpenMetricsWriter {
    lines: ExpositionLines,
    family: Option<(&'static Family, Option<Timestamp>)>,
    /// Whether the family's comments have not been written yet; its first series writes them.
    pending: bool,
}

impl OpenMetricsWriter {
    pub(super) fn new(buffer: Vec<u8>) -> Self {
        Self {
            lines: ExpositionLines::new(buffer, true),
            family: None,
            pending: false,
        }
    }

    /// The bytes, without [`END`].
    pub(super) fn finish(self) -> Vec<u8> {
        self.lines.out
    }

    fn histogram(&mut self, name: &str, histogram: &HistogramView<'_>) {
        self.lines.set_bounds(histogram.bounds);
        let mut cumulative = 0;
        for (position, count) in histogram.counts.iter().enumerate() {
            cumulative += count;
            self.lines.begin_bucket(name, position);
            self.lines.integer(cumulative);
            if let Some(Some(exemplar)) = histogram.exemplars.get(position) {
                self.exemplar(exemplar);
            }
            self.lines.end();
        }
        self.lines.count_line(name, "_count", histogram.count);
        self.lines.line(name, "_sum", histogram.sum);
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

    fn created(&mut self, name: &str, start: Option<Timestamp>) {
        if let Some(start) = start {
            self.lines.line(name, "_created", start.seconds());
        }
    }
}

impl Visitor for OpenMetricsWriter {
    fn family(&mut self, family: &'static Family, start: Option<Timestamp>) {
        self.family = Some((family, start));
        self.pending = true;
    }

    fn sample(&mut self, values: &[&str], sample: Sample<'_>) {
        let Some((family, start)) = self.family else {
            return;
        };
        if self.pending {
            self.pending = false;
            comments(&mut self.lines, family);
        }
        self.lines.set_labels(family.labels, values);
        match sample {
            Sample::Number(value) => {
                self.lines.line(family.name, "", value);
            }
            Sample::Histogram(histogram) => self.histogram(family.name, &histogram),
        }
        if family.is_cumulative() {
            self.created(family.base_name(), start);
        }
    }
}

/// The lines before a family's first sample.
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
    use crate::exposition::fixture::{Empty, EveryShape};
    use crate::exposition::{Format, render};

    #[test]
    fn golden() {
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
ticket_first_response_seconds_count{team="billing",priority="p1",clock="calendar"} 8
ticket_first_response_seconds_sum{team="billing",priority="p1",clock="calendar"} 2600031.125
ticket_first_response_seconds_created{team="billing",priority="p1",clock="calendar"} 1755555555.123
ticket_first_response_seconds_bucket{team="network",priority="p1",clock="calendar",le="0.5"} 0
ticket_first_response_seconds_bucket{team="network",priority="p1",clock="calendar",le="60.0"} 0
ticket_first_response_seconds_bucket{team="network",priority="p1",clock="calendar",le="2.592e+06"} 0
ticket_first_response_seconds_bucket{team="network",priority="p1",clock="calendar",le="+Inf"} 0
ticket_first_response_seconds_count{team="network",priority="p1",clock="calendar"} 0
ticket_first_response_seconds_sum{team="network",priority="p1",clock="calendar"} 0
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
