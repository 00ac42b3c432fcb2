//! Writes suggested policies as configuration.

use crate::domain::policy::Policy;

/// The key `sla` with the policies, in YAML.
pub fn snippet(policies: &[Policy], objective: f64) -> String {
    if policies.is_empty() {
        return "sla:\n  policies: []\n".to_owned();
    }
    let mut text = String::from("sla:\n  policies:\n");
    text.extend(policies.iter().map(|policy| policy.yaml(Some(objective))));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn policies_are_a_section_of_the_configuration() {
        assert_eq!(
            snippet(&[Policy::new("a")], 0.9),
            "sla:\n  policies:\n    - name: a\n      clock: calendar\n      objective: 0.9\n"
        );
        assert_eq!(snippet(&[], 0.9), "sla:\n  policies: []\n");
    }
}
