//! Alerts on quality: worse than the team itself was in the four weeks before.
//!
//! They compare the exact event-time windows of the exporter, not rates: a week holds every weekday
//! once, so neither weekends nor Mondays look like news. What is compared with is the average of
//! the same number over four weeks, up to where the window begins. Shares have to differ by more
//! than chance: by three standard errors of a share of that many tickets.

use super::model::{Alert, Category, Recording, Rule, Severity};
use super::options::Options;
use super::promql::{matcher, matcher_of_any, number, selector, window};
use super::sla::VAR_TEAM;
use crate::domain::timestamp::{DAY, HOUR, Milliseconds};
use crate::engine::Window;

/// The window that is judged, where it is configured: a week holds every weekday once.
const BEST_WINDOW: Milliseconds = 7 * DAY;
/// Less than a day is the time of day and not the quality.
const SHORTEST_WINDOW: Milliseconds = DAY;
/// Points of the past are this far apart: windows of days hardly change within.
const STEP: &str = "1h";
/// Half of the points that four weeks have: a team has a past from its third week on.
const LEAST_POINTS: u32 = 336;
/// A first response that takes half as long again is felt; so is a minute, and less is not.
const SLOWER: f64 = 1.5;
const LEAST_SECONDS: u32 = 60;
/// Difference of shares that matters to anyone.
const LEAST_DIFFERENCE: f64 = 0.05;
/// Standard errors: by chance alone one week in seven hundred differs as much, in that direction. With two,
/// one in forty does; for a few teams and three shares that was an alert in a third of a month without any change.
const STANDARD_ERRORS: u32 = 3;
/// Handle time that falls by three tenths while reopens rise is effort saved in the wrong place.
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

/// Exact counts of events in the window.
const EVENTS: &str = "team_event:ticket_window_events:sum";

/// A share of events.
struct Share {
    /// The name of the series it is kept as, without the window.
    record: &'static str,
    part: &'static str,
    whole: &'static [&'static str],
}

/// The window to judge by among those there are: a week, or what comes nearest above, or else the
/// longest that is a day at least.
pub fn judged(windows: &[Window]) -> Option<&Window> {
    let long = |window: &&Window| window.length >= SHORTEST_WINDOW;
    let at_least_best = windows.iter().filter(|one| one.length >= BEST_WINDOW);
    at_least_best
        .min_by_key(|one| one.length)
        .or_else(|| windows.iter().filter(long).max_by_key(|one| one.length))
}

/// The numbers, and the same over the four weeks before.
pub fn recordings(judged: &Window, options: &Options) -> Vec<Rule> {
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
        .map(Rule::from)
        .collect()
}

pub fn alerts(judged: &Window, options: &Options) -> Vec<Rule> {
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
    .map(Rule::from)
    .into()
}

struct Numbers<'a> {
    judged: &'a Window,
    options: &'a Options,
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

    /// One number is above another by more than chance; the value is by how much.
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
                "Nine in ten tickets were answered within {{{{ $value | humanizeDuration }}}} of \
                 business time in the last {}: more than {slower} times as long as in the four \
                 weeks before.",
                self.length()
            ),
            ..self.alert(
                "TicketFirstResponseDegraded",
                Severity::Warning,
                "first answers take longer",
            )
        }
    }

    fn degraded(&self, name: &'static str, share: &Share, summary: &str) -> Alert {
        let (now, before) = (self.now(share.record), self.before(share.record));
        Alert {
            expression: self.differs(share, &before, &now),
            description: format!(
                "In the last {} it is {{{{ $value | humanizePercentage }}}} of the tickets fewer than \
                 over the four weeks before, which is more than chance.",
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
                "In the last {} it is {{{{ $value | humanizePercentage }}}} of the solved tickets more \
                 than over the four weeks before, which is more than chance.",
                self.length()
            ),
            ..self.alert(
                "TicketReopensRising",
                Severity::Warning,
                "more solved tickets come back",
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
                "The average handle time in the last {} is {{{{ $value | humanizeDuration }}}}, at \
                 least {} % below that of the four weeks before, while more tickets come back: \
                 they may be closed rather than solved.",
                self.length(),
                number((1.0 - SHORTER) * 100.0)
            ),
            ..self.alert(
                "TicketHandleTimeSuspicious",
                Severity::Info,
                "less time for each ticket, and more of them come back",
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
            board: format!("/d/ticket-quality?{VAR_TEAM}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_week_is_judged_or_what_comes_nearest() {
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
