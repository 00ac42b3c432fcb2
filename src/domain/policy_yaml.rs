//! Writes a policy as configuration, for commands that print one.

use super::duration;
use super::event::Status;
use super::policy::{Policy, Rebase, StatusSet, Target};
use super::yaml::{list, scalar};

impl Policy {
    /// An item of the list `sla.policies`. It has no `calendar`, because a policy does not know its name. Keys that have
    /// their default are left out.
    pub fn yaml(&self, objective: Option<f64>) -> String {
        let targets = Target::ALL.into_iter().filter_map(|target| {
            let length = self.target(target)?;
            Some(format!("{}: {}", target.name(), duration::format(length)))
        });
        let keys = [
            ("name", Some(scalar(&self.name))),
            ("group", other(&self.group, Self::DEFAULT_GROUP).map(scalar)),
            ("match", map(self.matches())),
            ("clock", Some(self.clock.name().to_owned())),
            ("objective", objective.map(|share| share.to_string())),
            ("targets", map(targets)),
            ("pause", map(self.own_pauses())),
            (
                "rebase",
                other(self.rebase.name(), Rebase::default().name()).map(scalar),
            ),
        ];
        let mut text = String::new();
        for (key, value) in keys {
            let Some(value) = value else { continue };
            let start = if text.is_empty() { "    - " } else { "      " };
            text.push_str(&format!("{start}{key}: {value}\n"));
        }
        text
    }

    fn matches(&self) -> impl Iterator<Item = String> {
        let attributes = self.matches.attributes.iter();
        let attributes = map(attributes.map(|(name, values)| entry(name, &names(values))));
        let lists = [
            ("team", &self.matches.team),
            ("priority", &self.matches.priority),
            ("channel", &self.matches.channel),
        ];
        lists
            .into_iter()
            .filter_map(|(key, values)| Some(entry(key, &names(values.as_ref()?))))
            .chain(attributes.map(|values| entry("attributes", &values)))
    }

    fn own_pauses(&self) -> impl Iterator<Item = String> {
        let defaults = Self::default_pauses();
        Target::ALL.into_iter().filter_map(move |target| {
            let pauses = self.pauses[target as usize];
            (pauses != defaults[target as usize]).then(|| entry(target.name(), &statuses(pauses)))
        })
    }
}

fn other<'a>(value: &'a str, default: &str) -> Option<&'a str> {
    (value != default).then_some(value)
}

/// A map on one line; `None` if it is empty.
fn map(entries: impl Iterator<Item = String>) -> Option<String> {
    let entries: Vec<String> = entries.collect();
    (!entries.is_empty()).then(|| format!("{{ {} }}", entries.join(", ")))
}

fn entry(key: &str, value: &str) -> String {
    format!("{}: {value}", scalar(key))
}

fn names(names: &[String]) -> String {
    list(names.iter().map(String::as_str))
}

fn statuses(set: StatusSet) -> String {
    let statuses = Status::ALL.into_iter();
    list(
        statuses
            .filter(|status| set.contains(*status))
            .map(Status::name),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::policy::{Clock, Match};
    use crate::domain::timestamp::{HOUR, MINUTE};

    #[test]
    fn keys_with_defaults_are_left_out() {
        let mut policy = Policy::new("all");
        policy.targets[Target::FirstResponse as usize] = Some(HOUR);
        assert_eq!(
            policy.yaml(None),
            "    - name: all\n      clock: calendar\n      targets: { first_response: 1h }\n"
        );
    }

    #[test]
    fn every_key_is_written() {
        let mut policy = Policy {
            group: "ola".to_owned(),
            matches: Match {
                team: Some(vec!["a \"b\"".to_owned()]),
                priority: Some(vec!["none".to_owned(), "p1".to_owned()]),
                channel: Some(vec!["chat".to_owned()]),
                attributes: [("tier".to_owned(), vec!["gold: yes".to_owned()])].into(),
            },
            clock: Clock::Business,
            rebase: Rebase::FromChange,
            ..Policy::new("a \"b\"/none")
        };
        policy.targets[Target::FirstResponse as usize] = Some(15 * MINUTE);
        policy.targets[Target::Resolution as usize] = Some(36 * HOUR);
        policy.pauses[Target::Resolution as usize] = StatusSet::EMPTY.with(Status::OnHold);
        assert_eq!(
            policy.yaml(Some(0.9)),
            r#"    - name: "a \"b\"/none"
      group: ola
      match: { team: ["a \"b\""], priority: [none, p1], channel: [chat], attributes: { tier: ["gold: yes"] } }
      clock: business
      objective: 0.9
      targets: { first_response: 15m, resolution: 1d12h }
      pause: { resolution: [on_hold] }
      rebase: from_change
"#
        );
    }
}
