//! Finds the goals of a policy by their labels.
//!
//! The gauges of running goals have the labels team, priority and the labeled attributes, but no policy. The
//! region of a policy is the set of label values that it matches and no earlier policy of its group does.
//! Regions of a group never overlap, so no goal is in two alerts. If policies differ only in the channel or in
//! an attribute that is no label, the first one stands for all.

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

/// The region of each policy; `None` if earlier policies of its group match everything in it.
///
/// `attributes` are those that are labels.
pub fn regions(policies: &[Policy], attributes: &[String]) -> Vec<Option<Region>> {
    let own = attributes.iter().map(String::as_str);
    let labels: Vec<&str> = ["team", "priority"].into_iter().chain(own).collect();
    let all = policies.iter().enumerate();
    all.map(|(position, policy)| {
        let earlier = policies[..position].iter();
        let of_group = earlier.filter(|other| other.group == policy.group);
        region(
            &policy.matches,
            of_group.map(|other| &other.matches),
            &labels,
        )
    })
    .collect()
}

fn region<'a>(
    own: &Match,
    earlier: impl Iterator<Item = &'a Match>,
    labels: &[&str],
) -> Option<Region> {
    let mut sides: Vec<Side<'_>> = labels
        .iter()
        .map(|label| Side::new(label, values(own, label)))
        .collect();
    let mut outside = Vec::new();
    for other in earlier {
        let named = labels.iter().enumerate();
        let named: Vec<(usize, &[String])> = named
            .filter_map(|(place, label)| Some((place, values(other, label)?)))
            .collect();
        match named.as_slice() {
            [] => return None,
            [(place, names)] => sides[*place].exclude(names),
            _ => outside.push(named),
        }
    }
    if sides.iter().any(Side::is_empty) {
        return None;
    }
    // Only policies that overlap with the region must be excluded from it.
    outside.retain(|named| {
        let mut named = named.iter();
        named.all(|(place, names)| sides[*place].meets(names))
    });
    let matchers = |named: Vec<(usize, &[String])>| {
        let named = named.into_iter();
        named
            .map(|(place, names)| matcher_of_any(labels[place], names))
            .collect()
    };
    Some(Region {
        inside: sides.iter().flat_map(Side::matchers).collect(),
        outside: outside.into_iter().map(matchers).collect(),
    })
}

/// The values of a label that match.
fn values<'a>(matches: &'a Match, label: &str) -> Option<&'a [String]> {
    let values = match label {
        "team" => matches.team.as_ref(),
        "priority" => matches.priority.as_ref(),
        attribute => matches.attributes.get(attribute),
    };
    values.map(Vec::as_slice)
}

/// The values of one label: a list, or all except some.
struct Side<'a> {
    label: &'a str,
    only: Option<Vec<String>>,
    not: Vec<String>,
}

impl<'a> Side<'a> {
    fn new(label: &'a str, only: Option<&[String]>) -> Self {
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

    fn shown(policies: &[Policy], attributes: &[&str]) -> Vec<String> {
        let attributes: Vec<String> = attributes.iter().map(ToString::to_string).collect();
        let regions = regions(policies, &attributes).into_iter();
        regions
            .map(|region| match region {
                None => "nothing".to_owned(),
                Some(region) => format!("{} / {:?}", region.inside.join(","), region.outside),
            })
            .collect()
    }

    fn of_tier(policy: Policy, tiers: &[&str]) -> Policy {
        let tiers = tiers.iter().map(ToString::to_string).collect();
        let mut policy = policy;
        policy.matches.attributes.insert("tier".to_owned(), tiers);
        policy
    }

    #[test]
    fn earlier_policies_are_excluded() {
        let policies = [
            policy(&["network", "emergency"], &["p1"]),
            policy(&[], &["p1", "p2"]),
            policy(&["network"], &["p1"]),
            policy(&["billing"], &[]),
            policy(&[], &[]),
            policy(&["billing"], &["p3"]),
        ];
        assert_eq!(
            shown(&policies, &[]),
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

    #[test]
    fn a_labeled_attribute_is_a_side_of_the_region() {
        let policies = [
            of_tier(policy(&[], &["p1"]), &["gold"]),
            of_tier(policy(&[], &[]), &["gold", "silver"]),
            policy(&[], &["p1"]),
            policy(&[], &[]),
        ];
        assert_eq!(
            shown(&policies, &["tier"]),
            [
                r#"priority="p1",tier="gold" / []"#,
                r#"tier=~"gold|silver" / [["priority=\"p1\"", "tier=\"gold\""]]"#,
                r#"priority="p1",tier!~"gold|silver" / []"#,
                r#"priority!="p1",tier!~"gold|silver" / []"#,
            ]
        );
        // Without the label, the first policy stands for those that differ in the attribute only.
        assert_eq!(
            shown(&policies, &[]),
            [
                r#"priority="p1" / []"#,
                r#"priority!="p1" / []"#,
                "nothing",
                "nothing",
            ]
        );
    }

    #[test]
    fn groups_do_not_exclude_each_other() {
        let mut between_teams = policy(&[], &[]);
        between_teams.group = "ola".to_owned();
        let policies = [policy(&[], &[]), between_teams.clone(), between_teams];
        assert_eq!(shown(&policies, &[]), [" / []", " / []", "nothing"]);
    }
}
