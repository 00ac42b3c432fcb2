//! Reads the business calendars.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use chrono::NaiveDate;
use chrono_tz::{TZ_VARIANTS, Tz};

use super::keys::{did_you_mean, expected};
use super::problem::ConfigErrors;
use super::source::ReadFile;
use super::view::YamlView;
use crate::domain::calendar::{Calendar, CalendarId, CalendarSpec, OpenHours, ics};
use crate::engine::limits;

/// The built-in calendar, which is always open.
pub(super) const ALWAYS_OPEN: &str = "24x7";
const WEEKDAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
/// Names in the time zone database that are fixed offsets, like `Etc/GMT+7`. For example, `GMT` is not
/// the time in London in summer.
const FIXED: [&str; 7] = ["EST", "MST", "HST", "GMT", "GMT0", "GMT+0", "GMT-0"];

/// The calendars of a configuration.
#[derive(Debug, Default)]
pub(super) struct Calendars {
    /// Indexed by [`CalendarId`].
    pub(super) compiled: Vec<Calendar>,
    pub(super) names: Vec<String>,
}

impl Calendars {
    /// Reads `calendars`. Paths of files are relative to `directory`.
    pub(super) fn read(
        view: &YamlView<'_>,
        directory: &Path,
        read: &mut ReadFile<'_>,
        errors: &mut ConfigErrors,
    ) -> Self {
        let mut calendars = Self::default();
        let entries = view.entries(errors);
        if !limits::CALENDARS.allows(entries.len()) {
            view.error(errors, limits::CALENDARS.exceeded());
            return calendars;
        }
        for (name, view) in entries {
            if name == ALWAYS_OPEN {
                view.error(
                    errors,
                    "this name belongs to the built-in calendar that is always open; use another name",
                );
                continue;
            }
            // An invalid calendar keeps its name, so that references to it are no further errors.
            calendars.names.push(name.to_owned());
            let before = errors.errors.len();
            let Some(spec) = read_spec(&view, directory, read, errors) else {
                continue;
            };
            if errors.errors.len() == before {
                match Calendar::compile(&spec) {
                    Ok(calendar) => calendars.compiled.push(calendar),
                    Err(error) => view.error(errors, format!("would never be open: {error}")),
                }
            }
        }
        calendars
    }

    /// Finds a calendar by its name. `Some(None)` is the calendar that is always open.
    pub(super) fn find(
        &self,
        view: &YamlView<'_>,
        errors: &mut ConfigErrors,
    ) -> Option<Option<CalendarId>> {
        let name = view.text(errors)?;
        if name == ALWAYS_OPEN {
            return Some(None);
        }
        if let Some(position) = self.names.iter().position(|other| *other == name) {
            return Some(CalendarId::at(position));
        }
        let names = self.names.iter().map(String::as_str);
        let known: Vec<&str> = names.chain([ALWAYS_OPEN]).collect();
        let hint = expected(&name, &known);
        view.error(errors, format!("no calendar \"{name}\"; {hint}"));
        None
    }
}

fn read_spec(
    view: &YamlView<'_>,
    directory: &Path,
    read: &mut ReadFile<'_>,
    errors: &mut ConfigErrors,
) -> Option<CalendarSpec> {
    view.entries(errors);
    let zone = view.key("timezone");
    if !zone.is_set() {
        zone.error(
            errors,
            "is missing; write an IANA time zone such as Asia/Jakarta",
        );
    }
    let timezone = read_zone(&zone, errors);
    let mut weekly: [Vec<OpenHours>; 7] = Default::default();
    for (weekday, view) in view.key("weekly").entries(errors) {
        match WEEKDAYS.iter().position(|known| *known == weekday) {
            Some(position) => weekly[position] = read_hours(&view, errors),
            None => view.error(
                errors,
                "is not a weekday; use mon, tue, wed, thu, fri, sat or sun",
            ),
        }
    }
    let mut holidays = BTreeSet::new();
    for item in view.key("holidays").items(errors) {
        let date = item.text(errors);
        holidays.extend(date.and_then(|date| read_date(&item, &date, errors)));
    }
    let mut special = BTreeMap::new();
    for (date, view) in view.key("special").entries(errors) {
        let hours = read_hours(&view, errors);
        if let Some(date) = read_date(&view, date, errors) {
            special.insert(date, hours);
        }
    }
    let timezone = timezone?;
    for item in view.key("ics").items(errors) {
        if let Some(file) = item.text(errors) {
            holidays.extend(read_ics(
                &item,
                &directory.join(file),
                timezone,
                read,
                errors,
            ));
        }
    }
    Some(CalendarSpec {
        timezone,
        weekly,
        holidays,
        special,
    })
}

fn read_hours(view: &YamlView<'_>, errors: &mut ConfigErrors) -> Vec<OpenHours> {
    let mut hours = Vec::new();
    for item in view.items(errors) {
        if let Some(text) = item.text(errors) {
            match OpenHours::parse(&text) {
                Some(open) => {
                    check_hours(&item, open, &hours, errors);
                    hours.push(open);
                }
                None => item.error(
                    errors,
                    format!("must be hours like 08:00-17:00 or 22:00-24:00, not \"{text}\""),
                ),
            }
        }
    }
    hours
}

/// Warns about hours that are probably a mistake.
fn check_hours(
    view: &YamlView<'_>,
    open: OpenHours,
    others: &[OpenHours],
    errors: &mut ConfigErrors,
) {
    if open.ends_at_last_minute() {
        let message = "ends a minute before midnight; write 24:00 for the end of the day";
        view.warning(errors, message);
    }
    if open.is_whole_day() && open != OpenHours::ALL_DAY {
        let message =
            format!("\"{open}\" lasts 24 hours, into the next day; remove the day if it is closed");
        view.warning(errors, message);
    }
    if let Some(other) = others.iter().find(|other| other.overlaps(open)) {
        view.warning(errors, format!("overlaps with \"{other}\""));
    }
}

fn read_date(view: &YamlView<'_>, text: &str, errors: &mut ConfigErrors) -> Option<NaiveDate> {
    let date = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok();
    // A date has only one spelling, so that duplicates are found.
    let date = date.filter(|date| date.to_string() == text);
    if date.is_none() {
        view.error(
            errors,
            format!("must be a date like 2026-12-24, not \"{text}\""),
        );
    }
    date
}

fn read_ics(
    view: &YamlView<'_>,
    path: &Path,
    timezone: Tz,
    read: &mut ReadFile<'_>,
    errors: &mut ConfigErrors,
) -> BTreeSet<NaiveDate> {
    let name = path.display();
    let text = match read(path) {
        Ok(text) => text,
        Err(error) => {
            view.error(errors, format!("cannot read {name}: {error}"));
            return BTreeSet::new();
        }
    };
    match ics::read(&text, timezone) {
        Ok(holidays) => {
            for note in holidays.skipped {
                view.warning(errors, format!("{name}: {note}"));
            }
            holidays.dates
        }
        Err(error) => {
            view.error(errors, format!("{name}: {error}"));
            BTreeSet::new()
        }
    }
}

/// Reads the name of a time zone. Refuses fixed offsets.
pub(super) fn read_zone(view: &YamlView<'_>, errors: &mut ConfigErrors) -> Option<Tz> {
    let name = view.text(errors)?;
    parse_zone(&name)
        .map_err(|error| view.error(errors, error.to_string()))
        .ok()
}

/// Why a text is not the name of a time zone.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
enum ZoneError {
    #[error(
        "\"{0}\" is a fixed offset, which ignores daylight saving time; use a zone such as \
         Asia/Jakarta, or UTC"
    )]
    FixedOffset(String),
    #[error("no IANA time zone \"{name}\"{hint}")]
    Unknown { name: String, hint: String },
}

fn parse_zone(name: &str) -> Result<Tz, ZoneError> {
    let upper = name.to_ascii_uppercase();
    let is_offset = upper
        .trim_start_matches("ETC/")
        .trim_start_matches("UTC")
        .trim_start_matches("GMT")
        .starts_with(['+', '-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9']);
    if is_offset || FIXED.contains(&upper.as_str()) || upper == "ETC/GMT" {
        return Err(ZoneError::FixedOffset(name.to_owned()));
    }
    name.parse().map_err(|_| {
        let names: Vec<&str> = TZ_VARIANTS.iter().map(|zone| zone.name()).collect();
        ZoneError::Unknown {
            name: name.to_owned(),
            hint: did_you_mean(name, &names),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zones_have_names_of_places() {
        for name in [
            "Asia/Jakarta",
            "UTC",
            "Etc/UTC",
            "America/Argentina/Ushuaia",
        ] {
            assert!(parse_zone(name).is_ok(), "{name}");
        }
        for name in [
            "+07:00",
            "UTC+7",
            "utc-3",
            "Etc/GMT+7",
            "GMT",
            "EST",
            "07:00",
            "Etc/GMT0",
        ] {
            assert!(
                matches!(parse_zone(name), Err(ZoneError::FixedOffset(_))),
                "{name}"
            );
        }
        assert_eq!(
            parse_zone("Asia/Jakrata").unwrap_err().to_string(),
            "no IANA time zone \"Asia/Jakrata\"; did you mean Asia/Jakarta?"
        );
    }

    #[test]
    fn warnings_about_doubtful_hours() {
        let yaml = "calendars:\n  a:\n    timezone: UTC\n    weekly:\n      \
                    mon: [\"00:00-23:59\"]\n      tue: [\"08:00-08:00\"]\n      \
                    wed: [\"08:00-12:00\", \"11:00-13:00\", \"13:00-24:00\"]\n      \
                    thu: [\"00:00-24:00\"]\n      fri: [\"22:00-06:00\", \"23:59-24:00\"]\n    \
                    special: {2026-01-01: [\"08:00-23:59\"]}\nteams: {default_calendar: a}\n";
        let minute = "ends a minute before midnight; write 24:00 for the end of the day";
        assert_eq!(
            crate::config::tests::warned(yaml),
            [
                format!("5:13: calendars.a.weekly.mon[0]: {minute}"),
                "6:13: calendars.a.weekly.tue[0]: \"08:00-08:00\" lasts 24 hours, into the next day; \
                 remove the day if it is closed"
                    .to_owned(),
                "7:28: calendars.a.weekly.wed[1]: overlaps with \"08:00-12:00\"".to_owned(),
                "9:28: calendars.a.weekly.fri[1]: overlaps with \"22:00-06:00\"".to_owned(),
                format!("10:28: calendars.a.special.2026-01-01[0]: {minute}"),
            ]
        );
    }
}
