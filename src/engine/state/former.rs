//! Former rules: the policies and calendars under which running goals began, and which are no longer
//! in the configuration.

use std::collections::BTreeSet;

use super::bytes::RecordError;
use super::record::{RecordKind, RulesChange, StateError};
use super::rules::StoredRules;
use crate::domain::calendar::{Calendar, CalendarId};
use crate::domain::policy::Policy;
use crate::engine::open_goals::{GroupNumber, MOST_GROUPS};
use crate::engine::rules::{FormerPolicy, Rules};
use crate::engine::ticket::NO_POLICY;

/// The new numbers of the policies and calendars in the records.
#[derive(Debug, Default)]
pub struct Renumbering {
    /// The policies by which goals run.
    pub policies: Vec<u16>,
    /// The policies under which decided goals are counted.
    pub counted: Vec<u16>,
    /// `None`: the calendar is no longer needed.
    pub calendars: Vec<Option<CalendarId>>,
    /// `None`: no goal runs in the group.
    pub groups: Vec<Option<GroupNumber>>,
}

impl Renumbering {
    pub fn has_same_groups(&self) -> bool {
        let same = (0..).zip(&self.groups);
        same.into_iter()
            .all(|(number, group)| *group == Some(number))
    }
}

/// The stored rules that are still needed.
#[derive(Debug, Default)]
pub struct UsedRules {
    /// Policies by which undecided goals run.
    pub policies: BTreeSet<u16>,
    /// Policies under which goals were counted.
    pub counted: BTreeSet<u16>,
    /// Calendars on which goals run.
    pub calendars: BTreeSet<u16>,
}

/// Adds the used stored rules to the current ones, unless they are there unchanged. Returns the new
/// numbers and the differences.
pub fn add_used_rules(
    stored: &StoredRules,
    rules: &mut Rules,
    used: &UsedRules,
) -> Result<(Renumbering, Vec<RulesChange>), StateError> {
    let mut changes = Vec::new();
    let current = rules.calendars.len();
    let all: Vec<Policy> = stored
        .policies
        .iter()
        .chain(stored.former_policies.iter().map(|former| &former.policy))
        .cloned()
        .collect();
    let needed = with_earlier_policies(stored, &used.policies);
    let mut calendars = used.calendars.clone();
    for (number, policy) in (0..=u16::MAX).zip(&all) {
        if needed.contains(&number)
            && let Some(Some(CalendarId(id))) = policy.calendar
        {
            calendars.insert(id);
        }
    }
    let mut renumbering = Renumbering::default();
    for (number, (name, spec)) in (0..=u16::MAX).zip(&stored.calendars) {
        let same = |position: &usize| rules.calendars[*position].spec() == spec;
        let named = rules.calendar_names.iter().position(|other| other == name);
        let found = named
            .filter(same)
            .or_else(|| (0..rules.calendars.len()).find(same));
        if found.is_none() && named.is_none_or(|position| position < current) {
            let what = if named.is_some() {
                "has changed"
            } else {
                "is gone"
            };
            changes.push(RulesChange(format!("calendar {name} {what}")));
        }
        let position = match found {
            Some(position) => Some(position),
            None if !calendars.contains(&number) => None,
            None => {
                let compiled = Calendar::compile(spec);
                let compiled =
                    compiled.map_err(|_| RecordKind::Rules.invalid(RecordError::UnknownValue))?;
                rules.calendars.push(compiled);
                rules.calendar_names.push(name.clone());
                Some(rules.calendars.len() - 1)
            }
        };
        let id = |position| CalendarId::at(position).ok_or_else(|| too_many("calendars"));
        renumbering.calendars.push(position.map(id).transpose()?);
    }
    let policies = add_used_policies(all, rules, (&needed, used), &renumbering.calendars)?;
    changes.extend(policies.differences(stored, rules));
    (renumbering.policies, renumbering.counted) = (policies.runs_by, policies.counted);
    set_earlier_policies(stored, rules, &renumbering.policies);
    let groups = rules.groups();
    if groups.len() > MOST_GROUPS {
        return Err(too_many("groups of policies"));
    }
    let number = |name: &&str| groups.iter().position(|group| group == name);
    renumbering.groups = stored
        .groups()
        .iter()
        .map(|name| number(name).and_then(|number| GroupNumber::try_from(number).ok()))
        .collect();
    Ok((renumbering, changes))
}

/// Adds the policies that were tried before the used ones. They decide whether a used policy still
/// applies.
fn with_earlier_policies(stored: &StoredRules, used: &BTreeSet<u16>) -> BTreeSet<u16> {
    let mut all = used.clone();
    for number in used {
        all.extend(earlier_policies(stored, (*number).into()));
    }
    all
}

/// The policies of its group that were tried before a policy, in its own configuration.
fn earlier_policies(stored: &StoredRules, number: usize) -> Vec<u16> {
    let Some(policy) = stored.policies.get(number) else {
        let former = stored.former_policies.get(number - stored.policies.len());
        return former.map_or_else(Vec::new, |former| former.before.clone());
    };
    let before = (0..).zip(&stored.policies[..number]);
    let before = before.filter(|(_, other)| other.group == policy.group);
    before.map(|(number, _)| number).collect()
}

/// The new numbers of policies, by stored number. [`NO_POLICY`]: the policy is no longer needed.
struct PolicyNumbers {
    runs_by: Vec<u16>,
    counted: Vec<u16>,
}

fn add_used_policies(
    mut all: Vec<Policy>,
    rules: &mut Rules,
    (needed, used): (&BTreeSet<u16>, &UsedRules),
    calendars: &[Option<CalendarId>],
) -> Result<PolicyNumbers, StateError> {
    let mut result = PolicyNumbers {
        runs_by: Vec::new(),
        counted: Vec::new(),
    };
    for (number, policy) in (0..=u16::MAX).zip(&mut all) {
        let mut has_calendar = true;
        if let Some(Some(id)) = policy.calendar {
            // No goal runs by a policy whose calendar is no longer needed.
            policy.calendar = Some(calendars[usize::from(id.0)]);
            has_calendar = policy.calendar != Some(None);
        }
        let namesake = position_of(&rules.policies, &policy.name);
        let is_same = |position: &usize| has_calendar && rules.policies[*position] == *policy;
        let same = namesake.filter(is_same);
        let is_needed =
            needed.contains(&number) || namesake.is_none() && used.counted.contains(&number);
        let runs_by = match same {
            Some(position) => policy_number(position)?,
            None if !is_needed => NO_POLICY,
            None => {
                let position = rules.policies.len() + rules.former_policies.len();
                // Goals of policies with one name are counted together.
                let mut earlier = rules.former_policies.iter();
                let earlier = earlier.position(|former| former.policy.name == policy.name);
                let earlier = earlier.map(|earlier| earlier + rules.policies.len());
                rules.former_policies.push(FormerPolicy {
                    policy: policy.clone(),
                    counted_as: namesake.or(earlier).map(policy_number).transpose()?,
                    before: Vec::new(),
                });
                policy_number(position)?
            }
        };
        result.runs_by.push(runs_by);
        let counted = match namesake {
            _ if runs_by != NO_POLICY => rules.counted_as(runs_by),
            Some(position) => policy_number(position)?,
            None => NO_POLICY,
        };
        result.counted.push(counted);
    }
    Ok(result)
}

fn policy_number(position: usize) -> Result<u16, StateError> {
    let number = u16::try_from(position).ok();
    let number = number.filter(|number| *number != NO_POLICY);
    number.ok_or_else(|| too_many("policies"))
}

/// The numbers do not suffice for the configured rules together with those of running goals.
fn too_many(what: &str) -> StateError {
    StateError::NeedsRebuild(vec![RulesChange(format!(
        "there are too many {what}, including those under which running goals began"
    ))])
}

impl PolicyNumbers {
    fn differences(&self, stored: &StoredRules, rules: &Rules) -> Vec<RulesChange> {
        let mut changes = Vec::new();
        let mut add =
            |name: &str, what: &str| changes.push(RulesChange(format!("policy {name} {what}")));
        for (policy, runs_by) in stored.policies.iter().zip(&self.runs_by) {
            match position_of(&rules.policies, &policy.name) {
                None => add(&policy.name, "is gone"),
                Some(position) if position != usize::from(*runs_by) => {
                    add(&policy.name, "has changed");
                }
                Some(_) => {}
            }
        }
        for policy in &rules.policies {
            if position_of(&stored.policies, &policy.name).is_none() {
                add(&policy.name, "is new");
            }
        }
        let order = |one: &[Policy], other: &[Policy]| -> Vec<String> {
            let both = one.iter().map(|policy| &policy.name);
            both.filter(|name| position_of(other, name).is_some())
                .cloned()
                .collect()
        };
        if order(&stored.policies, &rules.policies) != order(&rules.policies, &stored.policies) {
            changes.push(RulesChange(
                "policies are tried in another order".to_owned(),
            ));
        }
        changes
    }
}

/// Sets the policies that were tried before each former policy, in its own configuration.
fn set_earlier_policies(stored: &StoredRules, rules: &mut Rules, runs_by: &[u16]) {
    let first_former = rules.policies.len();
    for (number, current) in runs_by.iter().enumerate() {
        let index = usize::from(*current).checked_sub(first_former);
        let Some(former) = index.and_then(|index| rules.former_policies.get_mut(index)) else {
            continue;
        };
        let before = earlier_policies(stored, number);
        let before = before.iter().map(|number| runs_by[usize::from(*number)]);
        former.before = before.filter(|number| *number != NO_POLICY).collect();
    }
}

fn position_of(policies: &[Policy], name: &str) -> Option<usize> {
    policies.iter().position(|policy| policy.name == name)
}
