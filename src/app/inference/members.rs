//! The members that every event has: the ticket, its times and what is known of it.

use std::collections::{BTreeMap, BTreeSet};

use super::column::{CellKind, SampleColumn, is_choice};
use super::draft::Draft;
use super::evidence::{Evidence, is_creation};
use super::names::{has_any, is_in, words};
use super::vocabulary;
use crate::domain::event::Status;
use crate::domain::yaml;

const STATUS: &str = "status state stage zustand estado";
const TEAM: &str = "team group queue department dept gruppe abteilung";
const AGENT: &str = "assignee assigned owner agent technician bearbeiter";
/// Words for the person who has the ticket.
const ASSIGNEE: &str = "assignee bearbeiter to";
const PRIORITY: &str = "priority prio urgency severity priorität";
const CHANNEL: &str = "channel via source origin kanal";

/// Candidates that a question names.
const MOST_CANDIDATES: usize = 4;
/// Words that a question shows.
const MOST_WORDS: usize = 12;
const MOST_TEAMS: usize = 50;
const MOST_PRIORITIES: usize = 10;

/// The times that rules need, too.
pub(super) struct EventTimes<'t> {
    pub(super) at: Option<&'t SampleColumn>,
    pub(super) created_at: Option<&'t SampleColumn>,
}

pub(super) fn add<'t>(evidence: &Evidence<'t>, draft: &mut Draft) -> EventTimes<'t> {
    let (records, tickets) = (evidence.table.rows, evidence.tickets.len());
    let rows = evidence.id.cells.len();
    let reason = format!("{tickets} tickets in {rows} of {records} records");
    draft.add("ticket_id", &path(evidence.id), &reason);
    if rows < records {
        draft.ask(&format!(
            "ticket_id: {} records have no {}. Are they about tickets?",
            records - rows,
            evidence.id.path
        ));
    }
    let times = add_times(evidence, draft);
    add_event_id(evidence, draft);
    add_status(evidence, draft);
    add_labels(evidence, draft);
    times
}

pub(super) fn path(column: &SampleColumn) -> String {
    yaml::scalar(&column.path)
}

fn add_times<'t>(evidence: &Evidence<'t>, draft: &mut Draft) -> EventTimes<'t> {
    let at = evidence.event_time();
    let created_at = evidence.creation(at);
    if let Some(at) = at {
        draft.add("at", &path(at), "goes up from record to record");
    } else {
        draft.add("at", "$timestamp", "when the record was written");
        draft.ask(&format!(
            "at: which member is the time of the event? {} None of them goes up from record to record \
             and is the latest time of its record.",
            candidates(evidence, |column| column.times.is_some())
        ));
    }
    if let Some(created_at) = created_at {
        let reason = "the same in all records of a ticket";
        draft.add("created_at", &path(created_at), reason);
    } else {
        draft.ask(&format!(
            "created_at: when was the ticket created? {} Without it, a ticket whose creation was not read \
             has no start.",
            candidates(evidence, is_creation)
        ));
    }
    let mut times = [at, created_at].into_iter().flatten();
    let needs_zone = times.any(|one| one.times.as_ref().is_some_and(|times| times.needs_zone));
    if needs_zone && evidence.is_database() {
        draft.zone = Some("the commit times of new rows show it");
    } else if needs_zone {
        draft.zone = Some("a guess: see the questions");
        draft.ask("zone: the times are written without a zone. Which zone is it?");
    }
    EventTimes { at, created_at }
}

fn add_event_id(evidence: &Evidence<'_>, draft: &mut Draft) {
    let is_event_id = |column: &&SampleColumn| {
        let name: Vec<&str> = column.name.iter().map(String::as_str).collect();
        let is_named = matches!(
            name.as_slice(),
            [
                "event" | "delivery" | "webhook" | "notification",
                "id" | "uuid"
            ]
        );
        (is_named && column.object.is_empty() || column.path == "$cloudevent.id")
            && column.is_id_like()
            && column.cells.len() == evidence.table.rows
            && column.distinct().len() == column.cells.len()
    };
    if let Some(id) = evidence.table.columns.iter().find(is_event_id) {
        draft.add("event_id", &path(id), "different in each record");
    }
}

fn add_status(evidence: &Evidence<'_>, draft: &mut Draft) {
    let column = evidence.member(|column| {
        let is_known = |text: &&str| vocabulary::status(text).is_some();
        is_about(column, STATUS)
            && column.has_only(&[CellKind::Text])
            && column.texts().filter(is_known).count() * 2 >= column.cells.len()
    });
    let Some(column) = column else {
        draft.ask(&format!(
            "status: which member is it, and which of its words means new, open, pending, on_hold, solved, \
             closed? {} Write status: {{ value: PATH, map: status }} under common, and the words under \
             values.status.",
            mentioning(evidence, STATUS)
        ));
        return;
    };
    let mut words: BTreeMap<Option<Status>, Vec<&str>> = BTreeMap::new();
    for word in column.distinct() {
        words
            .entry(vocabulary::status(word))
            .or_default()
            .push(word);
    }
    let unknown = words.remove(&None);
    let known = words.into_iter();
    draft.add_words(
        "status",
        known.filter_map(|(status, words)| Some((status?.name(), words))),
    );
    let value = format!("{{ value: {}, map: status }}", path(column));
    draft.add("status", &value, "");
    if let Some(unknown) = unknown {
        draft.ask(&format!(
            "status: what does this mean? {} Until it is under values.status, it changes no status.",
            shown(unknown)
        ));
    }
}

fn add_labels(evidence: &Evidence<'_>, draft: &mut Draft) {
    type Fits<'f> = &'f dyn Fn(&SampleColumn) -> bool;
    let is_priority: Fits<'_> = &|column| {
        column.is_enumeration()
            && column.distinct().len() <= MOST_PRIORITIES
            && !evidence.names_people(column)
    };
    let is_team: Fits<'_> = &|column| {
        column.is_name_or_id()
            && column.distinct().len() <= MOST_TEAMS
            && evidence.is_shared(column)
            && !evidence.names_people(column)
    };
    // An owner may be the customer, but not of a ticket that had none before.
    let is_agent: Fits<'_> = &|column| {
        column.is_name_or_id()
            && (has_any(column.subject().0, ASSIGNEE) || evidence.is_sometimes_unassigned(column))
    };
    let is_channel: Fits<'_> = &|column| column.texts().all(vocabulary::is_channel);
    for (member, names, fits, consequence) in [
        ("priority", PRIORITY, is_priority, ""),
        (
            "team",
            TEAM,
            is_team,
            " It becomes a label, so it must never be the name of a person. Without it, all tickets are \
             of the team \"none\".",
        ),
        (
            "agent",
            AGENT,
            is_agent,
            " It tells who works on the ticket. Without it, unassigned tickets are not known.",
        ),
        ("channel", CHANNEL, is_channel, ""),
    ] {
        match evidence.member(|column| is_about(column, names) && fits(column)) {
            Some(column) => {
                let value = match member {
                    "team" | "agent" => path_or_unassigned(column),
                    _ => path(column),
                };
                draft.add(member, &value, "");
                if member == "team" && column.has_only(&[CellKind::Number]) {
                    draft.ask(
                        "team: these are ids. Which names do they have? A file under tables has room \
                         for them.",
                    );
                }
            }
            None => draft.ask(&format!(
                "{member}: which member is it? {}{consequence}",
                mentioning(evidence, names)
            )),
        }
    }
}

/// The path, and the words there that mean that none is assigned.
fn path_or_unassigned(column: &SampleColumn) -> String {
    let mut words = column.distinct();
    words.retain(|text| vocabulary::is_unassigned(text));
    let path = path(column);
    if words.is_empty() {
        path
    } else {
        format!("{{ value: {path}, none: {} }}", yaml::list(words))
    }
}

/// Names such as `status`, `ticket_status`, `agent_group`, `queue_id`, `team_name` and `assigned_to`.
fn is_about(column: &SampleColumn, list: &str) -> bool {
    match column.subject().0 {
        [word] => is_in(list, word),
        [first, last] => {
            is_in(list, last) && is_in("ticket agent issue case", first)
                || is_in(list, first) && is_in("id name", last)
                || is_in(list, first) && first == "assigned" && last == "to"
        }
        _ => false,
    }
}

/// The candidates whose names have one of these words.
pub(super) fn mentioning(evidence: &Evidence<'_>, list: &str) -> String {
    let is_in_list = |word: &String| is_in(list, word) || is_in(list, word.trim_end_matches('s'));
    let lists = evidence.table.lists.iter().map(String::as_str);
    let lists = lists.filter(|path| words(path).last().is_some_and(is_in_list));
    let columns = evidence.table.columns.iter().filter(|column| {
        let mut names = column.name.iter().chain(&column.parent);
        names.any(is_in_list)
    });
    named(lists.chain(columns.map(|column| column.path.as_str())))
}

pub(super) fn candidates(evidence: &Evidence<'_>, fits: impl Fn(&SampleColumn) -> bool) -> String {
    let columns = evidence.table.columns.iter().filter(|column| fits(column));
    named(columns.map(|column| column.path.as_str()))
}

fn named<'p>(paths: impl Iterator<Item = &'p str>) -> String {
    let paths: Vec<&str> = paths.take(MOST_CANDIDATES).collect();
    if paths.is_empty() {
        "No member looks like it.".to_owned()
    } else {
        format!("Candidates: {}.", paths.join(", "))
    }
}

/// Words as a sentence. A text that could be content is counted only.
pub(super) fn shown<'w>(words: impl IntoIterator<Item = &'w str>) -> String {
    let words: BTreeSet<&str> = words.into_iter().collect();
    let fit = words.iter().copied().filter(|word| is_choice(word));
    let mut parts: Vec<String> = fit.take(MOST_WORDS).map(str::to_owned).collect();
    if parts.len() < words.len() {
        parts.push(format!("{} more", words.len() - parts.len()));
    }
    format!("{}.", parts.join(", "))
}
