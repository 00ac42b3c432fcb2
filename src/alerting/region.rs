//! Finds the goals of a policy by their labels.
//!
//! The gauges of running goals have the labels team and priority, but no policy. The region of a policy
//! is the set of teams and priorities that it matches and no earlier policy does. Regions never overlap,
//! so no goal is in two alerts. If policies differ only in the channel, the first one stands for all.

use super::promql::{matcher_of_any, matcher_of_none};
use crate::domain::policy::{Match, Policy};

/// The label matchers of a policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Region {
    /// Matchers of the policy itself.
    pub inside: Vec<String>,
    /// Matchers of earlier policies that overlap with it, a list for each.
    pub outside: Vec<Vec<String>>,
}

/// The region of each policy; `None` if earlier policies match everything in it.
pub fn regions(policies: &[Policy]) -> Vec<Option<Region>> {
    let earlier = |position: usize| policies[..position].iter().map(|policy| &policy.matches);
    let all = policies.iter().enumerate();
    all.map(|(position, policy)| region(&policy.matches, earlier(position)))
        .collect()
}

fn region<'a>(own: &Match, earlier: impl Iterator<Item = &'a Match>) -> Option<Region> {
    let mut teams = Side::new("team", own.team.as_deref());
    let mut priorities = Side::new("priority", own.priority.as_deref());
    let mut outside = Vec::new();
    for other in earlier {
        match (&other.team, &other.priority) {
            (None, None) => return None,
            (Some(names), None) => teams.exclude(names),
            (None, Some(names)) => priorities.exclude(names),
            (Some(team), Some(priority)) => outside.push((team, priority)),
        }
    }
    if teams.is_empty() || priorities.is_empty() {
        return None;
    }
    // Only policies that overlap with the region must be excluded from it.
    outside.retain(|(team, priority)| teams.meets(team) && priorities.meets(priority));
    Some(Region {
        inside: [teams.matchers(), priorities.matchers()].concat(),
        outside: outside
            .into_iter()
            .map(|(team, priority)| {
                vec![
                    matcher_of_any("team", team),
                    matcher_of_any("priority", priority),
                ]
            })
            .collect(),
    })
}

/// The values of one label: a list, or all except some.
struct Side {
    label: &'static str,
    only: Option<Vec<String>>,
    not: Vec<String>,
}

impl Side {
    fn new(label: &'static str, only: Option<&[String]>) -> Self {
        Self {
            label,
            only: only.map(<[String]>::to_vec),
            not: Vec::new(),
        }
    }

    fn exclude(&mut self, names: &[String]) {
        match &mut self.only {
            Some(only) => only.retain(|name| !names.contains(name)),
            None => self.not.extend(
                names
                    .iter()
                    .filter(|name| !self.not.contains(name))
                    .cloned()
                    .collect::<Vec<_>>(),
            ),
        }
    }

    fn is_empty(&self) -> bool {
        self.only.as_ref().is_some_and(Vec::is_empty)
    }

    fn meets(&self, names: &[String]) -> bool {
        names.iter().any(|name| match &self.only {
            Some(only) => only.contains(name),
            None => !self.not.contains(name),
        })
    }

    fn matchers(&self) -> Vec<String> {
        match &self.only {
            Some(only) => vec![matcher_of_any(self.label, only)],
            None if self.not.is_empty() => Vec::new(),
            None => vec![matcher_of_none(self.label, &self.not)],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::policy::{Clock, Target};

    fn policy(team: &[&str], priority: &[&str]) -> Policy {
        let names = |names: &[&str]| {
            let names: Vec<String> = names.iter().map(ToString::to_string).collect();
            (!names.is_empty()).then_some(names)
        };
        Policy {
            name: "x".into(),
            matches: Match {
                team: names(team),
                priority: names(priority),
                channel: None,
                ..Match::default()
            },
            clock: Clock::Business,
            calendar: None,
            targets: [None; Target::ALL.len()],
            pauses: Policy::default_pauses(),
            ..Policy::new("")
        }
    }

    #[test]
    fn earlier_policies_are_excluded() {
        let regions = regions(&[
            policy(&["network", "emergency"], &["p1"]),
            policy(&[], &["p1", "p2"]),
            policy(&["network"], &["p1"]),
            policy(&["billing"], &[]),
            policy(&[], &[]),
            policy(&["billing"], &["p3"]),
        ]);
        let shown: Vec<String> = regions
            .iter()
            .map(|region| match region {
                None => "nothing".to_owned(),
                Some(region) => format!("{} / {:?}", region.inside.join(","), region.outside),
            })
            .collect();
        assert_eq!(
            shown,
            [
                r#"team=~"network|emergency",priority="p1" / []"#,
                r#"priority=~"p1|p2" / [["team=~\"network|emergency\"", "priority=\"p1\""]]"#,
                "nothing",
                r#"team="billing",priority!~"p1|p2" / []"#,
                r#"team!="billing",priority!~"p1|p2" / []"#,
                "nothing",
            ]
        );
    }
}
