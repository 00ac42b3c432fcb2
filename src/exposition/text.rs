//! Prometheus text format 0.0.4: no exemplars, no start timestamps, no native histograms.
//! <https://prometheus.io/docs/instrumenting/exposition_formats/>

use super::lines::ExpositionLines;
use crate::domain::catalog::Family;
use crate::domain::timestamp::Timestamp;
use crate::engine::{HistogramView, Sample, Visitor};

#[derive(Debug)]
pub(super) struct TextWriter {
    lines: ExpositionLines,
    family: Option<&'static Family>,
    /// Whether the family's comments have not been written yet; its first series writes them.
    pending: bool,
}

impl TextWriter {
    pub(super) fn new(buffer: Vec<u8>) -> Self {
        Self {
            lines: ExpositionLines::new(buffer, false),
            family: None,
            pending: false,
        }
    }

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
            self.lines.end();
        }
        self.lines.line(name, "_sum", histogram.sum);
        self.lines.count_line(name, "_count", histogram.count);
    }
}

impl Visitor for TextWriter {
    fn family(&mut self, family: &'static Family, _start: Option<Timestamp>) {
        self.family = Some(family);
        self.pending = true;
    }

    fn sample(&mut self, values: &[&str], sample: Sample<'_>) {
        let Some(family) = self.family else { return };
        if self.pending {
            self.pending = false;
            self.lines.help(family.name, family.help, false);
            self.lines.comment("TYPE", family.name, family.kind.name());
        }
        self.lines.set_labels(family.labels, values);
        match sample {
            Sample::Number(value) => {
                self.lines.line(family.name, "", value);
            }
            Sample::Histogram(histogram) => self.histogram(family.name, &histogram),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::exposition::fixture::{EveryShape, read_text};
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
        let text = render(Format::Text, &[&crate::exposition::fixture::Empty], 0);
        assert_eq!(text, b"");
    }
}
