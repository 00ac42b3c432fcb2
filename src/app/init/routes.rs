//! Routes of alerts to the teams. The routes are those of deploy/alertmanager/alertmanager.yml; a test
//! compares them.

use std::fmt::Write as _;

use crate::domain::yaml;

const TEMPLATE: &str = include_str!("templates/alertmanager.yml");
const ROUTES: &str = "@TEAM_ROUTES@\n";
const RECEIVERS: &str = "@TEAM_RECEIVERS@\n";

/// The configuration of Alertmanager, with a receiver for each team.
pub fn routes(teams: &[String]) -> String {
    let (mut routes, mut receivers) = (String::new(), String::new());
    for team in teams {
        let matcher = matcher(team);
        let receiver = yaml::scalar(&format!("team-{team}"));
        // Writing to a string cannot fail.
        let _ = writeln!(
            routes,
            "        - {{ matchers: [{matcher}], receiver: {receiver} }}"
        );
        let _ = writeln!(receivers, "  - name: {receiver}");
    }
    if teams.is_empty() {
        routes.push_str("        []\n");
    }
    TEMPLATE
        .replace(ROUTES, &routes)
        .replace(RECEIVERS, &receivers)
}

/// A matcher in YAML. Alertmanager reads a quoted value as JSON does, as far as printable characters go.
fn matcher(team: &str) -> String {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "_-".contains(letter);
    if team.chars().all(is_plain) {
        format!("team = {team}")
    } else {
        yaml::scalar(&format!("team = {}", serde_json::Value::from(team)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_team_has_a_route_and_a_receiver() {
        let text = routes(&["billing".to_owned(), "A \"b\": c".to_owned()]);
        for line in [
            "        - { matchers: [team = billing], receiver: team-billing }\n",
            "        - { matchers: [\"team = \\\"A \\\\\\\"b\\\\\\\": c\\\"\"], receiver: \"team-A \\\"b\\\": c\" }\n",
            "  - name: team-billing\n",
            "  - name: \"team-A \\\"b\\\": c\"\n",
        ] {
            assert!(text.contains(line), "{line}\nin\n{text}");
        }
        assert!(!text.contains("@TEAM"), "{text}");
    }
}
