//! All settings that change numbers.

use std::collections::{BTreeMap, BTreeSet};

pub const TARGETS: [&str; 6] = [
    "first_response",
    "next_response",
    "resolution",
    "ownership",
    "assignment",
    "update",
];

/// The group of a policy that names none (section 5).
pub const DEFAULT_GROUP: &str = "sla";

/// An own attribute (section 1).
#[derive(Clone, Debug)]
pub struct AttributeSetup {
    pub values: Vec<String>,
    pub is_label: bool,
    pub limit: usize,
}

impl Default for AttributeSetup {
    fn default() -> Self {
        Self {
            values: Vec::new(),
            is_label: false,
            limit: 20,
        }
    }
}

#[derive(Clone, Debug, Default)]
pub struct CalendarSetup {
    pub timezone: String,
    /// `mon` … `sun`: intervals such as `08:00-12:00`.
    pub weekly: BTreeMap<String, Vec<String>>,
    /// Dates such as `2026-01-01`.
    pub holidays: BTreeSet<String>,
    pub special: BTreeMap<String, Vec<String>>,
}

#[derive(Clone, Debug, Default)]
pub struct PolicySetup {
    pub name: String,
    pub group: String,
    /// Empty = any.
    pub teams: Vec<String>,
    pub priorities: Vec<String>,
    pub channels: Vec<String>,
    /// Values by own attribute.
    pub attributes: BTreeMap<String, Vec<String>>,
    /// `business` or `calendar`.
    pub clock: String,
    pub calendar: Option<String>,
    /// Target name: duration.
    pub targets: BTreeMap<String, String>,
    /// Target name: the statuses that pause it. Absent = the default of section 5.
    pub pause: BTreeMap<String, Vec<String>>,
    pub rebase_from_change: bool,
}

/// Durations are stored as their text, which is also a window's label.
#[derive(Clone, Debug)]
pub struct Setup {
    pub lateness: String,
    pub finalize_after: String,
    pub retain: String,
    pub undelete_grace: String,
    pub opening: String,
    pub windows: Vec<String>,
    pub calendars: BTreeMap<String, CalendarSetup>,
    pub default_calendar: Option<String>,
    pub team_calendars: BTreeMap<String, String>,
    pub known_teams: Vec<String>,
    pub priorities: Vec<String>,
    pub allow_unanswered: bool,
    pub derive_handle: bool,
    pub csat_good: f64,
    pub csat_bad: f64,
    /// KPI as in the windows' label: bounds.
    pub buckets: BTreeMap<String, Vec<String>>,
    pub policies: Vec<PolicySetup>,
    pub limit_teams: usize,
    pub limit_priorities: usize,
    pub limit_channels: usize,
    /// Own attributes by name. Their order changes no number.
    pub attributes: BTreeMap<String, AttributeSetup>,
    /// The places for cohorts (section 7). Not in the file, because the series of one cohort, by which
    /// `limits.series` is divided, are not counted here.
    pub limit_cohorts: Option<usize>,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            lateness: "5s".into(),
            finalize_after: "96h".into(),
            retain: "30d".into(),
            undelete_grace: "30d".into(),
            opening: "2s".into(),
            windows: ["1h", "24h", "7d", "30d"].map(String::from).to_vec(),
            calendars: BTreeMap::new(),
            default_calendar: None,
            team_calendars: BTreeMap::new(),
            known_teams: Vec::new(),
            priorities: Vec::new(),
            allow_unanswered: false,
            derive_handle: false,
            csat_good: 0.75,
            csat_bad: 0.5,
            buckets: BTreeMap::new(),
            policies: Vec::new(),
            limit_teams: 1000,
            limit_priorities: 20,
            limit_channels: 50,
            attributes: BTreeMap::new(),
            limit_cohorts: None,
        }
    }
}

impl Setup {
    /// The groups of policies, in the order of their first policy.
    pub fn groups(&self) -> Vec<&str> {
        let mut groups: Vec<&str> = Vec::new();
        for policy in &self.policies {
            if !groups.contains(&policy.group.as_str()) {
                groups.push(&policy.group);
            }
        }
        groups
    }

    /// The names of the own attributes that are labels.
    pub fn attribute_labels(&self) -> impl Iterator<Item = (&String, &AttributeSetup)> {
        self.attributes.iter().filter(|(_, own)| own.is_label)
    }
}

/// `1h30m` in milliseconds.
pub fn milliseconds(text: &str) -> i64 {
    let mut total = 0;
    let mut digits = String::new();
    let mut unit = String::new();
    let mut pairs = Vec::new();
    for character in text.chars() {
        if character.is_ascii_digit() {
            if !unit.is_empty() {
                pairs.push((std::mem::take(&mut digits), std::mem::take(&mut unit)));
            }
            digits.push(character);
        } else {
            unit.push(character);
        }
    }
    pairs.push((digits, unit));
    for (digits, unit) in pairs {
        let factor = match unit.as_str() {
            "ms" => 1,
            "s" => 1000,
            "m" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            "w" => 604_800_000,
            other => panic!("unknown unit {other:?} in {text:?}"),
        };
        total += digits.parse::<i64>().expect("digits") * factor;
    }
    total
}
