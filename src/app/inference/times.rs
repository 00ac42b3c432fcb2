//! Columns that hold times, and how the times are written.

use std::collections::BTreeMap;

use chrono_tz::Tz;

use super::column::{CellKind, SampleColumn, Times};
use super::names::has_any;
use crate::decode::read_time;
use crate::domain::mapping::TimeFormat;
use crate::domain::timestamp::Timestamp;

/// 1990 and 2100. A number that is no time between these is no time.
const EARLIEST: Timestamp = Timestamp(631_152_000_000);
const LATEST: Timestamp = Timestamp(4_102_444_800_000);

/// Formats that a mapping has to name.
const FORMATS: [&str; 11] = [
    "%d.%m.%Y %H:%M:%S",
    "%d.%m.%Y %H:%M",
    "%Y/%m/%d %H:%M:%S",
    "%Y/%m/%d %H:%M",
    "%Y-%m-%d %H:%M",
    "%d/%m/%Y %H:%M:%S",
    "%d/%m/%Y %H:%M",
    "%m/%d/%Y %H:%M:%S",
    "%m/%d/%Y %H:%M",
    "%m/%d/%Y %I:%M:%S %p",
    "%m/%d/%Y %I:%M %p",
];

/// Words in the names of times. A number is a time only where its name says so.
const NAMES: &str = "at time timestamp date datetime ts ms on created creation updated modified \
     changed occurred opened closed resolved solved geändert erstellt zeit";

/// `None`: the values are no times, or the order of day and month is unclear.
pub(super) fn read(column: &SampleColumn) -> Option<Times> {
    if column.cells.is_empty() || !column.has_only(&[CellKind::Text, CellKind::Number]) {
        return None;
    }
    let is_number = |text: &str| text.parse::<f64>().is_ok();
    let has_numbers = column.texts().any(is_number);
    if has_numbers && !has_any(&column.name, NAMES) {
        return None;
    }
    if let Some(times) = read_as(column, None, None) {
        return Some(times);
    }
    if has_numbers {
        return None;
    }
    if let Some(times) = read_as(column, None, Some(Tz::UTC)) {
        return Some(times);
    }
    let mut fitting = FORMATS
        .iter()
        .filter_map(|format| read_as(column, Some(format), Some(Tz::UTC)));
    let first = fitting.next()?;
    fitting.next().is_none().then_some(first)
}

fn read_as(column: &SampleColumn, format: Option<&'static str>, zone: Option<Tz>) -> Option<Times> {
    let pattern = format.map(|format| TimeFormat::Pattern(format.to_owned()));
    let instant = |text: &str| {
        let time = read_time(text, pattern.as_ref(), zone)?;
        (EARLIEST..=LATEST).contains(&time).then_some(time)
    };
    let cells = column.cells.iter();
    let instants: Option<BTreeMap<usize, Timestamp>> = cells
        .map(|(row, cell)| Some((*row, instant(&cell.text)?)))
        .collect();
    Some(Times {
        instants: instants?,
        format,
        needs_zone: zone.is_some(),
    })
}
