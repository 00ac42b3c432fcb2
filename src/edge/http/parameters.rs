//! The query parameters of an address. An unknown name or an invalid value is an error, because the
//! answer to another question is worse than none.

use std::collections::BTreeMap;

use crate::domain::duration;
use crate::domain::policy::Target;
use crate::engine::GoalQuery;

/// Goals in an answer, unless `limit` says otherwise.
const DEFAULT_LIMIT: usize = 100;
/// Limits an answer to some 300 KB.
const MAX_LIMIT: usize = 1_000;
const MAX_VALUES: usize = 100;
/// The prefix of parameters that name one of the user's own attributes, so that none is mistaken for another parameter.
pub const ATTRIBUTE: &str = "attribute.";

/// Names and values, decoded, in their order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Parameters(Vec<(String, String)>);

impl Parameters {
    pub fn parse(query: Option<&str>) -> Self {
        let pairs = form_urlencoded::parse(query.unwrap_or_default().as_bytes());
        // A form sends its empty fields, too.
        let pairs = pairs.filter(|(_, value)| !value.is_empty());
        Self(
            pairs
                .map(|(name, value)| (name.into_owned(), value.into_owned()))
                .collect(),
        )
    }

    /// The last value of a name.
    pub fn last(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().rev().find(|(one, _)| one == name);
        found.map(|(_, value)| value.as_str())
    }

    pub fn all(&self, name: &str) -> Vec<String> {
        let found = self.0.iter().filter(|(one, _)| one == name);
        found.map(|(_, value)| value.clone()).collect()
    }

    /// The values of `attribute.NAME`, by name.
    pub fn attributes(&self) -> BTreeMap<String, Vec<String>> {
        let mut attributes: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (name, value) in &self.0 {
            if let Some(name) = name.strip_prefix(ATTRIBUTE) {
                let values = attributes.entry(name.to_owned()).or_default();
                values.push(value.clone());
            }
        }
        attributes
    }

    /// # Errors
    /// A name that is none of `known`, or too many values. `attribute.` stands for every name that begins so.
    pub fn only(&self, known: &[&str]) -> Result<(), String> {
        let is_known = |name: &str| {
            known.contains(&name) || known.contains(&ATTRIBUTE) && name.starts_with(ATTRIBUTE)
        };
        if let Some((name, _)) = self.0.iter().find(|(name, _)| !is_known(name)) {
            let known: Vec<String> = known
                .iter()
                .map(|known| format!("{known}{}", if *known == ATTRIBUTE { "NAME" } else { "" }))
                .collect();
            return Err(format!(
                "{name:?} is not a parameter; the parameters are {}",
                known.join(", ")
            ));
        }
        if self.0.len() > MAX_VALUES {
            return Err(format!("there are more than {MAX_VALUES} parameters"));
        }
        Ok(())
    }
}

/// Reads `at_risk`, `overdue`, `team`, `priority`, `attribute.NAME`, `group`, `target` and `limit`.
///
/// # Errors
/// An unknown parameter or an invalid value.
pub fn goal_query(parameters: &Parameters) -> Result<GoalQuery, String> {
    parameters.only(&[
        "at_risk", "overdue", "team", "priority", ATTRIBUTE, "group", "target", "limit",
    ])?;
    let at_risk =
        match parameters.last("at_risk") {
            None => None,
            Some(text) => Some(duration::parse(text).ok_or_else(|| {
                format!("at_risk must be a duration like 15m or 4h, not {text:?}")
            })?),
        };
    let overdue = match parameters.last("overdue") {
        None | Some("false") => false,
        Some("true") => true,
        Some(text) => return Err(format!("overdue must be true or false, not {text:?}")),
    };
    let mut targets = Vec::new();
    for text in parameters.all("target") {
        let target = Target::from_name(&text);
        targets.push(target.ok_or_else(|| {
            let names = Target::ALL.map(Target::name).join(", ");
            format!("target must be one of {names}, not {text:?}")
        })?);
    }
    let limit = match parameters.last("limit") {
        None => DEFAULT_LIMIT,
        Some(text) => text
            .parse()
            .ok()
            .filter(|limit| (1..=MAX_LIMIT).contains(limit))
            .ok_or_else(|| format!("limit must be from 1 to {MAX_LIMIT}, not {text:?}"))?,
    };
    Ok(GoalQuery {
        teams: parameters.all("team"),
        priorities: parameters.all("priority"),
        attributes: parameters.attributes(),
        groups: parameters.all("group"),
        targets,
        at_risk,
        overdue,
        limit,
    })
}

/// One `name=value` for an address.
pub fn pair(name: &str, value: &str) -> String {
    form_urlencoded::Serializer::new(String::new())
        .append_pair(name, value)
        .finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::timestamp::{HOUR, MINUTE};

    fn query(text: &str) -> Result<GoalQuery, String> {
        goal_query(&Parameters::parse(Some(text)))
    }

    #[test]
    fn reads_every_parameter() {
        let asked = query(
            "at_risk=1h30m&overdue=true&team=a%26b&team=none&priority=p1&target=resolution&limit=7\
             &attribute.tier=gold&attribute.tier=none&group=ola",
        );
        let expected = GoalQuery {
            teams: vec!["a&b".to_owned(), "none".to_owned()],
            priorities: vec!["p1".to_owned()],
            attributes: [(
                "tier".to_owned(),
                vec!["gold".to_owned(), "none".to_owned()],
            )]
            .into(),
            groups: vec!["ola".to_owned()],
            targets: vec![Target::Resolution],
            at_risk: Some(HOUR + 30 * MINUTE),
            overdue: true,
            limit: 7,
        };
        assert_eq!(asked, Ok(expected));
        let nothing = GoalQuery {
            limit: DEFAULT_LIMIT,
            ..GoalQuery::default()
        };
        assert_eq!(query("team=&at_risk=&limit="), Ok(nothing.clone()));
        assert_eq!(goal_query(&Parameters::parse(None)), Ok(nothing));
    }

    #[test]
    fn errors_name_the_parameter() {
        for (text, part) in [
            (
                "at_risk=soon",
                "at_risk must be a duration like 15m or 4h, not \"soon\"",
            ),
            ("at_risk=-1h", "at_risk must be"),
            ("overdue=yes", "overdue must be true or false"),
            (
                "target=reply",
                "first_response, next_response, resolution, ownership",
            ),
            ("limit=0", "limit must be from 1 to 1000"),
            ("limit=1001", "limit must be"),
            ("limit=1e3", "limit must be"),
            (
                "teams=billing",
                "\"teams\" is not a parameter; the parameters are at_risk, overdue, team, priority, \
                 attribute.NAME, group",
            ),
        ] {
            let error = query(text).unwrap_err();
            assert!(error.contains(part), "{text}: {error}");
        }
        let many = "team=a&".repeat(MAX_VALUES + 1);
        assert!(query(&many).unwrap_err().contains("more than 100"));
    }

    #[test]
    fn values_survive_an_address() {
        let team = "a&b=<c> \"é\" +%";
        let address = pair("team", team);
        assert_eq!(Parameters::parse(Some(&address)).last("team"), Some(team));
    }
}
