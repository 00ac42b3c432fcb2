//! The exporter's configuration for a simulated helpdesk: calendars, teams and SLA targets, without brokers
//! and topics.

use std::fmt::Write;

use super::profile::{OFFICE_DAYS, OFFICE_HOURS, Profile};
use crate::domain::duration;
use crate::domain::yaml::{list, scalar};

const WEEKDAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

impl Profile {
    /// The configuration (YAML) for the events. Most SLA goals are met under it, some are not.
    pub fn config_yaml(&self) -> String {
        let mut yaml = String::with_capacity(2_048);
        self.calendars(&mut yaml);
        self.vocabulary(&mut yaml);
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

    fn policies(&self, yaml: &mut String) {
        if self.priorities.is_empty() {
            return;
        }
        yaml.push_str("# A policy for each priority, in business hours of the team.\n");
        yaml.push_str("sla:\n  policies:\n");
        for priority in &self.priorities {
            line(yaml, "    - name", &scalar(&priority.name));
            let matched = format!(
                "{{ priority: {} }}",
                list(std::iter::once(priority.name.as_str()))
            );
            line(yaml, "      match", &matched);
            line(yaml, "      clock", "business");
            let targets = [
                ("first_response", Some(priority.first_response)),
                ("next_response", Some(priority.next_response)),
                ("resolution", Some(priority.resolution)),
                ("ownership", priority.ownership),
            ];
            let targets: Vec<String> = targets
                .into_iter()
                .filter_map(|(name, target)| Some(format!("{name}: {}", duration::format(target?))))
                .collect();
            line(
                yaml,
                "      targets",
                &format!("{{ {} }}", targets.join(", ")),
            );
            line(yaml, "      pause", "{ resolution: [pending, on_hold] }");
        }
    }
}

fn line(yaml: &mut String, key: &str, value: &str) {
    // Writing to a string cannot fail.
    let _ = writeln!(yaml, "{key}: {value}");
}
