//! Which goals are under which policy, as far as labels tell.
//!
//! The gauges of running goals carry team and priority, not the policy. A policy's region are the
//! teams and priorities it fits and no earlier one does. Regions never overlap, so no goal is in
//! two alerts. Where policies differ by channel alone, the first one's stands for all of them.

use super::promql::{matcher_of_any, matcher_of_none};
use crate::domain::policy::{Match, Policy};

/// The label matchers of one policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Region {
    /// What it fits.
    pub inside: Vec<String>,
    /// What earlier policies fit of it: each a list of matchers that hold together.
    pub outside: Vec<Vec<String>>,
}

/// The regions of policies, in their order; `None`: earlier ones leave nothing.
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
    // What does not meet the region need not be taken out of it.
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

/// One label: the values there are, or any but some.
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
    use crate::domain::policy::Clock;

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
            },
            clock: Clock::Business,
            calendar: None,
            targets: [None; 4],
            pauses: Policy::default_pauses(),
        }
    }

    #[test]
    fn earlier_policies_take_theirs() {
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
