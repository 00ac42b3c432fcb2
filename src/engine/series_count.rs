//! The number of series that a configuration makes.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::core::Engine;
use super::rules::Rules;
use super::visit::{Sample, Series, Visitor};
use crate::domain::catalog::Family;
use crate::domain::policy::{Match, Target};
use crate::domain::timestamp::Timestamp;

/// The cohorts that exist from the start.
pub fn precreated_cohorts(rules: &Rules) -> usize {
    let values = |known: &[String]| known.len().max(1);
    let labels = rules.attributes.iter().filter(|rule| rule.is_label);
    let combinations = labels.fold(values(&rules.priorities), |product, rule| {
        product.saturating_mul(values(&rule.values))
    });
    rules.known_teams.len().saturating_mul(combinations)
}

/// The series of one cohort with every policy that may apply to its team, in Prometheus's count: each
/// bucket is a series. Takes the team with the most targets. Other channels than `none` add one each.
pub fn series_of_one_cohort(rules: &Rules) -> usize {
    let mut targets: BTreeMap<&str, usize> = BTreeMap::new();
    for policy in &rules.policies {
        let own = Target::ALL.into_iter();
        let own = own.filter_map(|target| policy.target(target)).count();
        for team in policy.matches.team.iter().flatten() {
            *targets.entry(team).or_default() += own;
        }
    }
    let most = targets.into_iter().max_by_key(|(_, count)| *count);
    let most = most.map_or("", |(team, _)| team);
    let mut one = rules.clone();
    one.known_teams = vec![most.to_owned()];
    one.priorities.clear();
    one.attributes.clear();
    for policy in &mut one.policies {
        policy.matches = Match {
            team: policy.matches.team.take(),
            ..Match::default()
        };
    }
    let mut counter = SeriesCounter::default();
    Engine::new(Arc::new(one), Timestamp(0))
        .snapshot()
        .visit(&mut counter);
    counter.of_cohorts
}

/// The series that exist from the start, with those of teams.
pub fn series_at_start(rules: &Rules) -> usize {
    let mut counter = SeriesCounter::default();
    let mut engine = Engine::new(Arc::new(rules.clone()), Timestamp(0));
    engine.snapshot().visit(&mut counter);
    counter.all
}

/// Counts series, and those of families with cohorts.
#[derive(Default)]
struct SeriesCounter {
    is_of_cohorts: bool,
    of_cohorts: usize,
    all: usize,
}

impl Visitor for SeriesCounter {
    fn family(&mut self, family: &'static Family, _labels: &[&str], _start: Option<Timestamp>) {
        self.is_of_cohorts = family.has_attributes();
    }

    fn sample(&mut self, _values: &[&str], sample: Sample<'_>) {
        let series = match sample {
            Sample::Number(_) => 1,
            // Sum and count besides the buckets.
            Sample::Histogram(view) => view.counts.len() + 2,
        };
        self.all += series;
        if self.is_of_cohorts {
            self.of_cohorts += series;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::policy::Policy;
    use crate::domain::timestamp::HOUR;
    use crate::engine::rules::{AttributeRule, Kpi};

    fn rules() -> Rules {
        let attribute = |name: &str, values: &[&str], is_label| AttributeRule {
            name: name.to_owned(),
            values: values.iter().map(|value| (*value).to_owned()).collect(),
            is_label,
            limit: 20,
        };
        Rules {
            known_teams: vec!["a".to_owned(), "b".to_owned()],
            priorities: vec!["p1".to_owned(), "p2".to_owned(), "p3".to_owned()],
            attributes: vec![
                attribute("tier", &["gold", "silver"], true),
                attribute("product", &["x", "y"], false),
                attribute("region", &[], true),
            ],
            ..Rules::default()
        }
    }

    #[test]
    fn without_policies_all_cohorts_have_the_same_series() {
        let rules = rules();
        assert_eq!(precreated_cohorts(&rules), 2 * 3 * 2);
        let one = series_of_one_cohort(&rules);
        let histograms = Kpi::ALL.iter().map(|kpi| {
            let bases = if *kpi == Kpi::Handle { 1 } else { 2 };
            bases * (rules.buckets[*kpi as usize].len() + 3)
        });
        // Counters, endings, withdrawals, ratings, statuses, channel; backlog by status, two gauges.
        let others = 8 + 3 + 3 + 3 + 5 + 1 + 4 + 2;
        assert_eq!(one, histograms.sum::<usize>() + others);
        let mut without_teams = rules.clone();
        without_teams.known_teams.clear();
        assert_eq!(series_at_start(&without_teams), 0);
        let of_teams = series_at_start(&rules) - 12 * one;
        assert!(of_teams > 0 && of_teams.is_multiple_of(2), "{of_teams}");
    }

    #[test]
    fn policies_of_other_teams_do_not_count() {
        let mut rules = rules();
        let before = series_of_one_cohort(&rules);
        for team in ["a", "b"] {
            let mut policy = Policy::new(team);
            policy.matches.team = Some(vec![team.to_owned()]);
            policy.targets[Target::Resolution as usize] = Some(HOUR);
            rules.policies.push(policy);
        }
        // Goals, breaches; running, paused, overdue, at risk within three times. A deadline needs a goal.
        assert_eq!(series_of_one_cohort(&rules), before + 2 + 6);
    }
}
