//! The exporter's configuration for a simulated helpdesk: calendars, teams and SLA targets, without brokers
//! and topics.

use std::fmt::Write;

use super::profile::{MOST_ATTRIBUTES, OFFICE_DAYS, OFFICE_HOURS, Profile, SimulatedPriority};
use crate::domain::policy::{Clock, Match, Policy, Target};
use crate::domain::yaml::{list, scalar};

const WEEKDAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

impl Profile {
    /// The configuration (YAML) for the events. Most SLA goals are met under it, some are not.
    pub fn config_yaml(&self) -> String {
        let mut yaml = String::with_capacity(2_048);
        self.calendars(&mut yaml);
        self.vocabulary(&mut yaml);
        self.attributes(&mut yaml);
        self.policies(&mut yaml);
        yaml
    }

    fn calendars(&self, yaml: &mut String) {
        let hours = list(OFFICE_HOURS);
        yaml.push_str("# The business hours of the helpdesk.\ncalendars:\n  office:\n");
        line(yaml, "    timezone", self.timezone.name());
        yaml.push_str("    weekly:\n");
        for day in &WEEKDAYS[..OFFICE_DAYS] {
            line(yaml, &format!("      {day}"), &hours);
        }
    }

    fn vocabulary(&self, yaml: &mut String) {
        yaml.push_str("teams:\n  default_calendar: office\n");
        let always: Vec<String> = self
            .teams
            .iter()
            .filter(|team| team.around_the_clock)
            .map(|team| format!("{}: \"24x7\"", scalar(&team.name)))
            .collect();
        if !always.is_empty() {
            line(yaml, "  calendars", &format!("{{ {} }}", always.join(", ")));
        }
        let teams = self.teams.iter().map(|team| team.name.as_str());
        line(yaml, "  known", &list(teams));
        let priorities = self
            .priorities
            .iter()
            .map(|priority| priority.name.as_str());
        line(yaml, "priorities", &list(priorities));
        yaml.push_str("csat: { good: 0.75, bad: 0.5 }\n");
    }

    fn attributes(&self, yaml: &mut String) {
        if self.attributes.is_empty() {
            return;
        }
        yaml.push_str("# Attributes of the helpdesk's own.\nattributes:\n");
        for attribute in self.attributes.iter().take(MOST_ATTRIBUTES) {
            let settings = if attribute.is_label {
                let values = attribute.values.iter();
                let values = list(values.map(|(value, _)| value.as_str()));
                format!("{{ values: {values}, label: true }}")
            } else {
                "{ label: false }".to_owned()
            };
            line(yaml, &format!("  {}", scalar(&attribute.name)), &settings);
        }
    }

    fn policies(&self, yaml: &mut String) {
        let (sla, other): (Vec<Policy>, Vec<Policy>) = self
            .policies
            .iter()
            .cloned()
            .partition(|policy| policy.group == Policy::DEFAULT_GROUP);
        let policies = sla
            .into_iter()
            .chain(self.priorities.iter().map(SimulatedPriority::policy))
            .chain(other);
        let policies: String = policies.map(|policy| policy.yaml(None)).collect();
        if !policies.is_empty() {
            yaml.push_str("# In each group, the first policy that matches a ticket applies.\n");
            yaml.push_str("sla:\n  policies:\n");
            yaml.push_str(&policies);
        }
    }
}

impl SimulatedPriority {
    /// Its SLA, in business hours of the team.
    fn policy(&self) -> Policy {
        let mut policy = Policy {
            matches: Match {
                priority: Some(vec![self.name.clone()]),
                ..Match::default()
            },
            clock: Clock::Business,
            ..Policy::new(&self.name)
        };
        for (target, length) in [
            (Target::FirstResponse, self.first_response),
            (Target::NextResponse, self.next_response),
            (Target::Resolution, self.resolution),
        ] {
            policy.targets[target as usize] = Some(length);
        }
        policy
    }
}

fn line(yaml: &mut String, key: &str, value: &str) {
    // Writing to a string cannot fail.
    let _ = writeln!(yaml, "{key}: {value}");
}
