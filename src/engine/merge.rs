//! Merges the snapshots of shards. Each shard has its own numbers of labels, policies and groups; the merged
//! snapshot begins with those of the first shard.

use std::collections::BTreeMap;
use std::sync::Arc;

use compact_str::CompactString;
use hashbrown::HashMap;

use super::cohort::CohortKey;
use super::gauges::{CohortGauges, TeamGauges};
use super::labels::{LabelNumber, OTHER_ID};
use super::rules::{FormerPolicy, Rules};
use super::series::CohortSeries;
use super::sliding::Scratch;
use super::snapshot::Snapshot;
use super::windows::TeamWindows;

/// The series of all snapshots together. Their windows must have been read at the same clock, with buckets.
pub fn merge(snapshots: impl IntoIterator<Item = Snapshot>) -> Option<Snapshot> {
    let mut snapshots = snapshots.into_iter();
    let mut merger = Merger::new(snapshots.next()?);
    for snapshot in snapshots {
        merger.add(&snapshot);
    }
    Some(merger.finish())
}

/// The values of one label.
struct MergedLabel<N> {
    names: Arc<Vec<CompactString>>,
    numbers: HashMap<CompactString, N>,
}

impl<N: LabelNumber> MergedLabel<N> {
    fn new(names: &Arc<Vec<CompactString>>) -> Self {
        let numbers = names.iter().enumerate();
        let numbers =
            numbers.filter_map(|(number, name)| Some((name.clone(), N::try_from(number).ok()?)));
        Self {
            names: Arc::clone(names),
            numbers: numbers.collect(),
        }
    }

    /// The number of a value. A new one gets the next number, or that of `__other__` if none is left.
    fn number(&mut self, name: &CompactString) -> N {
        if let Some(number) = self.numbers.get(name) {
            return *number;
        }
        let next = self.names.len();
        let next = N::try_from(next).ok().filter(|_| next < N::COUNT);
        let Some(number) = next else {
            return OTHER_ID.into();
        };
        Arc::make_mut(&mut self.names).push(name.clone());
        self.numbers.insert(name.clone(), number);
        number
    }
}

fn policy_number(position: usize) -> u16 {
    u16::try_from(position).unwrap_or(u16::MAX)
}

struct Merger {
    merged: Snapshot,
    teams: MergedLabel<u16>,
    priorities: MergedLabel<u8>,
    channels: MergedLabel<u8>,
    /// In the order of the snapshot's attributes.
    attributes: Vec<MergedLabel<u8>>,
    positions: HashMap<CohortKey, usize>,
    /// By team label: the windows of each shard.
    windows: BTreeMap<u16, Vec<Arc<TeamWindows>>>,
}

impl Merger {
    fn new(first: Snapshot) -> Self {
        let positions = first.cohorts.iter().enumerate();
        let attributes = first.attributes.iter();
        let windows = (0..).zip(&first.windows);
        Self {
            teams: MergedLabel::new(&first.teams),
            priorities: MergedLabel::new(&first.priorities),
            channels: MergedLabel::new(&first.channels),
            attributes: attributes
                .map(|attribute| MergedLabel::new(&attribute.values))
                .collect(),
            positions: positions
                .map(|(position, cohort)| (cohort.key, position))
                .collect(),
            windows: windows
                .map(|(team, windows)| (team, vec![Arc::clone(windows)]))
                .collect(),
            merged: first,
        }
    }

    fn add(&mut self, shard: &Snapshot) {
        let policies = self.add_policies(&shard.rules);
        let groups = self.merged.rules.groups();
        let groups: Vec<usize> = shard
            .rules
            .groups()
            .iter()
            .filter_map(|group| groups.iter().position(|one| one == group))
            .collect();
        for (position, cohort) in shard.cohorts.iter().enumerate() {
            let here = self.add_cohort(shard, cohort, &policies);
            let gauges = &mut self.merged.gauges.cohorts;
            if gauges.len() <= here {
                gauges.resize(here + 1, CohortGauges::NONE);
            }
            if let Some(further) = shard.gauges.cohorts.get(position) {
                gauges[here].add(further, &groups);
            }
        }
        for (team, further) in shard.gauges.teams.iter().enumerate() {
            if *further != TeamGauges::default() {
                let here = usize::from(self.teams.number(&shard.teams[team]));
                let gauges = &mut self.merged.gauges.teams;
                if gauges.len() <= here {
                    gauges.resize_with(here + 1, TeamGauges::default);
                }
                gauges[here].add(further);
            }
        }
        for (name, windows) in shard.teams.iter().zip(&shard.windows) {
            if !windows.is_empty() {
                let here = self.teams.number(name);
                self.windows
                    .entry(here)
                    .or_default()
                    .push(Arc::clone(windows));
            }
        }
        self.merged.gauges.states.add(shard.gauges.states);
        self.merged.start = self.merged.start.min(shard.start);
        self.merged.clock = self.merged.clock.min(shard.clock);
        self.merged.reach = self.merged.reach.and(shard.reach);
    }

    /// Adds the policies of earlier configurations that only this shard still has. Returns, by number there,
    /// the number here under which goals are counted.
    fn add_policies(&mut self, rules: &Rules) -> Vec<u16> {
        let current = policy_number(rules.policies.len());
        let mut numbers: Vec<u16> = (0..current).collect();
        for former in &rules.former_policies {
            let counted_as = former.counted_as.and_then(|number| {
                let here = numbers.get(usize::from(number));
                here.copied()
            });
            numbers.push(self.former_number(former, counted_as));
        }
        numbers
    }

    /// The number here under which goals of a former policy of a shard are counted.
    fn former_number(&mut self, former: &FormerPolicy, counted_as: Option<u16>) -> u16 {
        let rules = &self.merged.rules;
        let current = rules.policies.len();
        let mut known = rules.former_policies.iter();
        if let Some(position) = known.position(|one| one.policy == former.policy) {
            return rules.counted_as(policy_number(current + position));
        }
        // Policies of the same name share their series.
        let has_same_name = |one: &FormerPolicy| one.policy.name == former.policy.name;
        let counted_as = counted_as.or_else(|| {
            let position = rules.former_policies.iter().position(has_same_name)?;
            Some(rules.counted_as(policy_number(current + position)))
        });
        let next = policy_number(current + rules.former_policies.len());
        let rules = Arc::make_mut(&mut self.merged.rules);
        rules.former_policies.push(FormerPolicy {
            counted_as,
            ..former.clone()
        });
        counted_as.unwrap_or(next)
    }

    /// Adds the series of a cohort. Returns its position here.
    fn add_cohort(
        &mut self,
        shard: &Snapshot,
        cohort: &Arc<CohortSeries>,
        policies: &[u16],
    ) -> usize {
        let key = self.key(shard, cohort.key);
        let channels = &mut self.channels;
        let further = cohort.renumbered(
            key,
            &mut |channel| channels.number(&shard.channels[usize::from(channel)]),
            &|policy| policies.get(usize::from(policy)).copied().unwrap_or(policy),
        );
        let cohorts = &mut self.merged.cohorts;
        let position = *self.positions.entry(key).or_insert(cohorts.len());
        match cohorts.get_mut(position) {
            Some(known) => Arc::make_mut(known).add_up(further),
            None => cohorts.push(Arc::new(further)),
        }
        position
    }

    fn key(&mut self, shard: &Snapshot, there: CohortKey) -> CohortKey {
        let team = self.teams.number(&shard.teams[usize::from(there.team)]);
        let priority = &shard.priorities[usize::from(there.priority)];
        let mut key = CohortKey::new(team, self.priorities.number(priority));
        for (attribute, label) in shard.attributes.iter().zip(&mut self.attributes) {
            let value = usize::from(there.attributes[attribute.position]);
            key.attributes[attribute.position] = label.number(&attribute.values[value]);
        }
        key
    }

    fn finish(mut self) -> Snapshot {
        let mut scratch = Scratch::new();
        let mut windows = vec![Arc::default(); self.teams.names.len()];
        for (team, parts) in self.windows {
            let parts: Vec<&TeamWindows> = parts.iter().map(|part| &**part).collect();
            windows[usize::from(team)] = Arc::new(TeamWindows::merged(&parts, &mut scratch));
        }
        let names = self.attributes.into_iter().map(|label| label.names);
        for (attribute, values) in self.merged.attributes.iter_mut().zip(names) {
            attribute.values = values;
        }
        let teams = self.teams.names.len();
        let gauges = &mut self.merged.gauges.teams;
        gauges.resize_with(teams, TeamGauges::default);
        Snapshot {
            teams: self.teams.names,
            priorities: self.priorities.names,
            channels: self.channels.names,
            windows,
            ..self.merged
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::event::{Event, EventIdentity, EventType};
    use crate::domain::policy::{Policy, Target};
    use crate::domain::timestamp::{HOUR, Timestamp};
    use crate::engine::{Engine, ShardSnapshot};

    fn former(name: &str, target: Target) -> FormerPolicy {
        let mut policy = Policy::new(name);
        policy.targets[target as usize] = Some(HOUR);
        FormerPolicy {
            policy,
            counted_as: None,
            before: Vec::new(),
        }
    }

    /// A shard with one ticket, and a goal that it counted under its first former policy.
    fn shard(former_policies: Vec<FormerPolicy>) -> ShardSnapshot {
        let rules = Rules {
            policies: vec![Policy::new("current")],
            former_policies,
            ..Rules::default()
        };
        let mut engine = Engine::new(Arc::new(rules), Timestamp(0));
        let partition = engine.only_partition();
        let event = Event::new("a", EventType::Created, Timestamp(HOUR), EventIdentity(1));
        engine.apply(partition, &event);
        let series = &mut engine.recorder.series;
        series
            .cohort_mut(0)
            .count_goal(1, Target::FirstResponse, true);
        engine.move_shard_windows(Timestamp(HOUR));
        engine.shard_snapshot(Timestamp(HOUR))
    }

    #[test]
    fn goals_of_former_policies_are_counted_by_name() {
        let (gold, silver) = (
            former("gold", Target::FirstResponse),
            former("silver", Target::FirstResponse),
        );
        let other_gold = former("gold", Target::Update);
        let shards = [
            shard(vec![gold.clone()]),
            shard(vec![silver, gold]),
            shard(vec![other_gold]),
        ];
        let merged = ShardSnapshot::merge(shards).unwrap();
        let goals: Vec<(&str, u64)> = merged.cohorts[0]
            .goals
            .iter()
            .map(|goal| (&*merged.rules.policy(goal.policy).unwrap().name, goal.goals))
            .collect();
        assert_eq!(goals, [("gold", 2), ("silver", 1)]);
        assert_eq!(merged.targets(), [Target::FirstResponse, Target::Update]);
        assert_eq!(merged.states().open, 3);
    }
}
