//! The configured objectives as series. Dashboards need them for the past, and among the exporter's own
//! series only these are the same at every time.

use crate::config::Config;
use crate::domain::catalog;
use crate::domain::policy::Target;
use crate::engine::{Sample, Series, Visitor};

/// Policy, target, and the share of goals to be met.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Objectives(Vec<(String, &'static str, f64)>);

impl Objectives {
    pub fn of(config: &Config) -> Self {
        let policies = config.rules.policies.iter().zip(&config.objectives);
        let objectives = policies.flat_map(|(policy, objective)| {
            let targets = Target::ALL.into_iter();
            targets
                .filter(|target| policy.target(*target).is_some())
                .map(|target| (policy.name.clone(), target.name(), *objective))
        });
        Self(objectives.collect())
    }
}

impl Series for Objectives {
    fn visit(&self, visitor: &mut dyn Visitor) {
        visitor.family(&catalog::SLA_OBJECTIVE, catalog::SLA_OBJECTIVE.labels, None);
        for (policy, target, objective) in &self.0 {
            visitor.sample(&[policy, target], Sample::Number(*objective));
        }
    }
}
