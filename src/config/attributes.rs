//! Reads `attributes`: the user's own attributes of tickets, such as customer tier or product.

use std::collections::BTreeSet;

use super::names;
use super::problem::ConfigErrors;
use super::view::YamlView;
use crate::domain::catalog::{FAMILIES, MetricOrigin};
use crate::domain::policy::Policy;
use crate::engine::limits;
use crate::engine::{AttributeRule, Rules, StateMember};

/// Labels that the exporter or Prometheus adds to series, and the word that stands for all attributes.
const MORE_LABELS: [&str; 7] = [
    "group",
    "le",
    "shard",
    "instance",
    "pod",
    "job",
    "attributes",
];

pub(super) fn read(
    view: &YamlView<'_>,
    policies: &[Policy],
    errors: &mut ConfigErrors,
) -> Vec<AttributeRule> {
    let entries = view.entries(errors);
    if !limits::ATTRIBUTES.allows(entries.len()) {
        view.error(errors, limits::ATTRIBUTES.exceeded());
    }
    let attributes = entries.into_iter();
    attributes
        .map(|(name, view)| {
            check_name(name, &view, errors);
            read_one(name, &view, policies, errors)
        })
        .collect()
}

fn read_one(
    name: &str,
    view: &YamlView<'_>,
    policies: &[Policy],
    errors: &mut ConfigErrors,
) -> AttributeRule {
    view.entries(errors);
    let values = names::read(&view.key("values"), errors);
    let is_label = view.key("label").boolean(errors).unwrap_or(false);
    let key = view.key("limit");
    let greatest = limits::ATTRIBUTE_VALUES.greatest;
    let limit = key.count(1, greatest, errors);
    let limit = limit.unwrap_or(Rules::DEFAULT_ATTRIBUTE_VALUES);
    if is_label && values.len() > limit {
        let count = values.len();
        key.error(
            errors,
            format!("is {limit}, but there are {count} values; use at least {count}"),
        );
    }
    // A value of a policy needs a number even before its first event.
    let matched = policies
        .iter()
        .filter_map(|policy| policy.matches.attributes.get(name));
    let matched: BTreeSet<&String> = matched
        .flatten()
        .filter(|value| *value != names::ABSENT && !values.contains(value))
        .collect();
    if limit.max(values.len()) + matched.len() > greatest {
        key.error(
            errors,
            format!(
                "{limit} is too many together with the {} values of policies; {}",
                matched.len(),
                limits::ATTRIBUTE_VALUES.exceeded()
            ),
        );
    }
    AttributeRule {
        name: name.to_owned(),
        values,
        is_label,
        limit,
    }
}

/// An attribute may become a label, at any time.
fn check_name(name: &str, view: &YamlView<'_>, errors: &mut ConfigErrors) {
    if !is_well_formed(name) {
        view.error(
            errors,
            format!(
                "\"{name}\" is no name of an attribute; use at most {} lower-case letters, digits and \
                 single underscores, and begin with a letter",
                names::LONGEST_WORD
            ),
        );
    } else if is_taken(name) {
        view.error(
            errors,
            format!("the exporter has a label or a member {name}; use another name"),
        );
    }
}

/// Whether a configuration can have an attribute of this name.
pub fn is_attribute_name(name: &str) -> bool {
    is_well_formed(name) && !is_taken(name)
}

fn is_well_formed(name: &str) -> bool {
    names::is_word(name, |byte| byte == b'_') && !name.contains("__")
}

fn is_taken(name: &str) -> bool {
    let labels = FAMILIES
        .iter()
        .filter(|family| family.origin == MetricOrigin::Kpi)
        .flat_map(|family| family.labels);
    let mut labels = labels.chain(&MORE_LABELS);
    labels.any(|label| *label == name)
        || StateMember::ALL
            .into_iter()
            .any(|member| member.name() == name)
}

/// Warns about values in policies that are not in `values`. They may be misspelled, and `increase()` would
/// not see their first breach.
pub(super) fn check_matched(view: &YamlView<'_>, rules: &Rules, errors: &mut ConfigErrors) {
    let quiet = &mut ConfigErrors::default();
    for policy in view.key("sla").key("policies").items(quiet) {
        for (name, values) in policy.key("match").key("attributes").entries(quiet) {
            let known = rules.attributes.iter().find(|one| one.name == name);
            let Some(known) = known else {
                let names = rules.attributes.iter().map(|one| one.name.as_str());
                let names: Vec<&str> = names.collect();
                values.error(errors, unknown(name, &names));
                continue;
            };
            if known.values.is_empty() {
                continue;
            }
            for item in values.items(quiet) {
                let value = item.text(quiet).unwrap_or_default();
                if !value.is_empty() && value != names::ABSENT && !known.values.contains(&value) {
                    item.warning(
                        errors,
                        format!("\"{value}\" is not in attributes.{name}.values; add it there"),
                    );
                }
            }
        }
    }
}

fn unknown(name: &str, names: &[&str]) -> String {
    match super::keys::nearest(name, names) {
        Some(meant) => format!("attributes has no {name}; did you mean {meant}?"),
        None => format!("attributes has no {name}; add it there"),
    }
}

#[cfg(test)]
mod tests {
    use crate::config::tests::{bad, good, warned};

    #[test]
    fn attributes_have_defaults_and_the_order_of_the_file() {
        let rules = good(
            "attributes:\n  tier: { values: [gold, silver], label: true, limit: 5 }\n  product:\n",
        )
        .rules;
        let shown: Vec<String> = rules
            .attributes
            .iter()
            .map(|one| {
                format!(
                    "{} {} {} {}",
                    one.name,
                    one.values.join("|"),
                    one.is_label,
                    one.limit
                )
            })
            .collect();
        assert_eq!(shown, ["tier gold|silver true 5", "product  false 20"]);
    }

    #[test]
    fn names_are_labels() {
        assert_eq!(
            bad("attributes: { Tier: {}, a__b: {}, team: {}, requester: {} }"),
            [
                "1:21: attributes.Tier: \"Tier\" is no name of an attribute; use at most 64 \
                 lower-case letters, digits and single underscores, and begin with a letter",
                "1:31: attributes.a__b: \"a__b\" is no name of an attribute; use at most 64 \
                 lower-case letters, digits and single underscores, and begin with a letter",
                "1:41: attributes.team: the exporter has a label or a member team; use another name",
                "1:56: attributes.requester: the exporter has a label or a member requester; use \
                 another name",
            ]
        );
        assert_eq!(
            bad("attributes: { a: {}, b: {}, c: {}, d: {}, e: {} }").len(),
            1
        );
    }

    #[test]
    fn values_fit_into_the_limit() {
        assert_eq!(
            bad("attributes: { a: { values: [x, none, y], label: true, limit: 1 } }"),
            [
                "1:28: attributes.a.values: \"none\" is reserved; use another name",
                "1:62: attributes.a.limit: is 1, but there are 3 values; use at least 3",
            ]
        );
        let policy = "sla: { policies: [{ name: p, match: { attributes: { a: [v] } }, targets: { resolution: 1h } }] }";
        assert_eq!(
            bad(&format!("attributes: {{ a: {{ limit: 254 }} }}\n{policy}")),
            [
                "1:27: attributes.a.limit: 254 is too many together with the 1 values of policies; \
                 there can be at most 254 values of an attribute with a label of their own: a value is \
                 numbered in one byte, and two numbers are taken: `none` and `__other__`",
            ]
        );
    }

    #[test]
    fn policies_match_configured_attributes() {
        let policy = |attributes: &str| {
            format!(
                "attributes: {{ tier: {{ values: [gold] }}, product: {{}} }}\n\
                 sla:\n policies:\n  - {{ name: p, targets: {{ resolution: 1h }}, match: {{ attributes: {{ {attributes} }} }} }}"
            )
        };
        let matches = good(&policy("tier: [gold, none], product: [any]"))
            .rules
            .policies[0]
            .matches
            .clone();
        assert_eq!(matches.attributes["tier"], ["gold", "none"]);
        assert!(warned(&policy("tier: [gold, none], product: [any]")).is_empty());
        assert_eq!(
            warned(&policy("tier: [glod]")),
            [
                "4:75: sla.policies[0].match.attributes.tier[0]: \"glod\" is not in \
              attributes.tier.values; add it there"
            ]
        );
        assert_eq!(
            bad(&policy("teir: [gold]")),
            [
                "4:74: sla.policies[0].match.attributes.teir: attributes has no teir; did you mean tier?"
            ]
        );
    }
}
