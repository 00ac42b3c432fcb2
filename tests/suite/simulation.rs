//! The simulated helpdesk and its configuration.

use ticket_exporter::config;
use ticket_exporter::simulation::Profile;

#[test]
fn the_helpdesk_has_a_fitting_configuration() {
    let profile = Profile::default();
    let yaml = profile.config_yaml();
    let file = std::path::Path::new("desk.yaml");
    let loaded = config::load(Some(file), [], &[], &mut |_| Ok(yaml.clone())).unwrap();
    assert!(loaded.warnings.is_empty(), "{:?}", loaded.warnings);
    let rules = loaded.config.rules;
    let teams: Vec<&str> = profile
        .teams
        .iter()
        .map(|team| team.name.as_str())
        .collect();
    assert_eq!(rules.known_teams, teams);
    assert_eq!(rules.policies.len(), profile.priorities.len());
    for (policy, priority) in rules.policies.iter().zip(&profile.priorities) {
        assert_eq!(
            policy.targets[2],
            Some(priority.resolution),
            "{}",
            priority.name
        );
    }
}
