//! The members that every event has: the ticket, its times and what is known of it.

use std::collections::{BTreeMap, BTreeSet};

use super::column::{CellKind, SampleColumn, is_choice, share};
use super::draft::{Draft, paths, paths_or};
use super::evidence::Evidence;
use super::names::{is_in, words};
use super::ticket_ids::is_creation;
use super::vocabulary;
use crate::domain::yaml;

const STATUS: &str = "status state stage zustand estado";
const TEAM: &str = "team group queue department dept gruppe abteilung";
const AGENT: &str = "assignee assigned assign owner agent technician bearbeiter";
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
    pub(super) at: Vec<&'t SampleColumn>,
    pub(super) created_at: Vec<&'t SampleColumn>,
}

pub(super) fn add<'t>(evidence: &Evidence<'t>, draft: &mut Draft) -> EventTimes<'t> {
    let records = evidence.table.rows;
    let rows = evidence.rows();
    let reason = format!(
        "{} tickets in {} of {records} records",
        evidence.tickets.len(),
        rows.len()
    );
    draft.add("ticket_id", paths(&evidence.ids), reason);
    let times = add_times(evidence, &rows, draft);
    add_event_id(evidence, draft);
    add_status(evidence, draft);
    add_priority(evidence, draft);
    add_team(evidence, draft);
    add_agent(evidence, draft);
    let channel = evidence
        .member(|column| is_about(column, CHANNEL) && column.texts().all(vocabulary::is_channel));
    if !channel.is_empty() {
        draft.add("channel", paths(&channel), "");
    }
    times
}

fn add_times<'t>(
    evidence: &Evidence<'t>,
    rows: &BTreeSet<usize>,
    draft: &mut Draft,
) -> EventTimes<'t> {
    let at = evidence.event_times();
    let created_at = evidence.creation(&at);
    let needs_zone = at
        .iter()
        .chain(&created_at)
        .any(|column| column.times.as_ref().is_some_and(|times| times.needs_zone));
    let is_covered = rows
        .iter()
        .all(|row| at.iter().any(|column| column.cells.contains_key(row)));
    if at.is_empty() {
        draft.add("at", "$timestamp".to_owned(), "when the record was written");
        draft.ask(format!(
            "at: which member is the time of the event? {} None of them goes up from record to record \
             and is the latest time of its record.",
            candidates(evidence, |column| column.times.is_some())
        ));
    } else {
        // A timestamp has a zone, which the members may not have.
        let default = (!is_covered && !needs_zone).then_some("$timestamp");
        draft.add(
            "at",
            paths_or(&at, default),
            "goes up from record to record",
        );
    }
    if created_at.is_empty() {
        draft.ask(format!(
            "created_at: when was the ticket created? {} Without it, a ticket whose creation was not read \
             has no start.",
            candidates(evidence, is_creation)
        ));
    } else {
        draft.add(
            "created_at",
            paths(&created_at),
            "the same in all records of a ticket",
        );
    }
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
        (is_named && column.around[0].is_empty() || column.path == "$cloudevent.id")
            && column.is_id_like()
            && column.cells.len() == evidence.table.rows
            && column.distinct().len() == column.cells.len()
    };
    if let Some(id) = evidence.table.columns.iter().find(is_event_id) {
        draft.add(
            "event_id",
            yaml::scalar(&id.path),
            "different in each record",
        );
    }
}

fn add_status(evidence: &Evidence<'_>, draft: &mut Draft) {
    let known = |column: &SampleColumn| {
        let known = column
            .texts()
            .filter(|text| vocabulary::status(text).is_some());
        share(known.count(), column.cells.len())
    };
    let columns = evidence.member(|column| {
        is_about(column, STATUS) && column.has_only(&[CellKind::Text]) && known(column) >= 0.5
    });
    if columns.is_empty() {
        draft.ask(format!(
            "status: which member is it, and which of its words means new, open, pending, on_hold, solved, \
             closed? {} Write status: {{ value: PATH, map: status }} under common, and the words under \
             values.status.",
            mentioning(evidence, STATUS)
        ));
        return;
    }
    let mut words: BTreeMap<_, Vec<String>> = BTreeMap::new();
    let mut unknown = Vec::new();
    let texts: BTreeSet<&str> = columns
        .iter()
        .flat_map(|column| column.distinct())
        .collect();
    for word in texts {
        match vocabulary::status(word) {
            Some(status) => words.entry(status).or_default().push(word.to_owned()),
            None => unknown.push(word),
        }
    }
    let words = words
        .into_iter()
        .map(|(status, words)| (status.name().to_owned(), words))
        .collect();
    draft.words.push(("status", words));
    draft.add(
        "status",
        format!("{{ value: {}, map: status }}", paths(&columns)),
        "",
    );
    if !unknown.is_empty() {
        draft.ask(format!(
            "status: what does this mean? {} Until it is under values.status, it changes no status.",
            shown(unknown)
        ));
    }
}

fn add_priority(evidence: &Evidence<'_>, draft: &mut Draft) {
    let columns = evidence.member(|column| {
        is_about(column, PRIORITY)
            && column.is_enumeration()
            && column.distinct().len() <= MOST_PRIORITIES
            && !evidence.names_people(column)
    });
    if columns.is_empty() {
        let named = mentioning(evidence, PRIORITY);
        draft.ask(format!("priority: which member is it? {named}"));
    } else {
        draft.add("priority", paths(&columns), "");
    }
}

fn add_team(evidence: &Evidence<'_>, draft: &mut Draft) {
    let columns = evidence.member(|column| {
        is_about(column, TEAM)
            && column.times.is_none()
            && column.has_only(&[CellKind::Text, CellKind::Number])
            && column.distinct().len() <= MOST_TEAMS
            && evidence.is_shared(column)
            && !evidence.names_people(column)
    });
    if columns.is_empty() {
        draft.ask(format!(
            "team: which member is it? {} It becomes a label, so it must never be the name of a person. \
             Without it, all tickets are of the team \"none\".",
            mentioning(evidence, TEAM)
        ));
        return;
    }
    if columns
        .iter()
        .any(|column| column.has_only(&[CellKind::Number]))
    {
        draft.ask(
            "team: these are ids. Which names do they have? A file under tables has room for them.",
        );
    }
    draft.add("team", paths_or_unassigned(&columns), "");
}

fn add_agent(evidence: &Evidence<'_>, draft: &mut Draft) {
    let columns = evidence.member(|column| {
        let subject: Vec<&str> = column.subject().0.iter().map(String::as_str).collect();
        let is_assignee = matches!(
            subject.as_slice(),
            ["assignee" | "bearbeiter"] | ["assignee", "id"] | ["assigned", "to"]
        );
        // An owner may be the customer, but not of a ticket that had none before.
        let is_owner = matches!(subject.as_slice(), [owner] | [owner, "id"] if is_in(AGENT, owner));
        column.has_only(&[CellKind::Text, CellKind::Number])
            && column.times.is_none()
            && (is_assignee || is_owner && evidence.is_sometimes_unassigned(column))
    });
    if columns.is_empty() {
        draft.ask(format!(
            "agent: which member tells who works on the ticket? {} Without it, unassigned tickets are \
             not known.",
            mentioning(evidence, AGENT)
        ));
    } else {
        draft.add("agent", paths_or_unassigned(&columns), "");
    }
}

/// Paths, and the words in them that mean that none is assigned.
fn paths_or_unassigned(columns: &[&SampleColumn]) -> String {
    let texts: BTreeSet<&str> = columns
        .iter()
        .flat_map(|column| column.distinct())
        .collect();
    let unassigned: Vec<&str> = texts
        .into_iter()
        .filter(|text| vocabulary::is_unassigned(text))
        .collect();
    if unassigned.is_empty() {
        paths(columns)
    } else {
        format!(
            "{{ value: {}, none: {} }}",
            paths(columns),
            yaml::list(unassigned)
        )
    }
}

/// Names such as `status`, `ticket_status`, `agent_group`, `queue_id` and `team_name`.
fn is_about(column: &SampleColumn, list: &str) -> bool {
    match column.subject().0 {
        [word] => is_in(list, word),
        [first, last] => {
            is_in(list, last) && is_in("ticket agent issue case", first)
                || is_in(list, first) && is_in("id name", last)
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
    let (fit, unfit): (Vec<&str>, Vec<&str>) = words.into_iter().partition(|word| is_choice(word));
    let hidden = unfit.len() + fit.len().saturating_sub(MOST_WORDS);
    let mut parts: Vec<String> = fit
        .into_iter()
        .take(MOST_WORDS)
        .map(str::to_owned)
        .collect();
    if hidden > 0 {
        parts.push(format!("{hidden} more"));
    }
    format!("{}.", parts.join(", "))
}
