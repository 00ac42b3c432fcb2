//! Sections 6 and 7: counts and observations, and the series made of them.

use super::labels::{Holder, Labels};
use super::setup::{Setup, milliseconds};
use std::collections::BTreeMap;

/// All counts and observations.
#[derive(Debug)]
pub struct Book<'a> {
    setup: &'a Setup,
    pub labels: Labels<'a>,
    counts: BTreeMap<String, i64>,
    status_ms: BTreeMap<String, i64>,
    /// family, labels without `le`: milliseconds.
    durations: BTreeMap<(String, String), Vec<i64>>,
    /// team, kpi, clock: event time and milliseconds.
    timed_durations: BTreeMap<(String, String, String), Vec<(i64, i64)>>,
    /// team, event: event times.
    timed_events: BTreeMap<(String, String), Vec<i64>>,
    gauges: BTreeMap<String, f64>,
}

impl<'a> Book<'a> {
    pub fn new(setup: &'a Setup) -> Self {
        Self {
            setup,
            labels: Labels::new(setup),
            counts: BTreeMap::new(),
            status_ms: BTreeMap::new(),
            durations: BTreeMap::new(),
            timed_durations: BTreeMap::new(),
            timed_events: BTreeMap::new(),
            gauges: BTreeMap::new(),
        }
    }

    fn labels(&self, holder: &Holder, further: &[(&str, &str)]) -> String {
        let own = self.labels.of(holder);
        let mut labels: Vec<(&str, &str)> = own
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        labels.extend_from_slice(further);
        join(&labels)
    }

    /// The labels with `group`, if there are several.
    pub fn with_group<'b>(
        &self,
        labels: &[(&'b str, &'b str)],
        group: &'b str,
    ) -> Vec<(&'b str, &'b str)> {
        let mut labels = labels.to_vec();
        if self.setup.groups().len() > 1 {
            labels.push(("group", group));
        }
        labels
    }

    pub fn count(&mut self, family: &str, holder: &Holder, further: &[(&str, &str)]) {
        let key = format!("{family}{{{}}}", self.labels(holder, further));
        *self.counts.entry(key).or_default() += 1;
    }

    /// KPI 10.
    pub fn add_status_time(&mut self, holder: &Holder, status: &str, ms: i64) {
        let labels = self.labels(holder, &[("status", status)]);
        let key = format!("ticket_status_seconds_total{{{labels}}}");
        *self.status_ms.entry(key).or_default() += ms;
    }

    /// An event for the windows.
    pub fn event(&mut self, at: i64, holder: &Holder, event: &str) {
        let team = self.labels.team(holder);
        self.timed_events
            .entry((team, event.to_owned()))
            .or_default()
            .push(at);
    }

    /// A duration for its histogram and the windows. `label` is the further label (clock, or source for
    /// handle time), `clock` the one of the windows.
    pub fn observe(
        &mut self,
        at: i64,
        holder: &Holder,
        kpi: &str,
        label: (&str, &str),
        clock: &str,
        ms: i64,
    ) {
        let labels = self.labels(holder, &[label]);
        let team = self.labels.team(holder);
        self.durations
            .entry((kpi.to_owned(), labels))
            .or_default()
            .push(ms);
        self.timed_durations
            .entry((team, kpi.to_owned(), clock.to_owned()))
            .or_default()
            .push((at, ms));
    }

    pub fn add_to_gauge(&mut self, family: &str, holder: &Holder, further: &[(&str, &str)]) {
        let key = format!("{family}{{{}}}", self.labels(holder, further));
        *self.gauges.entry(key).or_default() += 1.0;
    }

    pub fn add_to_team_gauge(&mut self, family: &str, holder: &Holder, further: &[(&str, &str)]) {
        let team = self.labels.team(holder);
        let mut labels = vec![("team", team.as_str())];
        labels.extend_from_slice(further);
        *self
            .gauges
            .entry(format!("{family}{{{}}}", join(&labels)))
            .or_default() += 1.0;
    }

    /// A gauge of the least of the given instants, in seconds.
    pub fn least_instant(
        &mut self,
        family: &str,
        holder: &Holder,
        goal: Option<&[(&str, &str)]>,
        ms: i64,
    ) {
        let labels = match goal {
            Some(labels) => self.labels(holder, labels),
            None => join(&[("team", &self.labels.team(holder))]),
        };
        let seconds = ms as f64 / 1000.0;
        let gauge = self
            .gauges
            .entry(format!("{family}{{{labels}}}"))
            .or_insert(seconds);
        *gauge = gauge.min(seconds);
    }

    /// All series, with the windows as of `clock`.
    pub fn into_series(self, clock: Option<i64>) -> BTreeMap<String, f64> {
        let mut series = self.gauges.clone();
        for (key, count) in &self.counts {
            series.insert(key.clone(), *count as f64);
        }
        for (key, ms) in &self.status_ms {
            series.insert(key.clone(), *ms as f64 / 1000.0);
        }
        for ((kpi, labels), observed) in &self.durations {
            self.histogram(kpi, labels, observed, &mut series);
        }
        for policy in &self.setup.policies {
            for (target, duration) in &policy.targets {
                let labels = [
                    ("policy", policy.name.as_str()),
                    ("target", target),
                    ("clock", &policy.clock),
                ];
                let labels = join(&self.with_group(&labels, &policy.group));
                let seconds = milliseconds(duration) as f64 / 1000.0;
                series.insert(format!("ticket_sla_target_seconds{{{labels}}}"), seconds);
            }
        }
        if let Some(clock) = clock {
            self.windows(clock, &mut series);
        }
        series
    }

    /// Section 7: the configured bounds of the KPI and every SLA target of the configuration.
    fn histogram(
        &self,
        kpi: &str,
        labels: &str,
        observed: &[i64],
        series: &mut BTreeMap<String, f64>,
    ) {
        let mut bounds: Vec<i64> = self
            .setup
            .buckets
            .get(kpi)
            .into_iter()
            .flatten()
            .chain(self.setup.policies.iter().flat_map(|p| p.targets.values()))
            .map(|text| milliseconds(text))
            .collect();
        bounds.sort_unstable();
        bounds.dedup();
        let family = format!("ticket_{kpi}_seconds");
        for bound in bounds {
            let within = observed.iter().filter(|ms| **ms <= bound).count();
            let le = bound as f64 / 1000.0;
            let key = format!("{family}_bucket{{{labels},le=\"{le}\"}}");
            series.insert(key, within as f64);
        }
        let key = format!("{family}_bucket{{{labels},le=\"+Inf\"}}");
        series.insert(key, observed.len() as f64);
        series.insert(format!("{family}_count{{{labels}}}"), observed.len() as f64);
        let sum: i64 = observed.iter().sum();
        series.insert(format!("{family}_sum{{{labels}}}"), sum as f64 / 1000.0);
    }

    /// Section 6.
    fn windows(&self, clock: i64, series: &mut BTreeMap<String, f64>) {
        for window in &self.setup.windows {
            let length = milliseconds(window);
            let step = length / 60;
            let step_start = clock.div_euclid(step) * step;
            let within = |at: i64| at > step_start - length && at <= clock;
            for ((team, event), times) in &self.timed_events {
                let count = times.iter().filter(|at| within(**at)).count();
                let labels = join(&[("team", team), ("event", event), ("window", window)]);
                series.insert(format!("ticket_window_events{{{labels}}}"), count as f64);
            }
            for ((team, kpi, clock), observed) in &self.timed_durations {
                let mut values: Vec<i64> = observed
                    .iter()
                    .filter(|(at, _)| within(*at))
                    .map(|(_, ms)| *ms)
                    .collect();
                if values.is_empty() {
                    continue;
                }
                values.sort_unstable();
                let mut labels = vec![
                    ("team", team.as_str()),
                    ("kpi", kpi.as_str()),
                    ("clock", clock.as_str()),
                    ("window", window.as_str()),
                ];
                let mean = values.iter().sum::<i64>() as f64 / values.len() as f64 / 1000.0;
                series.insert(
                    format!("ticket_window_seconds_mean{{{}}}", join(&labels)),
                    mean,
                );
                for (name, per_cent) in [("0.5", 50), ("0.9", 90), ("0.95", 95), ("0.99", 99)] {
                    // The rank ceil(q n), in whole numbers so that it is rounded only once.
                    let rank = (values.len() * per_cent).div_ceil(100).max(1);
                    labels.push(("quantile", name));
                    series.insert(
                        format!("ticket_window_seconds{{{}}}", join(&labels)),
                        values[rank - 1] as f64 / 1000.0,
                    );
                    labels.pop();
                }
            }
        }
    }
}

fn join(labels: &[(&str, &str)]) -> String {
    let pairs: Vec<String> = labels
        .iter()
        .map(|(name, value)| {
            let value = value
                .replace('\\', "\\\\")
                .replace('"', "\\\"")
                .replace('\n', "\\n");
            format!("{name}=\"{value}\"")
        })
        .collect();
    pairs.join(",")
}
