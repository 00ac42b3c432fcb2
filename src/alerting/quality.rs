//! Alerts on quality: a team is worse than it was in the four weeks before.
//!
//! They compare the exporter's exact event-time windows, not rates. A week holds every weekday once, so
//! weekends and Mondays cause no alert. The comparison is with the average of the same number over the four
//! weeks before the window. Shares have to differ by three standard errors, which is more than chance.

use super::model::{Alert, Category, PrometheusRule, Recording, Severity};
use super::options::RuleOptions;
use super::promql::{matcher, matcher_of_any, number, selector, window};
use super::sla::VAR_TEAM;
use crate::domain::timestamp::{DAY, HOUR, Milliseconds};
use crate::engine::Window;

/// The preferred window: a week holds every weekday once.
const BEST_WINDOW: Milliseconds = 7 * DAY;
/// A shorter window shows the time of day, not the quality.
const SHORTEST_WINDOW: Milliseconds = DAY;
/// Step of the average: windows of days hardly change within an hour.
const STEP: &str = "1h";
/// Half of the points in four weeks: a team is compared from its third week on.
const LEAST_POINTS: u32 = 336;
/// Customers notice a first response that takes half as long again, and at least a minute more.
const SLOWER: f64 = 1.5;
const LEAST_SECONDS: u32 = 60;
/// A smaller difference of shares does not matter.
const LEAST_DIFFERENCE: f64 = 0.05;
/// By chance alone, one week in 700 differs by three standard errors in one direction. With two it is one
/// week in 40: a few teams with three shares then had an alert in a third of a month without any change.
const STANDARD_ERRORS: u32 = 3;
/// A fall of the handle time to this part, while more tickets are reopened, is suspicious.
const SHORTER: f64 = 0.7;

const RESPONSE: &str = "team:ticket_first_response_seconds:p90_";
const CONTACT: Share = Share {
    record: "team:ticket_first_contact:ratio",
    part: "first_contact",
    whole: &["finalized"],
};
const SATISFACTION: Share = Share {
    record: "team:ticket_satisfaction:ratio",
    part: "csat_good",
    whole: &["csat_good", "csat_bad"],
};
const REOPENS: Share = Share {
    record: "team:ticket_reopens:ratio",
    part: "reopened",
    whole: &["solved"],
};
const HANDLE: &str = "team:ticket_handle_seconds:mean";

/// Recorded counts of events in the window.
const EVENTS: &str = "team_event:ticket_window_events:sum";

/// A quotient of event counts.
struct Share {
    /// The name of its recorded series, without the window.
    record: &'static str,
    part: &'static str,
    whole: &'static [&'static str],
}

/// Chooses the window to compare: a week, or the shortest longer one, or the longest of at least a day.
pub fn judged(windows: &[Window]) -> Option<&Window> {
    let long = |window: &&Window| window.length >= SHORTEST_WINDOW;
    let at_least_best = windows.iter().filter(|one| one.length >= BEST_WINDOW);
    at_least_best
        .min_by_key(|one| one.length)
        .or_else(|| windows.iter().filter(long).max_by_key(|one| one.length))
}

/// Records each number, and its average over the four weeks before.
pub fn recordings(judged: &Window, options: &RuleOptions) -> Vec<PrometheusRule> {
    let numbers = Numbers { judged, options };
    let length = window(judged.length);
    let quantile = numbers.seconds(
        "ticket_window_seconds",
        &[
            matcher("kpi", "first_response"),
            matcher("clock", "business"),
            matcher("quantile", "0.9"),
        ],
    );
    let mean = numbers.seconds(
        "ticket_window_seconds_mean",
        &[matcher("kpi", "handle"), matcher("clock", "calendar")],
    );
    let mut records = vec![(RESPONSE, quantile)];
    for share in [CONTACT, SATISFACTION, REOPENS] {
        let whole = numbers.events(share.whole);
        let part = numbers.events(&[share.part]);
        records.push((share.record, format!("{part}\n  / ({whole} > 0)")));
    }
    records.push((HANDLE, mean));
    let now = records.iter().map(|(record, expression)| Recording {
        record: format!("{record}{length}"),
        expression: expression.clone(),
    });
    let before = records.iter().map(|(record, _)| {
        let past = format!("{record}{length}[4w:{STEP}] offset {length}");
        Recording {
            record: format!("{record}{length}_avg4w"),
            expression: format!(
                "avg_over_time({past})\nand count_over_time({past}) >= {LEAST_POINTS}"
            ),
        }
    });
    let events = Recording {
        record: numbers.now(EVENTS),
        expression: numbers.all_events(),
    };
    [events]
        .into_iter()
        .chain(now)
        .chain(before)
        .map(PrometheusRule::from)
        .collect()
}

pub fn alerts(judged: &Window, options: &RuleOptions) -> Vec<PrometheusRule> {
    let numbers = Numbers { judged, options };
    [
        numbers.response(),
        numbers.degraded(
            "TicketFirstContactResolutionDegraded",
            &CONTACT,
            "fewer tickets are solved at the first contact",
        ),
        numbers.degraded(
            "TicketSatisfactionDegraded",
            &SATISFACTION,
            "customers are less satisfied",
        ),
        numbers.reopens(),
        numbers.handle(),
    ]
    .map(PrometheusRule::from)
    .into()
}

struct Numbers<'a> {
    judged: &'a Window,
    options: &'a RuleOptions,
}

impl Numbers<'_> {
    fn length(&self) -> String {
        window(self.judged.length)
    }

    fn now(&self, record: &str) -> String {
        format!("{record}{}", self.length())
    }

    fn before(&self, record: &str) -> String {
        format!("{record}{}_avg4w", self.length())
    }

    fn seconds(&self, name: &str, matchers: &[String]) -> String {
        let window = [matcher("window", &self.judged.label)];
        let series = selector(name, &[matchers, &window].concat());
        let held = format!("last_over_time({series}{})", self.options.held());
        self.options.largest("team", &held)
    }

    fn all_events(&self) -> String {
        let series = selector(
            "ticket_window_events",
            &[matcher("window", &self.judged.label)],
        );
        let held = format!("last_over_time({series}{})", self.options.held());
        self.options.sum("team, event", &held)
    }

    fn events(&self, events: &[&str]) -> String {
        let names: Vec<String> = events.iter().map(ToString::to_string).collect();
        let series = selector(&self.now(EVENTS), &[matcher_of_any("event", &names)]);
        format!("sum by (team) ({series})")
    }

    fn enough(&self, events: &[&str]) -> String {
        let least = self.options.minimum_samples;
        format!("{} >= {least}", self.events(events))
    }

    /// `larger` exceeds `smaller` by more than chance. The value is the difference.
    fn differs(&self, share: &Share, larger: &str, smaller: &str) -> String {
        let before = self.before(share.record);
        format!(
            "({larger} - {smaller}) > {least}\n\
             and ({larger} - {smaller})\n  \
               > {STANDARD_ERRORS} * sqrt({before} * (1 - {before}) / {whole})\n\
             and {enough}",
            least = number(LEAST_DIFFERENCE),
            whole = self.events(share.whole),
            enough = self.enough(share.whole),
        )
    }

    fn response(&self) -> Alert {
        let (now, before) = (self.now(RESPONSE), self.before(RESPONSE));
        let slower = number(SLOWER);
        Alert {
            expression: format!(
                "{now} > {slower} * {before}\n\
                 and {now} - {before} > {LEAST_SECONDS}\n\
                 and {}\nand {}",
                self.enough(&["created"]),
                self.enough(&["replied"]),
            ),
            description: format!(
                "In the last {}, nine in ten tickets were answered within {{{{ $value | \
                 humanizeDuration }}}} of business time. That is more than {slower} times as long as in \
                 the four weeks before.",
                self.length()
            ),
            ..self.alert(
                "TicketFirstResponseDegraded",
                Severity::Warning,
                "first responses take longer",
            )
        }
    }

    fn degraded(&self, name: &'static str, share: &Share, summary: &str) -> Alert {
        let (now, before) = (self.now(share.record), self.before(share.record));
        Alert {
            expression: self.differs(share, &before, &now),
            description: format!(
                "In the last {}, the share is {{{{ $value | humanizePercentage }}}} of the tickets lower \
                 than in the four weeks before. That is more than chance.",
                self.length()
            ),
            ..self.alert(name, Severity::Warning, summary)
        }
    }

    fn reopens(&self) -> Alert {
        let (now, before) = (self.now(REOPENS.record), self.before(REOPENS.record));
        Alert {
            expression: self.differs(&REOPENS, &now, &before),
            description: format!(
                "In the last {}, the share is {{{{ $value | humanizePercentage }}}} of the solved tickets \
                 higher than in the four weeks before. That is more than chance.",
                self.length()
            ),
            ..self.alert(
                "TicketReopensRising",
                Severity::Warning,
                "more solved tickets are reopened",
            )
        }
    }

    fn handle(&self) -> Alert {
        let (now, before) = (self.now(HANDLE), self.before(HANDLE));
        let (reopens, reopens_before) = (self.now(REOPENS.record), self.before(REOPENS.record));
        Alert {
            expression: format!(
                "{now} < {shorter} * {before}\nand {reopens} - {reopens_before} > {least}\nand {}",
                self.enough(&["finalized"]),
                shorter = number(SHORTER),
                least = number(LEAST_DIFFERENCE),
            ),
            description: format!(
                "The mean handle time in the last {} is {{{{ $value | humanizeDuration }}}}, at least \
                 {} % less than in the four weeks before, and more tickets are reopened. Agents may \
                 close tickets instead of solving them.",
                self.length(),
                number((1.0 - SHORTER) * 100.0)
            ),
            ..self.alert(
                "TicketHandleTimeSuspicious",
                Severity::Info,
                "less handle time, and more tickets are reopened",
            )
        }
    }

    fn alert(&self, name: &'static str, severity: Severity, summary: &str) -> Alert {
        Alert {
            name,
            expression: String::new(),
            pending: Some(window(HOUR)),
            labels: Vec::new(),
            severity,
            category: Category::Kpi,
            summary: format!("Team {{{{ $labels.team }}}}: {summary}"),
            description: String::new(),
            dashboard: format!("/d/ticket-quality?{VAR_TEAM}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_week_is_the_preferred_window() {
        let windows = |lengths: &[i64]| -> Vec<Window> {
            let window = |hours: &i64| Window {
                label: format!("{hours}h"),
                length: hours * HOUR,
            };
            lengths.iter().map(window).collect()
        };
        for (lengths, expected) in [
            (vec![1, 24, 168, 720], Some("168h")),
            (vec![1, 720, 336], Some("336h")),
            (vec![1, 24, 48], Some("48h")),
            (vec![1, 12], None),
            (vec![], None),
        ] {
            let windows = windows(&lengths);
            let judged = judged(&windows).map(|window| window.label.as_str());
            assert_eq!(judged, expected);
        }
    }
}
