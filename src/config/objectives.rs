//! Objectives: which share of its goals a desk means to meet. They judge the numbers, so they are
//! no part of the rules, and changing one needs no other checkpoint.

use super::problem::Errors;
use super::view::View;

/// Share of the goals to be met where nothing is said. Help desks promise their customers shares
/// from 80 to 95 %; nine in ten is what teams set out with.
pub const DEFAULT_OBJECTIVE: f64 = 0.9;

/// Reads the objectives out of `sla`: one for each of its `count` policies, in their order.
pub(super) fn read(view: &View<'_>, count: usize, errors: &mut Errors) -> Vec<f64> {
    let general = view.key("objective").inner_share(errors);
    let general = general.unwrap_or(DEFAULT_OBJECTIVE);
    // What is no list was noted with the policies.
    let items = view.key("policies").items(&mut Errors::default());
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
    fn neither_nothing_nor_everything_can_be_promised() {
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
