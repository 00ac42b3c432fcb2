//! The labels of SLA series, which depend on the configuration: its labeled attributes, and the group
//! if there are several.

use crate::domain::policy::Policy;
use crate::engine::Rules;

/// Labels that every alert or rule sets itself. A label of the same name in the query would be overwritten,
/// and Prometheus refuses two alerts whose labels are then equal.
const OF_ALERTS: [&str; 4] = ["alertname", "alertstate", "category", "severity"];

/// The labels of SLA series besides team, priority, policy and target.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Dimensions {
    /// The labeled attributes, in the order of the configuration.
    pub attributes: Vec<String>,
    /// The groups in the order of their first policies. Empty: one group, which is no label.
    pub groups: Vec<String>,
}

impl Dimensions {
    pub fn of(rules: &Rules) -> Self {
        let labeled = rules.attributes.iter().filter(|one| one.is_label);
        let mut groups: Vec<String> = Vec::new();
        for policy in &rules.policies {
            if !groups.contains(&policy.group) {
                groups.push(policy.group.clone());
            }
        }
        if groups.len() < 2 {
            groups.clear();
        }
        Self {
            attributes: labeled.map(|one| one.name.clone()).collect(),
            groups,
        }
    }

    /// The attributes that alerts have as labels.
    pub fn of_alerts(&self) -> impl Iterator<Item = &str> {
        let names = self.attributes.iter().map(String::as_str);
        names.filter(|name| !is_of_alerts(name))
    }

    /// The labels of the gauges of goals.
    pub fn goal(&self) -> Vec<&str> {
        self.with_group(["team", "priority"].into_iter(), ["target"].into_iter())
    }

    /// The labels of the counters of goals.
    pub fn counter(&self) -> Vec<&str> {
        self.with_group(
            ["team", "priority"].into_iter(),
            ["policy", "target"].into_iter(),
        )
    }

    /// The labels of their increase: a budget is that of a team, policy and target.
    pub fn budget(&self) -> Vec<&str> {
        let group = self.group().into_iter();
        ["team", "policy", "target"]
            .into_iter()
            .chain(group)
            .collect()
    }

    fn with_group<'a>(
        &'a self,
        before: impl Iterator<Item = &'a str>,
        after: impl Iterator<Item = &'a str>,
    ) -> Vec<&'a str> {
        before
            .chain(self.of_alerts())
            .chain(after)
            .chain(self.group())
            .collect()
    }

    fn group(&self) -> Option<&'static str> {
        (!self.groups.is_empty()).then_some("group")
    }
}

/// Whether alerts have a label of their own by this name.
pub fn is_of_alerts(name: &str) -> bool {
    OF_ALERTS.contains(&name)
}

/// The attributes that a policy limits to one value. An alert about its goals has them as labels, whether or not
/// the series have.
pub fn fixed_attributes(policy: &Policy) -> impl Iterator<Item = (String, String)> {
    let attributes = policy.matches.attributes.iter();
    attributes.filter_map(|(name, values)| match values.as_slice() {
        [value] if !is_of_alerts(name) => Some((name.clone(), value.clone())),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::AttributeRule;

    fn attribute(name: &str, is_label: bool) -> AttributeRule {
        AttributeRule {
            name: name.to_owned(),
            values: Vec::new(),
            is_label,
            limit: 10,
        }
    }

    fn policy(group: &str) -> Policy {
        Policy {
            group: group.to_owned(),
            ..Policy::new("x")
        }
    }

    #[test]
    fn labels_follow_the_configuration() {
        let plain = Dimensions::of(&Rules {
            policies: vec![policy("ola"), policy("ola")],
            ..Rules::default()
        });
        assert_eq!(plain, Dimensions::default());
        assert_eq!(plain.goal(), ["team", "priority", "target"]);

        let all = Dimensions::of(&Rules {
            attributes: vec![
                attribute("tier", true),
                attribute("product", false),
                attribute("severity", true),
                attribute("brand", true),
            ],
            policies: vec![policy("sla"), policy("ola"), policy("sla")],
            ..Rules::default()
        });
        assert_eq!(all.groups, ["sla", "ola"]);
        assert_eq!(
            all.goal(),
            ["team", "priority", "tier", "brand", "target", "group"]
        );
        assert_eq!(
            all.counter(),
            [
                "team", "priority", "tier", "brand", "policy", "target", "group"
            ]
        );
        assert_eq!(all.budget(), ["team", "policy", "target", "group"]);
    }

    #[test]
    fn one_value_of_an_attribute_is_a_label() {
        let mut policy = policy("sla");
        for (name, values) in [
            ("tier", vec!["gold"]),
            ("product", vec!["a", "b"]),
            ("severity", vec!["1"]),
        ] {
            let values = values.into_iter().map(str::to_owned).collect();
            policy.matches.attributes.insert(name.to_owned(), values);
        }
        let fixed: Vec<_> = fixed_attributes(&policy).collect();
        assert_eq!(fixed, [("tier".to_owned(), "gold".to_owned())]);
    }
}
