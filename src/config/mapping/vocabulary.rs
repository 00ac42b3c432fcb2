//! Whether constants and maps speak our words, for the members that take no others.

use crate::config::keys::nearest;
use crate::config::problem::Errors;
use crate::config::view::View;
use crate::domain::event::{Actor, EventType, Status};
use crate::domain::mapping::{Member, ValueSource};

/// The words of a member; `None`: it takes any.
fn words(member: Member) -> Option<Vec<&'static str>> {
    match member {
        Member::Type => Some(EventType::NAMES.to_vec()),
        Member::Status => Some(Status::ALL.map(Status::name).to_vec()),
        Member::Actor => Some(Actor::ALL.map(Actor::name).to_vec()),
        Member::Public => Some(vec!["true", "false"]),
        _ => None,
    }
}

/// Notes every constant and every word of a map that the member does not have.
pub(super) fn check(member: Member, value: &ValueSource, view: &View<'_>, errors: &mut Errors) {
    let Some(known) = words(member) else {
        return;
    };
    let mut said = Vec::new();
    collect(value, &mut said);
    said.sort_unstable();
    said.dedup();
    for word in said {
        if !known.contains(&word) {
            let hint = match nearest(word, &known) {
                Some(meant) => format!("did you mean {meant}?"),
                None => format!("there are {}", known.join(", ")),
            };
            view.error(
                errors,
                format!("no {} is called \"{word}\"; {hint}", member.name()),
            );
        }
    }
}

fn collect<'a>(value: &'a ValueSource, said: &mut Vec<&'a str>) {
    match value {
        ValueSource::Constant(word) => said.push(word),
        ValueSource::First(values) => values.iter().for_each(|value| collect(value, said)),
        ValueSource::Refined(refined) => match (&refined.map, refined.table) {
            (Some(map), _) => said.extend(map.ours()),
            (None, Some(_)) => {}
            (None, None) => collect(&refined.value, said),
        },
        ValueSource::Path(_) | ValueSource::Template(_) => {}
    }
}
