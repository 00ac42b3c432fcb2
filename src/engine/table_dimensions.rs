//! The labels that separate the rows of a table.

use std::collections::BTreeMap;

use super::rules::Rules;

/// The labels that separate the rows of a table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TableDimensions {
    pub team: bool,
    pub priority: bool,
    /// The user's own attributes.
    pub attributes: Vec<String>,
}

/// One combination of label values. A value is `None` if it is no dimension.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
pub struct DimensionValues {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub team: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub priority: Option<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<String, String>,
}

impl TableDimensions {
    /// Reads names of dimensions: `team`, `priority` and the attributes of `rules`.
    ///
    /// # Errors
    /// The first name that is none of them.
    pub fn of_names<'a>(rules: &Rules, names: &'a [String]) -> Result<Self, &'a str> {
        let mut dimensions = Self::default();
        for name in names {
            match name.as_str() {
                "team" => dimensions.team = true,
                "priority" => dimensions.priority = true,
                name if rules.attributes.iter().any(|one| one.name == name) => {
                    dimensions.attributes.push(name.to_owned());
                }
                name => return Err(name),
            }
        }
        dimensions.attributes.sort_unstable();
        dimensions.attributes.dedup();
        Ok(dimensions)
    }

    /// The names, in the order of [`DimensionValues::all`].
    pub fn names(&self) -> Vec<&str> {
        let team = self.team.then_some("team").into_iter();
        let priority = self.priority.then_some("priority");
        let attributes = self.attributes.iter().map(String::as_str);
        team.chain(priority).chain(attributes).collect()
    }

    /// The values of the dimensions, given those of all labels.
    pub fn values<'a>(&self, label: impl Fn(&str) -> Option<&'a str>) -> DimensionValues {
        let value = |name: &str| label(name).map(str::to_owned);
        let attributes = self.attributes.iter();
        DimensionValues {
            team: self.team.then(|| value("team")).flatten(),
            priority: self.priority.then(|| value("priority")).flatten(),
            attributes: attributes
                .filter_map(|name| Some((name.clone(), value(name)?)))
                .collect(),
        }
    }

    /// The rules under which the series have these dimensions and no further attributes.
    #[must_use]
    pub fn labeled(&self, mut rules: Rules) -> Rules {
        for attribute in &mut rules.attributes {
            attribute.is_label = self.attributes.contains(&attribute.name);
        }
        rules
    }
}

impl DimensionValues {
    pub fn all(&self) -> impl Iterator<Item = &String> {
        let first = self.team.iter().chain(&self.priority);
        first.chain(self.attributes.values())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::AttributeRule;

    #[test]
    fn names_are_those_of_the_rules() {
        let rules = Rules {
            attributes: ["tier", "product"]
                .map(|name| AttributeRule {
                    name: name.to_owned(),
                    values: Vec::new(),
                    is_label: name == "product",
                    limit: 5,
                })
                .to_vec(),
            ..Rules::default()
        };
        let names = ["tier", "team"].map(str::to_owned);
        let dimensions = TableDimensions::of_names(&rules, &names).unwrap();
        assert_eq!(dimensions.names(), ["team", "tier"]);
        let labeled = dimensions.labeled(rules.clone());
        let labels: Vec<bool> = labeled.attributes.iter().map(|one| one.is_label).collect();
        assert_eq!(labels, [true, false]);
        let values = dimensions.values(|name| (name != "priority").then_some("x"));
        assert_eq!(values.all().collect::<Vec<_>>(), ["x", "x"]);
        let unknown = ["team".to_owned(), "region".to_owned()];
        assert_eq!(TableDimensions::of_names(&rules, &unknown), Err("region"));
    }
}
