//! Checks constants and value maps of members that only have certain values.

use crate::config::keys::expected;
use crate::config::problem::ConfigErrors;
use crate::config::view::YamlView;
use crate::domain::event::{Actor, EventType, Status};
use crate::domain::mapping::{Member, ValueSource};

/// The valid values of a member. `None` means any.
fn words(member: Member) -> Option<Vec<&'static str>> {
    match member {
        Member::Type => Some(EventType::NAMES.to_vec()),
        Member::Status => Some(Status::ALL.map(Status::name).to_vec()),
        Member::Actor => Some(Actor::ALL.map(Actor::name).to_vec()),
        Member::Public => Some(vec!["true", "false"]),
        _ => None,
    }
}

/// Reports every constant and every word of a value map that is not valid for the member.
pub(super) fn check(
    member: Member,
    value: &ValueSource,
    view: &YamlView<'_>,
    errors: &mut ConfigErrors,
) {
    let Some(known) = words(member) else {
        return;
    };
    let mut used = Vec::new();
    collect(value, &mut used);
    used.sort_unstable();
    used.dedup();
    for word in used {
        if !known.contains(&word) {
            let hint = expected(word, &known);
            view.error(
                errors,
                format!("unknown {} \"{word}\"; {hint}", member.name()),
            );
        }
    }
}

fn collect<'a>(value: &'a ValueSource, used: &mut Vec<&'a str>) {
    match value {
        ValueSource::Constant(word) => used.push(word),
        ValueSource::First(values) => values.iter().for_each(|value| collect(value, used)),
        ValueSource::Refined(refined) => match (&refined.map, refined.table) {
            (Some(map), _) => used.extend(map.ours()),
            (None, Some(_)) => {}
            (None, None) => collect(&refined.value, used),
        },
        ValueSource::Path(_) | ValueSource::Template(_) => {}
    }
}
