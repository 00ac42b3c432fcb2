//! Writes suggested policies as configuration.

use std::fmt::Write;

use crate::domain::duration;
use crate::domain::policy::{Policy, Target};
use crate::domain::yaml::{list, scalar};

/// The key `sla` with the policies, in YAML.
pub fn snippet(policies: &[Policy], objective: f64) -> String {
    let mut text = String::from("sla:\n  policies:\n");
    if policies.is_empty() {
        return "sla:\n  policies: []\n".to_owned();
    }
    for policy in policies {
        let targets = Target::ALL.into_iter().filter_map(|target| {
            let length = policy.target(target)?;
            Some(format!("{}: {}", target.name(), duration::format(length)))
        });
        let targets: Vec<String> = targets.collect();
        // Writing to a string cannot fail.
        let _ = write!(
            text,
            "    - name: {}\n      match: {{ team: {}, priority: {} }}\n      clock: {}\n      \
             objective: {objective}\n      targets: {{ {} }}\n",
            scalar(&policy.name),
            names(policy.matches.team.as_ref()),
            names(policy.matches.priority.as_ref()),
            policy.clock.name(),
            targets.join(", "),
        );
    }
    text
}

fn names(names: Option<&Vec<String>>) -> String {
    list(names.into_iter().flatten().map(String::as_str))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::policy::{Clock, Match};
    use crate::domain::timestamp::{HOUR, MINUTE};

    #[test]
    fn a_policy_is_written_as_the_configuration_has_it() {
        let policy = Policy {
            name: "a \"b\"/none".to_owned(),
            matches: Match {
                team: Some(vec!["a \"b\"".to_owned()]),
                priority: Some(vec!["none".to_owned()]),
                channel: None,
                ..Match::default()
            },
            clock: Clock::Business,
            calendar: None,
            targets: [Some(15 * MINUTE), None, Some(36 * HOUR), None, None, None],
            pauses: Policy::default_pauses(),
            ..Policy::new("")
        };
        assert_eq!(
            snippet(&[policy], 0.9),
            "sla:\n  policies:\n    - name: \"a \\\"b\\\"/none\"\n      match: { team: [\"a \
             \\\"b\\\"\"], priority: [none] }\n      clock: business\n      objective: 0.9\n      \
             targets: { first_response: 15m, resolution: 1d12h }\n"
        );
        assert_eq!(snippet(&[], 0.9), "sla:\n  policies: []\n");
    }
}
