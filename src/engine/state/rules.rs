//! The record of the rules that the numbers depend on, and what it means that they have changed.
//!
//! There are three kinds of changes. Some the numbers cannot follow at all, such as other buckets:
//! they need a rebuild. Some would give a series numbers of two kinds, such as another mapping: they
//! should be answered by a recount, but the numbers can go on. All others apply from now on; goals
//! that run keep the policy and the calendar they began under.

use std::fmt;

use super::Kind;
use super::bytes::{Reader, Writer, Wrong};
use super::policy;
use crate::domain::calendar::{CalendarId, CalendarSpec};
use crate::domain::duration;
use crate::domain::policy::Policy;
use crate::domain::timestamp::Milliseconds;
use crate::engine::rules::{FormerPolicy, Kpi, Rules};

/// The name of the calendar that is always open.
const ALWAYS_OPEN: &str = "24x7";
/// In front of a topic's name: the key of its mapping among the settings.
const MAPPING_OF_TOPIC: &str = "mapping of topic ";
/// The key of another setting that decides what is counted.
const FCR_ALLOW_UNANSWERED: &str = "fcr.allow_unanswered";
/// The least bytes of a list's items.
const ITEM_SIZE: usize = 1;

/// A difference between the rules of the records and those of now, in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change(pub(super) String);

impl fmt::Display for Change {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// The rules as they were when the records were written.
#[derive(Debug)]
pub struct StoredRules {
    buckets: [Vec<Milliseconds>; 6],
    /// Labels and lengths.
    windows: Vec<(String, Milliseconds)>,
    derive_handle: bool,
    /// Keys of settings and their values.
    settings: Vec<(String, String)>,
    /// By [`CalendarId`]: name and what it says.
    pub calendars: Vec<(String, CalendarSpec)>,
    pub policies: Vec<Policy>,
    /// Numbered behind the policies.
    pub former_policies: Vec<FormerPolicy>,
}

pub fn write_key(key: &mut Writer) {
    key.clear();
    key.byte(Kind::Rules as u8);
}

pub fn write(value: &mut Writer, rules: &Rules) {
    value.clear();
    for bounds in &rules.buckets {
        value.length(bounds.len());
        for bound in bounds {
            value.signed(*bound);
        }
    }
    value.length(rules.windows.len());
    for window in &rules.windows {
        value.text(&window.label);
        value.signed(window.length);
    }
    value.byte(u8::from(rules.derive_handle));
    let settings = settings(rules);
    value.length(settings.len());
    for (key, text) in &settings {
        value.text(key);
        value.text(text);
    }
    value.length(rules.calendars.len());
    for (number, calendar) in rules.calendars.iter().enumerate() {
        value.text(rules.calendar_names.get(number).map_or("", String::as_str));
        policy::write_calendar(value, calendar.spec());
    }
    value.length(rules.policies.len());
    for one in &rules.policies {
        policy::write_policy(value, one);
    }
    value.length(rules.former_policies.len());
    for former in &rules.former_policies {
        policy::write_former(value, former);
    }
}

pub fn read(mut value: Reader<'_>) -> Result<StoredRules, Wrong> {
    let value = &mut value;
    let mut buckets: [Vec<Milliseconds>; 6] = Default::default();
    for bounds in &mut buckets {
        *bounds = value.list(ITEM_SIZE, Reader::signed)?;
    }
    let text = |value: &mut Reader<'_>| value.text().map(str::to_owned);
    let windows = value.list(ITEM_SIZE, |value| Ok((text(value)?, value.signed()?)))?;
    let derive_handle = value.byte()? != 0;
    let settings = value.list(ITEM_SIZE, |value| Ok((text(value)?, text(value)?)))?;
    let calendars = value.list(ITEM_SIZE, |value| {
        Ok((text(value)?, policy::read_calendar(value)?))
    })?;
    let policies = value.list(ITEM_SIZE, policy::read_policy)?;
    let former_policies = value.list(ITEM_SIZE, policy::read_former)?;
    value.end()?;
    let stored = StoredRules {
        buckets,
        windows,
        derive_handle,
        settings,
        calendars,
        policies,
        former_policies,
    };
    if stored.refers_to_what_is_there() {
        Ok(stored)
    } else {
        Err(Wrong::Reference)
    }
}

impl StoredRules {
    /// How many numbers of policies there are.
    pub fn policy_count(&self) -> usize {
        self.policies.len() + self.former_policies.len()
    }

    fn refers_to_what_is_there(&self) -> bool {
        let is_policy = |number: &u16| usize::from(*number) < self.policy_count();
        let is_calendar = |calendar: Option<Option<CalendarId>>| {
            calendar
                .flatten()
                .is_none_or(|id| usize::from(id.0) < self.calendars.len())
        };
        self.policies
            .iter()
            .all(|policy| is_calendar(policy.calendar))
            && self.former_policies.iter().all(|former| {
                is_calendar(former.policy.calendar)
                    && former.before.iter().all(is_policy)
                    && former.counted_as.iter().all(is_policy)
            })
    }

    /// Changes after which the numbers cannot go on.
    pub fn breaks(&self, rules: &Rules) -> Vec<Change> {
        let mut changes = Vec::new();
        for kpi in Kpi::ALL {
            let (before, now) = (&self.buckets[kpi as usize], &rules.buckets[kpi as usize]);
            if before != now {
                changes.push(changed(
                    &format!(
                        "buckets of {} (with the targets of all policies)",
                        kpi.name()
                    ),
                    &durations(before),
                    &durations(now),
                ));
            }
        }
        let now: Vec<(String, Milliseconds)> = rules
            .windows
            .iter()
            .map(|window| (window.label.clone(), window.length))
            .collect();
        if self.windows != now {
            let labels = |windows: &[(String, Milliseconds)]| {
                let labels: Vec<&str> = windows.iter().map(|window| window.0.as_str()).collect();
                labels.join(" ")
            };
            changes.push(changed("windows", &labels(&self.windows), &labels(&now)));
        }
        if rules.derive_handle && !self.derive_handle {
            changes.push(changed("handle.derive", "false", "true"));
        }
        changes
    }

    /// Changes after which the same records count as something else. A topic that is new changes
    /// no number. A store that does not know a setting yet learns it with the next checkpoint.
    pub fn recounts(&self, rules: &Rules) -> Vec<Change> {
        let mut changes = Vec::new();
        for (key, now) in settings(rules) {
            if decides_what_is_counted(&key)
                && let Some((_, before)) = self.settings.iter().find(|(name, _)| *name == key)
                && *before != now
            {
                changes.push(changed(&key, before, &now));
            }
        }
        changes
    }

    /// Changes that apply from now on.
    pub fn differences(&self, rules: &Rules) -> Vec<Change> {
        let mut changes = Vec::new();
        if self.derive_handle && !rules.derive_handle {
            changes.push(changed("handle.derive", "true", "false"));
        }
        let applies = |(key, _): &&(String, String)| !decides_what_is_counted(key);
        let now = settings(rules);
        let is_gone = |key: &String| !now.iter().any(|(name, _)| name == key);
        let before = self.settings.iter().filter(applies);
        for (key, before) in before.filter(|(key, _)| is_gone(key)) {
            changes.push(changed(key, before, ""));
        }
        for (key, now) in now.iter().filter(applies) {
            let before = self.settings.iter().find(|(name, _)| name == key);
            let before = before.map_or("", |(_, text)| text.as_str());
            if before != now {
                changes.push(changed(key, before, now));
            }
        }
        changes
    }
}

/// Whether a setting says what a record counts as.
fn decides_what_is_counted(key: &str) -> bool {
    key == FCR_ALLOW_UNANSWERED || key.starts_with(MAPPING_OF_TOPIC)
}

fn changed(what: &str, before: &str, now: &str) -> Change {
    let quoted = |text: &str| {
        if text.is_empty() {
            "none".to_owned()
        } else {
            text.to_owned()
        }
    };
    Change(format!("{what}: {}, now {}", quoted(before), quoted(now)))
}

fn durations(lengths: &[Milliseconds]) -> String {
    let lengths: Vec<String> = lengths.iter().map(|one| duration::format(*one)).collect();
    lengths.join(" ")
}

/// Settings in words, by the keys of the configuration. All but those that decide what is counted
/// may change, and only have to be told.
fn settings(rules: &Rules) -> Vec<(String, String)> {
    let calendar = |id: Option<CalendarId>| {
        let name = id.map_or(Some(ALWAYS_OPEN), |id| {
            let name = rules.calendar_names.get(usize::from(id.0));
            name.map(String::as_str)
        });
        name.unwrap_or("").to_owned()
    };
    let teams = rules.team_calendars.iter();
    let teams: Vec<String> = teams
        .map(|(team, id)| format!("{team}: {}", calendar(*id)))
        .collect();
    let limits = rules.limits;
    let mappings = rules.topic_mappings.iter();
    let mappings =
        mappings.map(|(topic, words)| (format!("{MAPPING_OF_TOPIC}{topic}"), words.clone()));
    [
        ("stream.lateness", duration::format(rules.lateness)),
        (
            "tickets.finalize_after",
            duration::format(rules.finalize_after),
        ),
        ("tickets.retain", duration::format(rules.retain)),
        (
            "tickets.undelete_grace",
            duration::format(rules.undelete_grace),
        ),
        ("teams.default_calendar", calendar(rules.default_calendar)),
        ("teams.calendars", teams.join(", ")),
        ("teams.known", rules.known_teams.join(", ")),
        ("priorities", rules.priorities.join(", ")),
        (FCR_ALLOW_UNANSWERED, rules.allow_unanswered.to_string()),
        ("csat.good", rules.csat_good.to_string()),
        ("csat.bad", rules.csat_bad.to_string()),
        ("limits.teams", limits.teams.to_string()),
        ("limits.priorities", limits.priorities.to_string()),
        ("limits.channels", limits.channels.to_string()),
        ("exemplars", rules.exemplars.to_string()),
    ]
    .map(|(key, text)| (key.to_owned(), text))
    .into_iter()
    .chain(rules.reading.iter().cloned())
    .chain(mappings)
    .collect()
}
