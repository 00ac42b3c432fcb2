//! The record of the rules that the numbers depend on, and the effect of changed rules.
//!
//! There are three kinds of changes:
//!
//! - Changes that the numbers cannot follow, such as other buckets. They need a rebuild.
//! - Changes that mix two kinds of numbers in one series, such as another mapping. A recount avoids
//!   that, but the numbers can continue.
//! - All other changes apply from now on. Running goals keep the policy and the calendar under which
//!   they began.

use super::bytes::{RecordError, RecordReader, RecordWriter};
use super::policy;
use super::record::{FIRST_WITH_GROUPS, RecordKind, RulesChange, kpi_count};
use crate::domain::calendar::{CalendarId, CalendarSpec};
use crate::domain::duration;
use crate::domain::policy::Policy;
use crate::domain::timestamp::Milliseconds;
use crate::engine::cohort::MOST_ATTRIBUTES;
use crate::engine::rules::{FormerPolicy, Kpi, Rules, groups_of};

/// The name of the calendar that is always open.
const ALWAYS_OPEN: &str = "24x7";
/// Prefix of the settings' key for the mapping of a topic.
const MAPPING_OF_TOPIC: &str = "mapping of topic ";
/// The key of a counting rule.
const FCR_ALLOW_UNANSWERED: &str = "fcr.allow_unanswered";
/// The key of another one.
const OPENING: &str = "tickets.opening";
/// The minimum size of list items.
const ITEM_SIZE: usize = 1;

/// The rules at the time of the last checkpoint.
#[derive(Debug)]
pub struct StoredRules {
    /// By [`Kpi`]. Stores of earlier versions do not have the last ones.
    buckets: Vec<Vec<Milliseconds>>,
    /// Label and length of each window.
    windows: Vec<(String, Milliseconds)>,
    derive_handle: bool,
    /// Key and value of each setting.
    settings: Vec<(String, String)>,
    /// By [`CalendarId`]: name and content.
    pub calendars: Vec<(String, CalendarSpec)>,
    pub policies: Vec<Policy>,
    /// Their numbers follow those of the policies.
    pub former_policies: Vec<FormerPolicy>,
    pub attributes: Vec<StoredAttribute>,
}

/// One of the user's own attributes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredAttribute {
    pub name: String,
    pub is_label: bool,
}

pub fn write_key(key: &mut RecordWriter) {
    key.clear();
    key.byte(RecordKind::Rules as u8);
}

pub fn write(value: &mut RecordWriter, rules: &Rules) {
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
    value.length(rules.attributes.len());
    for attribute in &rules.attributes {
        value.text(&attribute.name);
        value.byte(u8::from(attribute.is_label));
    }
}

pub fn read(version: u32, mut value: RecordReader<'_>) -> Result<StoredRules, RecordError> {
    let value = &mut value;
    let mut buckets = Vec::new();
    for _ in 0..kpi_count(version) {
        buckets.push(value.list(ITEM_SIZE, RecordReader::signed)?);
    }
    let text = |value: &mut RecordReader<'_>| value.text().map(str::to_owned);
    let windows = value.list(ITEM_SIZE, |value| Ok((text(value)?, value.signed()?)))?;
    let derive_handle = value.byte()? != 0;
    let settings = value.list(ITEM_SIZE, |value| Ok((text(value)?, text(value)?)))?;
    let calendars = value.list(ITEM_SIZE, |value| {
        Ok((text(value)?, policy::read_calendar(value)?))
    })?;
    let policies = value.list(ITEM_SIZE, |value| policy::read_policy(version, value))?;
    let former_policies = value.list(ITEM_SIZE, |value| policy::read_former(version, value))?;
    let mut attributes = Vec::new();
    if version >= FIRST_WITH_GROUPS {
        attributes = value.list(ITEM_SIZE, |value| {
            Ok(StoredAttribute {
                name: value.text()?.to_owned(),
                is_label: value.byte()? != 0,
            })
        })?;
    }
    value.end()?;
    let stored = StoredRules {
        buckets,
        windows,
        derive_handle,
        settings,
        calendars,
        policies,
        former_policies,
        attributes,
    };
    if stored.has_valid_references() && stored.attributes.len() <= MOST_ATTRIBUTES {
        Ok(stored)
    } else {
        Err(RecordError::Reference)
    }
}

impl StoredRules {
    /// The count of policies, current and former.
    pub fn policy_count(&self) -> usize {
        self.policies.len() + self.former_policies.len()
    }

    /// The groups of policies, in the order of [`Rules::groups`].
    pub fn groups(&self) -> Vec<&str> {
        let former = self.former_policies.iter().map(|former| &former.policy);
        groups_of(self.policies.iter().chain(former))
    }

    fn has_valid_references(&self) -> bool {
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

    /// Changes that the numbers cannot follow.
    pub fn breaks(&self, rules: &Rules) -> Vec<RulesChange> {
        let mut changes = Vec::new();
        for ((kpi, now), before) in Kpi::ALL.iter().zip(&rules.buckets).zip(&self.buckets) {
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

    /// Changes after which the same records give other numbers. A new topic changes no number. A
    /// setting that the store does not know yet is stored with the next checkpoint.
    pub fn recounts(&self, rules: &Rules) -> Vec<RulesChange> {
        let mut changes = Vec::new();
        for (key, now) in settings(rules) {
            if is_counting_rule(&key)
                && let Some((_, before)) = self.settings.iter().find(|(name, _)| *name == key)
                && *before != now
            {
                changes.push(changed(&key, before, &now));
            }
        }
        let before = attribute_words(self.attributes.iter().map(|one| (&one.name, one.is_label)));
        let now = attribute_words(rules.attributes.iter().map(|one| (&one.name, one.is_label)));
        if before != now {
            changes.push(changed("attributes", &before, &now));
        }
        changes
    }

    /// Changes that apply from now on.
    pub fn differences(&self, rules: &Rules) -> Vec<RulesChange> {
        let mut changes = Vec::new();
        if self.derive_handle && !rules.derive_handle {
            changes.push(changed("handle.derive", "true", "false"));
        }
        let applies = |(key, _): &&(String, String)| !is_counting_rule(key);
        let now = settings(rules);
        let is_removed = |key: &String| !now.iter().any(|(name, _)| name == key);
        let before = self.settings.iter().filter(applies);
        for (key, before) in before.filter(|(key, _)| is_removed(key)) {
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

/// Whether a setting changes what is counted.
fn is_counting_rule(key: &str) -> bool {
    [FCR_ALLOW_UNANSWERED, OPENING].contains(&key) || key.starts_with(MAPPING_OF_TOPIC)
}

fn changed(what: &str, before: &str, now: &str) -> RulesChange {
    let or_none = |text: &str| {
        if text.is_empty() {
            "none".to_owned()
        } else {
            text.to_owned()
        }
    };
    RulesChange(format!("{what}: {}, now {}", or_none(before), or_none(now)))
}

fn durations(lengths: &[Milliseconds]) -> String {
    let lengths: Vec<String> = lengths.iter().map(|one| duration::format(*one)).collect();
    lengths.join(" ")
}

/// Names of attributes in alphabetical order, because another order changes no number.
fn attribute_words<'a>(attributes: impl Iterator<Item = (&'a String, bool)>) -> String {
    let mut words: Vec<String> = attributes
        .map(|(name, is_label)| {
            if is_label {
                format!("{name} (label)")
            } else {
                name.clone()
            }
        })
        .collect();
    words.sort_unstable();
    words.join(", ")
}

/// The settings in words, by the keys of the configuration. All but the counting rules may change; the
/// log then lists the changes.
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
        mappings.map(|(topic, mapping)| (format!("{MAPPING_OF_TOPIC}{topic}"), mapping.clone()));
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
        (OPENING, duration::format(rules.opening)),
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
    .chain(rules.attributes.iter().map(|attribute| {
        let values = attribute.values.join(", ");
        let text = format!("values {values}; at most {}", attribute.limit);
        (format!("attributes.{}", attribute.name), text)
    }))
    .chain(rules.mapping_settings.iter().cloned())
    .chain(mappings)
    .collect()
}
