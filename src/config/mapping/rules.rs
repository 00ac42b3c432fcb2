//! Reads `common` and `rules`: the members of the events, from the preset and the user.

use std::collections::BTreeMap;
use std::iter;

use super::names::MappingNames;
use super::times;
use super::values::{read_condition, read_path, read_value};
use super::vocabulary;
use crate::config::keys::expected;
use crate::config::problem::ConfigErrors;
use crate::config::view::YamlView;
use crate::domain::mapping::{
    Condition, Member, RecordPath, Rule, TemplatePart, ValueSource, ValueTest,
};

/// The keys of a rule that are not members of the event.
const RULE_KEYS: [&str; 6] = ["when", "foreach", "once", "continue", "ignore", "snapshot"];
/// As the value of a preset's rule, removes the rule.
const OFF: &str = "off";

/// The values of the members and of the user's own attributes.
#[derive(Clone, Default)]
struct Members {
    members: [Option<ValueSource>; Member::ALL.len()],
    attributes: BTreeMap<String, ValueSource>,
}

pub(super) fn read(
    user: &YamlView<'_>,
    base: &YamlView<'_>,
    names: &MappingNames<'_>,
    errors: &mut ConfigErrors,
) -> Vec<Rule> {
    let mut common = Members::default();
    for view in [base.key("common"), user.key("common")] {
        read_members(&view, &[], &mut common, names, errors);
    }
    warn_about_attributes(user, names.attributes, errors);
    let base = base.key("rules").entries(errors);
    let rules = user.key("rules");
    let own = rules.entries(errors);
    let is_new = |name: &str| !base.iter().any(|(known, _)| *known == name);
    let mut read = Vec::new();
    for (name, view) in own.iter().filter(|(name, _)| is_new(name)) {
        if view.is_text(OFF) {
            let known: Vec<&str> = base.iter().map(|(name, _)| *name).collect();
            view.error(
                errors,
                format!("the preset has no such rule; {}", expected(name, &known)),
            );
        } else {
            read.push(read_rule(name, &[view], &common, names, errors));
        }
    }
    for (name, view) in &base {
        match own.iter().find(|(changed, _)| changed == name) {
            Some((_, change)) if change.is_text(OFF) => {}
            Some((_, change)) => {
                read.push(read_rule(name, &[view, change], &common, names, errors));
            }
            None => read.push(read_rule(name, &[view], &common, names, errors)),
        }
    }
    if read.is_empty() {
        rules.error(errors, "must contain at least one rule");
    }
    read
}

/// Merges the views of one rule. Later views override earlier ones.
fn read_rule(
    name: &str,
    views: &[&YamlView<'_>],
    common: &Members,
    names: &MappingNames<'_>,
    errors: &mut ConfigErrors,
) -> Rule {
    let mut stated = common.clone();
    let mut rule = Rule {
        name: name.to_owned(),
        when: Condition::ALWAYS,
        foreach: None,
        continues: false,
        ignores: false,
        snapshot: false,
        members: Default::default(),
        attributes: BTreeMap::new(),
    };
    let mut once = Vec::new();
    for view in views {
        let own = view.key("once");
        if view.key("event_id").is_written() || own.is_written() {
            once = read_once(view, &own, errors);
        }
        read_members(view, &RULE_KEYS, &mut stated, names, errors);
        let when = view.key("when");
        if when.is_set() {
            rule.when = read_condition(&when, names, errors);
        }
        let foreach = view.key("foreach");
        if foreach.is_set() {
            rule.foreach = read_path(&foreach, errors);
        }
        rule.continues = view
            .key("continue")
            .boolean(errors)
            .unwrap_or(rule.continues);
        rule.snapshot = view
            .key("snapshot")
            .boolean(errors)
            .unwrap_or(rule.snapshot);
        rule.ignores = view.key("ignore").boolean(errors).unwrap_or(rule.ignores);
    }
    stated
        .attributes
        .retain(|name, _| names.attributes.contains(name));
    (rule.members, rule.attributes) = (stated.members, stated.attributes);
    if !once.is_empty() {
        count_once(&mut rule, once);
    }
    if let (Some(view), false) = (views.last(), rule.ignores) {
        for member in Member::REQUIRED {
            if rule.member(member).is_none() {
                view.error(
                    errors,
                    format!("needs {}; add it here or to common", member.name()),
                );
            }
        }
    }
    rule
}

fn read_once(
    rule: &YamlView<'_>,
    view: &YamlView<'_>,
    errors: &mut ConfigErrors,
) -> Vec<RecordPath> {
    if view.is_set() && rule.key("event_id").is_set() {
        view.error(errors, "states the event_id too; remove one of both");
    }
    let paths = if view.is_list() {
        view.items(errors)
    } else {
        vec![view.clone()]
    };
    let paths = paths.iter().filter_map(|path| read_path(path, errors));
    paths.collect()
}

/// The values of the paths identify the event, and all of them must exist.
fn count_once(rule: &mut Rule, paths: Vec<RecordPath>) {
    let mut id = vec![TemplatePart::Text(rule.name.clone())];
    let mut all = vec![rule.when.clone()];
    for path in paths {
        all.push(Condition::Of(path.clone(), ValueTest::Exists(true)));
        id.push(TemplatePart::Text(" ".to_owned()));
        id.push(TemplatePart::Path(path));
    }
    rule.when = Condition::All(all);
    rule.members[Member::EventId as usize] = Some(ValueSource::Template(id));
}

fn read_members(
    view: &YamlView<'_>,
    others: &[&str],
    stated: &mut Members,
    names: &MappingNames<'_>,
    errors: &mut ConfigErrors,
) {
    for (key, value) in view.entries(errors) {
        match Member::from_name(key) {
            Some(Member::Attributes) => {
                read_attributes(&value, &mut stated.attributes, names, errors);
            }
            Some(member) => {
                stated.members[member as usize] = read_stated(member, &value, names, errors);
            }
            None if others.contains(&key) => {}
            None => {
                let known = Member::ALL.map(Member::name);
                let known: Vec<&str> = others.iter().copied().chain(known).collect();
                value.error(errors, format!("unknown key; {}", expected(key, &known)));
            }
        }
    }
}

/// Adds to the attributes of the preset or of `common`. An attribute without a value is removed, and
/// without any attribute all are.
fn read_attributes(
    view: &YamlView<'_>,
    attributes: &mut BTreeMap<String, ValueSource>,
    names: &MappingNames<'_>,
    errors: &mut ConfigErrors,
) {
    if !view.is_set() {
        attributes.clear();
    }
    for (name, value) in view.entries(errors) {
        match read_stated(Member::Attributes, &value, names, errors) {
            Some(read) => drop(attributes.insert(name.to_owned(), read)),
            None => drop(attributes.remove(name)),
        }
    }
}

/// `None` if nothing is written, or after an error.
fn read_stated(
    member: Member,
    view: &YamlView<'_>,
    names: &MappingNames<'_>,
    errors: &mut ConfigErrors,
) -> Option<ValueSource> {
    if !view.is_set() {
        return None;
    }
    let read = read_value(view, names, errors)?;
    vocabulary::check(member, &read, view, errors);
    times::check(member, view, names.zone, errors);
    Some(read)
}

/// Warns about attributes that the user's mapping states but the configuration does not have. Those of a
/// preset are only an offer.
fn warn_about_attributes(user: &YamlView<'_>, known: &[String], errors: &mut ConfigErrors) {
    let quiet = &mut ConfigErrors::default();
    let rules = user.key("rules").entries(quiet).into_iter();
    let rules = rules.map(|(_, rule)| rule);
    for view in iter::once(user.key("common")).chain(rules) {
        for (name, value) in view.key("attributes").entries(quiet) {
            if value.is_set() && !known.iter().any(|known| known == name) {
                value.warning(errors, format!("is not used: add {name} to attributes"));
            }
        }
    }
}
