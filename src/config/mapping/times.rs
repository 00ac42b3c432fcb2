//! Checks that `format` and `zone` of a value can apply.

use chrono_tz::Tz;

use crate::config::problem::ConfigErrors;
use crate::config::view::YamlView;
use crate::domain::mapping::Member;

/// Parts of a pattern that read an offset.
const OFFSETS: [&str; 6] = ["%z", "%:z", "%::z", "%:::z", "%#z", "%+"];

/// `zone` is that of the mapping.
pub(super) fn check(
    member: Member,
    view: &YamlView<'_>,
    zone: Option<Tz>,
    errors: &mut ConfigErrors,
) {
    if view.is_list() {
        for item in view.items(errors) {
            check(member, &item, zone, errors);
        }
        return;
    }
    if !view.is_map() {
        return;
    }
    check(member, &view.key("value"), zone, errors);
    check(member, &view.key("minus"), zone, errors);
    let (format, own) = (view.key("format"), view.key("zone"));
    let is_time = matches!(member, Member::At | Member::CreatedAt | Member::EventId);
    let is_duration = format.is_text("duration");
    if format.is_set() && !is_time && !is_duration {
        format.error(errors, unsuitable("format", member));
    }
    if is_duration && member != Member::HandleSeconds {
        format.error(errors, "duration is for handle_seconds only");
    }
    if view.key("plus").is_set() && !is_time {
        view.key("plus").error(errors, unsuitable("plus", member));
    }
    if own.is_set() && !is_time {
        own.error(errors, unsuitable("zone", member));
    }
    if own.is_set() && view.key("value").is_text("$timestamp") {
        own.error(errors, "has no effect: $timestamp is in UTC; remove it");
    }
    // The reader of the value has reported a format of another type.
    let Some(pattern) = format.raw(&mut ConfigErrors::default()) else {
        return;
    };
    let has_offset = OFFSETS.iter().any(|offset| pattern.contains(offset));
    if has_offset && own.is_set() {
        own.error(
            errors,
            "has no effect: the format reads an offset; remove one of both",
        );
    }
    if is_time && pattern.contains('%') && !has_offset && !own.is_set() && zone.is_none() {
        format.error(
            errors,
            "needs a zone, because it reads no offset; add zone: UTC, or an IANA name",
        );
    }
}

fn unsuitable(key: &str, member: Member) -> String {
    let name = member.name();
    format!("has no effect: {name} is no time; remove {key}")
}
