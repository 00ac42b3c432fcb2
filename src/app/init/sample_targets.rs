//! Targets that the tickets of the sample would have met, if the sample is a long history.

use super::configuration::NO_TARGETS;
use crate::app::history::{EventHistory, HistoryError};
use crate::app::targets::{self, DEFAULT_MINIMUM, TargetRequest};
use crate::config::{Config, DEFAULT_OBJECTIVE};
use crate::domain::policy::{Clock, Policy, Target};
use crate::engine::TableDimensions;

/// The key `sla` of a configuration, with a comment.
#[derive(Debug)]
pub struct SampleTargets {
    pub yaml: String,
    pub policies: usize,
}

/// Few replies of few tickets can take longer than most resolutions. Such a target would be a mistake, and
/// `check-config` warns about it.
fn drop_late_replies(policy: &mut Policy) {
    let Some(resolution) = policy.target(Target::Resolution) else {
        return;
    };
    for reply in [Target::FirstResponse, Target::NextResponse] {
        if policy.target(reply).is_some_and(|reply| reply > resolution) {
            policy.targets[reply as usize] = None;
        }
    }
}

/// Suggests one policy for each priority. Targets by team are a later decision.
///
/// # Errors
/// The sample cannot be read again.
pub fn sample_targets(
    config: &Config,
    history: &EventHistory,
) -> Result<SampleTargets, HistoryError> {
    let request = TargetRequest {
        by: TableDimensions {
            priority: !config.rules.priorities.is_empty(),
            ..TableDimensions::default()
        },
        clock: Clock::Business,
        objective: DEFAULT_OBJECTIVE,
        minimum: DEFAULT_MINIMUM,
        until: None,
    };
    let mut policies = targets::suggest(&config.rules, history, &request)?.policies;
    policies.iter_mut().for_each(drop_late_replies);
    let yaml = if policies.is_empty() {
        NO_TARGETS.to_owned()
    } else {
        let share = DEFAULT_OBJECTIVE * 100.0;
        format!(
            "# {share:.0} % of the sample's goals would have met these targets, in business hours: 1d is 24 of them.\n\
             # Replace them with what you have agreed. `ticket-exporter suggest-targets` shows others, also by team.\n{}",
            targets::snippet(&policies, DEFAULT_OBJECTIVE)
        )
    };
    Ok(SampleTargets {
        yaml,
        policies: policies.len(),
    })
}
