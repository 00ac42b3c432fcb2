//! What running goals keep of rules that are no longer in force: the policies and calendars that
//! they began under.

use std::collections::BTreeSet;

use super::StateError;
use super::rules::{Change, StoredRules};
use super::{Kind, Wrong};
use crate::domain::calendar::{Calendar, CalendarId};
use crate::domain::policy::Policy;
use crate::engine::rules::{FormerPolicy, Rules};
use crate::engine::ticket::NO_POLICY;

/// New numbers for those in the records.
#[derive(Debug, Default)]
pub struct Renumbering {
    /// Of policies, that goals run by.
    pub policies: Vec<u16>,
    /// Of policies, that decided goals are counted under.
    pub counted: Vec<u16>,
    /// `None` where nothing needs the calendar any more.
    pub calendars: Vec<Option<CalendarId>>,
}

/// What of the old rules is still needed.
#[derive(Debug, Default)]
pub struct Used {
    /// Policies that an undecided goal runs by.
    pub policies: BTreeSet<u16>,
    /// Policies that goals were counted under.
    pub counted: BTreeSet<u16>,
    /// Calendars that a goal runs on.
    pub calendars: BTreeSet<u16>,
}

/// Adds to the rules of now what is used of the old ones and not in them word for word; tells
/// what is not the same.
pub fn keep(
    stored: &StoredRules,
    rules: &mut Rules,
    used: &Used,
) -> Result<(Renumbering, Vec<Change>), StateError> {
    let mut changes = Vec::new();
    let current = rules.calendars.len();
    let all: Vec<Policy> = stored
        .policies
        .iter()
        .chain(stored.former_policies.iter().map(|former| &former.policy))
        .cloned()
        .collect();
    let kept = with_those_before(stored, &used.policies);
    let mut calendars = used.calendars.clone();
    for (number, policy) in (0..=u16::MAX).zip(&all) {
        if kept.contains(&number)
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
            changes.push(Change(format!("calendar {name} {what}")));
        }
        let position = match found {
            Some(position) => Some(position),
            None if !calendars.contains(&number) => None,
            None => {
                let compiled = Calendar::compile(spec);
                let compiled = compiled.map_err(|_| Kind::Rules.is(Wrong::Choice))?;
                rules.calendars.push(compiled);
                rules.calendar_names.push(name.clone());
                Some(rules.calendars.len() - 1)
            }
        };
        let id = |position| CalendarId::at(position).ok_or_else(|| too_many("calendars"));
        renumbering.calendars.push(position.map(id).transpose()?);
    }
    let policies = keep_policies(all, rules, (&kept, used), &renumbering.calendars)?;
    changes.extend(policies.differences(stored, rules));
    (renumbering.policies, renumbering.counted) = (policies.runs_by, policies.counted);
    name_those_before(stored, rules, &renumbering.policies);
    Ok((renumbering, changes))
}

/// Policies and all that were tried before them: only these tell whether one still applies.
fn with_those_before(stored: &StoredRules, used: &BTreeSet<u16>) -> BTreeSet<u16> {
    let mut all = used.clone();
    for number in used {
        match former_before(stored, (*number).into()) {
            Some(before) => all.extend(before),
            None => all.extend(0..*number),
        }
    }
    all
}

/// What was tried before a policy that was not in force any more when the records were written.
fn former_before(stored: &StoredRules, number: usize) -> Option<&[u16]> {
    let position = number.checked_sub(stored.policies.len())?;
    Some(&stored.former_policies.get(position)?.before)
}

/// New numbers of policies, by their old ones; [`NO_POLICY`] where nothing needs it.
struct Kept {
    runs_by: Vec<u16>,
    counted: Vec<u16>,
}

fn keep_policies(
    mut all: Vec<Policy>,
    rules: &mut Rules,
    (kept, used): (&BTreeSet<u16>, &Used),
    calendars: &[Option<CalendarId>],
) -> Result<Kept, StateError> {
    let mut result = Kept {
        runs_by: Vec::new(),
        counted: Vec::new(),
    };
    for (number, policy) in (0..=u16::MAX).zip(&mut all) {
        let mut has_calendar = true;
        if let Some(Some(id)) = policy.calendar {
            // No goal runs by a policy whose calendar is gone.
            policy.calendar = Some(calendars[usize::from(id.0)]);
            has_calendar = policy.calendar != Some(None);
        }
        let namesake = position_of(&rules.policies, &policy.name);
        let is_same = |position: &usize| has_calendar && rules.policies[*position] == *policy;
        let same = namesake.filter(is_same);
        let is_needed =
            kept.contains(&number) || namesake.is_none() && used.counted.contains(&number);
        let runs_by = match same {
            Some(position) => policy_number(position)?,
            None if !is_needed => NO_POLICY,
            None => {
                let position = rules.policies.len() + rules.former_policies.len();
                // Goals of one name are counted together.
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

/// Goals that run keep what they began under, beside what the configuration names.
fn too_many(what: &str) -> StateError {
    StateError::NeedsRebuild(vec![Change(format!(
        "there are too many {what} together with those that running goals began under"
    ))])
}

impl Kept {
    fn differences(&self, stored: &StoredRules, rules: &Rules) -> Vec<Change> {
        let mut changes = Vec::new();
        let mut add =
            |name: &str, what: &str| changes.push(Change(format!("policy {name} {what}")));
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
            changes.push(Change("policies are tried in another order".to_owned()));
        }
        changes
    }
}

/// Which policies were tried before each former one, in the rules of its time.
fn name_those_before(stored: &StoredRules, rules: &mut Rules, runs_by: &[u16]) {
    let first_former = rules.policies.len();
    for (number, now) in runs_by.iter().enumerate() {
        let index = usize::from(*now).checked_sub(first_former);
        let Some(former) = index.and_then(|index| rules.former_policies.get_mut(index)) else {
            continue;
        };
        let before: Vec<u16> = match former_before(stored, number) {
            Some(before) => before.to_vec(),
            None => (0..=u16::MAX).take(number).collect(),
        };
        let before = before.iter().map(|number| runs_by[usize::from(*number)]);
        former.before = before.filter(|number| *number != NO_POLICY).collect();
    }
}

fn position_of(policies: &[Policy], name: &str) -> Option<usize> {
    policies.iter().position(|policy| policy.name == name)
}
