//! Reads the objectives: the share of SLA goals that must be met. Only alerts and dashboards use them, so
//! a change affects no number and no checkpoint.

use super::problem::ConfigErrors;
use super::view::YamlView;

/// The default objective. Contracts of helpdesks typically require 80 to 95 %.
pub const DEFAULT_OBJECTIVE: f64 = 0.9;

/// Reads one objective for each of the `count` policies in `sla`.
pub(super) fn read(view: &YamlView<'_>, count: usize, errors: &mut ConfigErrors) -> Vec<f64> {
    let general = view.key("objective").inner_share(errors);
    let general = general.unwrap_or(DEFAULT_OBJECTIVE);
    // The reader of the policies reports a value that is not a list.
    let items = view.key("policies").items(&mut ConfigErrors::default());
    let set = items.iter().filter(|item| item.is_set());
    set.take(count)
        .map(|item| item.key("objective").inner_share(errors).unwrap_or(general))
        .collect()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::{self, Config};

    fn load(text: &str) -> Result<Config, String> {
        let file = Path::new("a.yaml");
        config::load(Some(file), [], &[], &mut |_| Ok(text.to_owned()))
            .map(|loaded| loaded.config)
            .map_err(|errors| errors.to_string())
    }

    const POLICIES: &str = "policies: [{name: a, objective: 0.99, targets: {resolution: 1h}}, \
                            {name: b, targets: {resolution: 1h}}]";

    #[test]
    fn a_policy_may_have_its_own() {
        let config = load(&format!("sla: {{{POLICIES}}}")).unwrap();
        assert_eq!(config.objectives, [0.99, DEFAULT_OBJECTIVE]);
        let config = load(&format!("sla: {{objective: 0.8, {POLICIES}}}")).unwrap();
        assert_eq!(config.objectives, [0.99, 0.8]);
        assert!(load("{}").unwrap().objectives.is_empty());
    }

    #[test]
    fn an_objective_is_between_zero_and_one() {
        for wrong in ["0", "1", "1.5", "-0.1", "95", "95%", "no"] {
            let text = format!("sla:\n  objective: {wrong}\n  {POLICIES}");
            let message = load(&text).unwrap_err();
            assert!(
                message.contains("a.yaml:2") && message.contains("sla.objective"),
                "{message}"
            );
        }
        let message = load("sla: {policies: [{name: a, objective: 1}]}").unwrap_err();
        assert!(message.contains("sla.policies[0].objective"), "{message}");
    }
}
