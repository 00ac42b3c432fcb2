//! Section 7: the label values of a ticket, and their limits.

use super::setup::Setup;
use std::collections::{BTreeMap, BTreeSet};

const NONE: &str = "none";
const OTHER: &str = "__other__";

/// The ticket's values for the labels of a KPI.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Holder {
    pub team: Option<String>,
    pub priority: Option<String>,
    /// Own attributes that have a value, labels or not.
    pub attributes: BTreeMap<String, String>,
}

/// The values of one kind of label: those beyond the limit are exposed as `__other__`.
#[derive(Debug)]
struct Names {
    known: Vec<String>,
    limit: usize,
    /// Names that policies mention.
    mentioned: BTreeSet<String>,
}

impl Names {
    fn new<'a>(
        known: &[String],
        limit: usize,
        mentioned: impl IntoIterator<Item = &'a String>,
    ) -> Self {
        let mut names = Self {
            known: Vec::new(),
            limit,
            mentioned: mentioned.into_iter().cloned().collect(),
        };
        for name in known {
            names.meet(Some(name));
        }
        names
    }

    fn meet(&mut self, name: Option<&String>) {
        if let Some(name) = name
            && name != OTHER
            && !self.known.contains(name)
            && self.known.len() < self.limit
        {
            self.known.push(name.clone());
        }
    }

    fn label(&self, name: Option<&String>) -> String {
        match name {
            None => NONE.to_owned(),
            Some(name) if self.known.contains(name) => name.clone(),
            Some(_) => OTHER.to_owned(),
        }
    }

    /// Whether a move from one to the other is a change. Both have been met.
    fn are_apart(&self, one: Option<&String>, other: Option<&String>) -> bool {
        let identity = |name: Option<&String>| match name {
            Some(name) if self.mentioned.contains(name) => name.clone(),
            name => self.label(name),
        };
        identity(one) != identity(other)
    }
}

#[derive(Debug)]
pub struct Labels<'a> {
    setup: &'a Setup,
    teams: Names,
    priorities: Names,
    channels: Names,
    attributes: BTreeMap<String, Names>,
    /// Combinations of label values that have a place.
    cohorts: BTreeSet<Vec<String>>,
    places: usize,
}

impl<'a> Labels<'a> {
    pub fn new(setup: &'a Setup) -> Self {
        let attributes = setup.attributes.iter().map(|(name, own)| {
            let mentioned = setup
                .policies
                .iter()
                .filter_map(|policy| policy.attributes.get(name))
                .flatten();
            (name.clone(), Names::new(&own.values, own.limit, mentioned))
        });
        let cohorts = first_cohorts(setup);
        Self {
            setup,
            teams: Names::new(&setup.known_teams, setup.limit_teams, []),
            priorities: Names::new(&setup.priorities, setup.limit_priorities, []),
            channels: Names::new(&[], setup.limit_channels, []),
            attributes: attributes.collect(),
            places: setup.limit_cohorts.unwrap_or(usize::MAX).max(cohorts.len()),
            cohorts,
        }
    }

    /// The names and the cohort of a ticket take their places.
    pub fn meet(&mut self, holder: &Holder, channel: Option<&String>) {
        self.teams.meet(holder.team.as_ref());
        self.priorities.meet(holder.priority.as_ref());
        self.channels.meet(channel);
        for (name, values) in &mut self.attributes {
            values.meet(holder.attributes.get(name));
        }
        let cohort = self.values(holder);
        if !is_shared(&cohort) && self.cohorts.len() < self.places {
            self.cohorts.insert(cohort);
        }
    }

    pub fn has_place(&self, holder: &Holder) -> bool {
        let cohort = self.values(holder);
        is_shared(&cohort) || self.cohorts.contains(&cohort)
    }

    /// Whether the own attribute of a ticket changes.
    pub fn changes_attribute(
        &mut self,
        name: &str,
        from: Option<&String>,
        to: Option<&String>,
    ) -> bool {
        let values = self.attributes.get_mut(name).expect("a configured name");
        values.meet(to);
        values.are_apart(from, to)
    }

    pub fn team(&self, holder: &Holder) -> String {
        self.teams.label(holder.team.as_ref())
    }

    pub fn channel(&self, channel: Option<&String>) -> String {
        self.channels.label(channel)
    }

    /// Team, priority and the own attributes that are labels.
    pub fn of(&self, holder: &Holder) -> Vec<(&str, String)> {
        let mut values = self.values(holder);
        if !self.has_place(holder) {
            for value in &mut values[2..] {
                OTHER.clone_into(value);
            }
        }
        let own = self.setup.attribute_labels().map(|(name, _)| name.as_str());
        ["team", "priority"]
            .into_iter()
            .chain(own)
            .zip(values)
            .collect()
    }

    fn values(&self, holder: &Holder) -> Vec<String> {
        let mut values = vec![
            self.team(holder),
            self.priorities.label(holder.priority.as_ref()),
        ];
        for (name, _) in self.setup.attribute_labels() {
            values.push(self.attributes[name].label(holder.attributes.get(name)));
        }
        values
    }
}

/// Whether the cohort takes no place: it is what is left for the tickets of a team and priority. The same for
/// every cohort if no attribute is a label.
fn is_shared(cohort: &[String]) -> bool {
    cohort[2..].iter().all(|value| value == OTHER)
}

/// The cohorts that exist from the start.
fn first_cohorts(setup: &Setup) -> BTreeSet<Vec<String>> {
    let or_none = |values: &[String]| match values {
        [] => vec![NONE.to_owned()],
        values => values.to_vec(),
    };
    let own = setup
        .attribute_labels()
        .map(|(_, own)| or_none(&own.values));
    let mut cohorts = vec![Vec::new()];
    for values in [setup.known_teams.clone(), or_none(&setup.priorities)]
        .into_iter()
        .chain(own)
    {
        cohorts = cohorts
            .iter()
            .flat_map(|cohort| {
                values
                    .iter()
                    .map(move |value| [cohort.as_slice(), std::slice::from_ref(value)].concat())
            })
            .collect();
    }
    cohorts.into_iter().collect()
}
