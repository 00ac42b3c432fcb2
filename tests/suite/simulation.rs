//! The simulated helpdesk and its configuration.

use ticket_exporter::config;
use ticket_exporter::domain::policy::Target;
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
    let policies = &rules.policies;
    assert_eq!(
        policies.len(),
        profile.priorities.len() + profile.policies.len()
    );
    for priority in &profile.priorities {
        let mut policies = policies.iter();
        let policy = policies.find(|policy| policy.name == priority.name);
        let policy = policy.unwrap();
        let resolution = policy.target(Target::Resolution);
        assert_eq!(resolution, Some(priority.resolution), "{}", priority.name);
    }
    for policy in &profile.policies {
        assert!(policies.contains(policy), "{}", policy.name);
    }
    let attributes = rules.attributes.iter();
    let attributes: Vec<(&str, bool)> = attributes
        .map(|attribute| (attribute.name.as_str(), attribute.is_label))
        .collect();
    assert_eq!(attributes, [("tier", true), ("product", false)]);
}
