//! The names in sample records that a configuration lists: teams, priorities, attributes.
//!
//! Files are shared and committed, so a name that could be a person's is left out.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::Value;

use super::priorities;
use crate::app::inference::is_choice;
use crate::config;
use crate::decode::{Decoded, Decoder, Record, without_byte_order_mark};
use crate::domain::yaml;
use crate::engine::limits;

/// Helpdesks with more teams list them themselves.
const MOST_TEAMS: usize = 50;
/// More than this are no priorities.
const MOST_PRIORITIES: usize = 10;
/// An attribute with more values is an id or free text.
const MOST_VALUES: usize = 10;
const LONGEST_NAME: usize = 64;
/// Records in files have no Kafka timestamp. Names do not depend on the time.
const ANY_TIME: i64 = 1_767_225_600_000;

/// The names that the sample shows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SampleFindings {
    pub records: usize,
    pub events: usize,
    /// In the order of their names.
    pub teams: Vec<String>,
    /// Teams beyond the most frequent ones, and names that could be a person's.
    pub teams_left_out: usize,
    /// The most urgent first.
    pub priorities: Vec<String>,
    /// Each with its values.
    pub attributes: BTreeMap<String, BTreeSet<String>>,
}

/// Reads the samples with the proposed mapping.
pub fn find(samples: &[Record<'_>], decoder: &Decoder) -> SampleFindings {
    let mut findings = SampleFindings {
        records: samples.len(),
        ..SampleFindings::default()
    };
    let (mut teams, mut people) = (BTreeMap::<String, usize>::new(), BTreeSet::new());
    let (mut priorities, mut attributes) = (BTreeSet::new(), StatedValues::default());
    for sample in samples {
        let record = Record {
            timestamp: sample.timestamp.or(Some(ANY_TIME)),
            ..sample.clone()
        };
        let decoded = decoder.decode(&record, None);
        for event in decoded.events() {
            findings.events += 1;
            if let Some(Some(team)) = &event.team {
                *teams.entry(team.to_string()).or_default() += 1;
            }
            priorities.extend(event.priority.iter().map(ToString::to_string));
            let accounts = event.requester.iter().chain(&event.author);
            people.extend(accounts.map(ToString::to_string));
        }
        if matches!(decoded, Decoded::Canonical(Ok(_))) {
            attributes.note(record.value.unwrap_or_default());
        }
    }
    let seen = teams.len();
    teams.retain(|team, _| is_fit(team) && !people.contains(team));
    let mut teams: Vec<(String, usize)> = teams.into_iter().collect();
    teams.sort_by_key(|(_, events)| std::cmp::Reverse(*events));
    teams.truncate(MOST_TEAMS);
    findings.teams_left_out = seen - teams.len();
    findings.teams = teams.into_iter().map(|(team, _)| team).collect();
    findings.teams.sort();
    priorities.retain(|name| !name.is_empty() && !config::is_reserved_name(name));
    if priorities.len() <= MOST_PRIORITIES && priorities.iter().all(|name| is_fit(name)) {
        findings.priorities = priorities.into_iter().collect();
        priorities::sort(&mut findings.priorities);
    }
    findings.attributes = attributes.fit();
    findings
}

/// The attributes that canonical events state. The decoder drops them until they are configured.
#[derive(Default)]
struct StatedValues(BTreeMap<String, BTreeSet<String>>);

#[derive(Deserialize)]
struct WithAttributes {
    #[serde(default)]
    attributes: BTreeMap<String, Value>,
}

impl StatedValues {
    fn note(&mut self, value: &[u8]) {
        let Ok(stated) = serde_json::from_slice::<WithAttributes>(without_byte_order_mark(value))
        else {
            return;
        };
        let named = stated.attributes.into_iter();
        for (name, value) in named.filter(|(name, _)| config::is_attribute_name(name)) {
            let values = self.0.entry(name).or_default();
            // One more shows that there are too many.
            if let Value::String(value) = value
                && values.len() <= MOST_VALUES
            {
                values.insert(value);
            }
        }
    }

    /// Those that can be listed.
    fn fit(mut self) -> BTreeMap<String, BTreeSet<String>> {
        self.0.retain(|_, values| {
            let is_list = !values.is_empty() && values.len() <= MOST_VALUES;
            is_list && values.iter().all(|value| is_fit(value) && is_choice(value))
        });
        self.0
            .into_iter()
            .take(limits::ATTRIBUTES.greatest)
            .collect()
    }
}

/// Whether a name can be in a configuration: it is no mail address, no long text and not reserved.
fn is_fit(name: &str) -> bool {
    !name.is_empty()
        && !name.contains('@')
        && name.len() <= LONGEST_NAME
        && name.chars().all(yaml::is_printable)
        && !config::is_reserved_name(name)
}
