//! The rules: which records say that a ticket was created or a message was written. All others are
//! updates, which say how the ticket is now.

use std::collections::{BTreeMap, BTreeSet};

use super::column::{CellKind, SampleColumn};
use super::draft::{Draft, DraftLine};
use super::evidence::Evidence;
use super::members::{EventTimes, candidates, mentioning, shown};
use super::names::{has_any, is_in};
use super::vocabulary::{self, EventKind, MESSAGES, PEOPLE};
use crate::domain::event::Actor;
use crate::domain::yaml;

const PRIVATE: &str = "private internal hidden";
const PUBLIC: &str = "public visible";
const OWN_TIME: &str = "its time is the time of the creation";

pub(super) fn add(evidence: &Evidence<'_>, times: &EventTimes<'_>, draft: &mut Draft) {
    if evidence.is_database() {
        add_database_rules(evidence, draft);
        ask_for_messages(evidence, draft);
    } else if let Some((column, kinds)) = kind_column(evidence) {
        add_rules_by_kind(evidence, times, column, &kinds, draft);
    } else {
        add_first_records(evidence, times, draft);
        ask_for_messages(evidence, draft);
    }
    let ids: Vec<String> = evidence
        .ids
        .iter()
        .map(|id| format!("{{ {}: {{ exists: true }} }}", yaml::scalar(&id.path)))
        .collect();
    let when = format!("{{ any: [{}] }}", ids.join(", "));
    add_rule(draft, "updated", "updated", when, Vec::new());
}

fn add_rule(
    draft: &mut Draft,
    name: &str,
    kind: &'static str,
    when: String,
    members: Vec<DraftLine>,
) {
    let mut lines = vec![
        DraftLine::new("when", when, ""),
        DraftLine::new("type", kind, ""),
    ];
    lines.extend(members);
    draft.rules.push((name.to_owned(), lines));
}

/// The rows of each word, by what the word says.
type Kinds<'t> = BTreeMap<Option<EventKind>, BTreeMap<&'t str, BTreeSet<usize>>>;

/// The member that says what happened: its name says so, and some of its words are understood.
fn kind_column<'t>(evidence: &Evidence<'t>) -> Option<(&'t SampleColumn, Kinds<'t>)> {
    let rows = evidence.rows();
    let is_named = |column: &&SampleColumn| {
        let name: Vec<&str> = column.name.iter().map(String::as_str).collect();
        let is_event = matches!(
            name.as_slice(),
            ["event" | "type" | "action" | "topic" | "kind"] | ["event", "type" | "name" | "kind"]
        );
        let is_outside = column.around[0].is_empty() || column.path == "$cloudevent.type";
        let is_inside = column.parent == ["event"] && is_event;
        (is_event && is_outside || is_inside)
            && column.is_enumeration()
            && column.distinct().len() > 1
            && rows.iter().all(|row| column.cells.contains_key(row))
    };
    let mut best: Option<(usize, &SampleColumn, Kinds<'_>)> = None;
    for column in evidence.table.columns.iter().filter(is_named) {
        let mut kinds = Kinds::new();
        for row in &rows {
            let word = column.text(*row).unwrap_or_default();
            let words = kinds.entry(vocabulary::event(word)).or_default();
            words.entry(word).or_default().insert(*row);
        }
        let understood = rows_of(&kinds, |kind| kind.is_some()).len();
        if understood > best.as_ref().map_or(0, |best| best.0) {
            best = Some((understood, column, kinds));
        }
    }
    best.map(|(_, column, kinds)| (column, kinds))
}

fn rows_of(kinds: &Kinds<'_>, fits: impl Fn(Option<EventKind>) -> bool) -> BTreeSet<usize> {
    let fitting = kinds.iter().filter(|(kind, _)| fits(**kind));
    let rows = fitting.flat_map(|(_, words)| words.values().flatten());
    rows.copied().collect()
}

fn add_rules_by_kind(
    evidence: &Evidence<'_>,
    times: &EventTimes<'_>,
    column: &SampleColumn,
    kinds: &Kinds<'_>,
    draft: &mut Draft,
) {
    let path = yaml::scalar(&column.path);
    let words = |kind: EventKind| {
        let words = kinds.get(&Some(kind)).into_iter().flat_map(BTreeMap::keys);
        yaml::list(words.copied())
    };
    let when = |kind: EventKind| format!("{{ {path}: {} }}", words(kind));
    let created = rows_of(kinds, |kind| kind == Some(EventKind::Created));
    if created.is_empty() || !are_first(evidence, &created) {
        draft.ask(format!(
            "created: which records say that a ticket was created? The words of {} do not tell it: none of \
             them is in the first record of each ticket, and in no other.",
            column.path
        ));
    } else {
        let has_common = !times.created_at.is_empty();
        let own = has_common.then(|| DraftLine::new("created_at", "~", OWN_TIME));
        let lines = own.into_iter().collect();
        add_rule(draft, "created", "created", when(EventKind::Created), lines);
    }
    add_messages(evidence, kinds, &when, draft);
    if let Some(others) = kinds.get(&None) {
        draft.ask(format!(
            "type: do these words of {} mean more than an update of the ticket? {} A message, a note, a \
             rating, time worked, a merged, deleted or spam ticket needs a rule.",
            column.path,
            shown(others.keys().copied())
        ));
    }
}

/// Whether these rows are the first ones of their tickets, one of each.
fn are_first(evidence: &Evidence<'_>, rows: &BTreeSet<usize>) -> bool {
    let is_only_first = |ticket: &Vec<usize>| {
        let rest = ticket.get(1..).unwrap_or_default();
        rest.iter().all(|row| !rows.contains(row))
    };
    !rows.is_empty() && evidence.tickets.values().all(is_only_first)
}

fn add_messages(
    evidence: &Evidence<'_>,
    kinds: &Kinds<'_>,
    when: &dyn Fn(EventKind) -> String,
    draft: &mut Draft,
) {
    let is_message = |kind: Option<EventKind>| matches!(kind, Some(EventKind::Message(_)));
    let rows = rows_of(kinds, is_message);
    if rows.is_empty() {
        ask_for_messages(evidence, draft);
        return;
    }
    let visibility = visibility(evidence, &rows);
    let has_notes = kinds.contains_key(&Some(EventKind::Note));
    if visibility.is_none() && !has_notes {
        draft.ask(format!(
            "message: which member tells internal notes from public replies? {} If there are no notes, \
             write a rule with type: message.",
            mentioning(evidence, "private internal hidden public visible")
        ));
        return;
    }
    let unnamed = rows_of(kinds, |kind| kind == Some(EventKind::Message(None)));
    let actor = match actor(evidence, &unnamed, draft) {
        Some(actor) => Some(actor),
        None if unnamed.is_empty() => None,
        None => {
            draft.ask(format!(
                "message: which member tells whether an agent or a customer wrote it? {} Until you know, \
                 messages are updates: a message of a robot must not count as a reply.",
                candidates(evidence, |column| is_author(column) && column.times.is_none())
            ));
            return;
        }
    };
    if has_notes {
        let mut lines = vec![DraftLine::new("public", "false", "")];
        lines.extend(actor.iter().map(|actor| DraftLine::new("actor", actor, "")));
        add_rule(draft, "note", "message", when(EventKind::Note), lines);
    }
    for kind in kinds.keys().flatten() {
        let EventKind::Message(author) = kind else {
            continue;
        };
        let (name, value) = match (author, &actor) {
            (Some(author), _) => (
                format!("message_of_{}", author.name()),
                author.name().to_owned(),
            ),
            (None, Some(actor)) => ("message".to_owned(), actor.clone()),
            (None, None) => continue,
        };
        let mut lines = vec![DraftLine::new("actor", value, "")];
        lines.extend(
            visibility
                .clone()
                .map(|value| DraftLine::new("public", value, "")),
        );
        add_rule(draft, &name, "message", when(*kind), lines);
    }
}

/// The value of `public`, from a boolean beside the message.
fn visibility(evidence: &Evidence<'_>, rows: &BTreeSet<usize>) -> Option<String> {
    let is_named = |column: &SampleColumn, list: &str| match column.name.as_slice() {
        [word] => is_in(list, word),
        [is, word] => is == "is" && is_in(list, word),
        _ => false,
    };
    let is_visibility = |column: &&SampleColumn| {
        let is_boolean = column.has_only(&[CellKind::Bool])
            || column.texts().all(|text| ["0", "1"].contains(&text));
        let is_of_message = column.around[0].is_empty() || has_any(&column.parent, MESSAGES);
        (is_named(column, PRIVATE) || is_named(column, PUBLIC))
            && is_boolean
            && is_of_message
            && rows.iter().all(|row| column.cells.contains_key(row))
    };
    let column = evidence.table.columns.iter().find(is_visibility)?;
    let path = yaml::scalar(&column.path);
    Some(if is_named(column, PRIVATE) {
        format!("[{{ value: \"false\", when: {{ {path}: [true, 1] }} }}, \"true\"]")
    } else {
        path
    })
}

/// Whether a column is about the person who acts, and not about the person who has the ticket.
fn is_author(column: &SampleColumn) -> bool {
    let words = || column.name.iter().chain(&column.parent);
    words().any(|word| is_in(PEOPLE, word))
        && !words().any(|word| is_in("assignee assigned owner", word))
}

/// The value of `actor`, from words of which some are an agent's and some are a customer's. An author
/// whose word is missing or not understood stays unknown: no reply of theirs counts.
fn actor(evidence: &Evidence<'_>, rows: &BTreeSet<usize>, draft: &mut Draft) -> Option<String> {
    type Words<'a> = BTreeMap<Actor, BTreeSet<&'a str>>;
    let mut best: Option<(usize, &SampleColumn, Words<'_>)> = None;
    let is_role = |column: &&SampleColumn| {
        let last = column.name.last().map_or("", String::as_str);
        let is_word = ["type", "role", "kind", "actor", "author", "sender"].contains(&last);
        is_word && is_author(column) && evidence.is_constant(column) != Some(true)
    };
    for column in evidence.table.columns.iter().filter(is_role) {
        let texts: BTreeSet<&str> = rows.iter().filter_map(|row| column.text(*row)).collect();
        let mut words = Words::new();
        for text in &texts {
            if let Some(actor) = vocabulary::actor(text) {
                words.entry(actor).or_default().insert(text);
            }
        }
        // If only customers have a word of their own, users are the agents.
        let user = texts.iter().find(|text| text.eq_ignore_ascii_case("user"));
        if let (Some(user), false) = (user, words.contains_key(&Actor::Agent)) {
            words.entry(Actor::Agent).or_default().insert(user);
        }
        let is_complete = [Actor::Agent, Actor::Customer]
            .iter()
            .all(|one| words.contains_key(one));
        let count = rows
            .iter()
            .filter(|row| column.cells.contains_key(row))
            .count();
        if is_complete && count > best.as_ref().map_or(0, |best| best.0) {
            best = Some((count, column, words));
        }
    }
    let (count, column, words) = best?;
    let known: BTreeSet<&str> = words.values().flatten().copied().collect();
    let texts = rows.iter().filter_map(|row| column.text(*row));
    let unknown: BTreeSet<&str> = texts.filter(|text| !known.contains(text)).collect();
    if count < rows.len() || !unknown.is_empty() {
        draft.ask(format!(
            "actor: {} messages have no {}, and {} of its words are not under values.actor. These \
             messages do not count as replies: which member names their authors?",
            rows.len() - count,
            column.path,
            unknown.len()
        ));
    }
    if words[&Actor::Agent]
        .iter()
        .any(|word| word.eq_ignore_ascii_case("user"))
    {
        draft.ask(format!(
            "actor: {} has \"user\" beside a word for customers, so the mapping takes users for agents. Is \
             that right?",
            column.path
        ));
    }
    let words = words
        .into_iter()
        .map(|(actor, words)| {
            let words = words.into_iter().map(str::to_owned).collect();
            (actor.name().to_owned(), words)
        })
        .collect();
    draft.words.push(("actor", words));
    Some(format!(
        "{{ value: {}, map: actor }}",
        yaml::scalar(&column.path)
    ))
}

/// Without a member that says what happened, the first record of a ticket can be known by its times.
fn add_first_records(evidence: &Evidence<'_>, times: &EventTimes<'_>, draft: &mut Draft) {
    let mut rows = BTreeSet::new();
    if let ([at, ..], [created, ..]) = (times.at.as_slice(), times.created_at.as_slice()) {
        let is_same = |row: &usize| at.text(*row).is_some() && at.text(*row) == created.text(*row);
        rows = evidence.rows().into_iter().filter(is_same).collect();
        if are_first(evidence, &rows) {
            let when = format!(
                "{{ {}: {} }}",
                yaml::scalar(&created.path),
                yaml::scalar(&at.path)
            );
            let own = DraftLine::new("created_at", "~", OWN_TIME);
            add_rule(draft, "created", "created", when, vec![own]);
        }
    }
    if !are_first(evidence, &rows) {
        draft.ask("created: which records say that a ticket was created? No member tells it.");
    }
}

fn add_database_rules(evidence: &Evidence<'_>, draft: &mut Draft) {
    let lines = vec![
        DraftLine::new("when", "{ $op: r }", "read when the connector began"),
        DraftLine::new(
            "snapshot",
            "true",
            "it says how the ticket is, not what happened",
        ),
        DraftLine::new("type", "updated", ""),
    ];
    draft.rules.push(("snapshot".to_owned(), lines));
    let lines = vec![
        DraftLine::new("when", "{ $op: d }", ""),
        DraftLine::new(
            "ignore",
            "true",
            "a deleted row may be a ticket in an archive",
        ),
    ];
    draft.rules.push(("deleted_row".to_owned(), lines));
    let new = |row: &usize| evidence.operations[*row].as_deref() == Some("c");
    let inserted: BTreeSet<usize> = evidence.rows().into_iter().filter(new).collect();
    let table = evidence.table.column("$source.table");
    let when = if are_first(evidence, &inserted) {
        Some("{ $op: c }".to_owned())
    } else {
        table.and_then(|table| {
            let of = |name: &str| -> BTreeSet<usize> {
                let is_of = |row: &&usize| table.text(**row) == Some(name);
                inserted.iter().filter(is_of).copied().collect()
            };
            let names = table.distinct();
            let mut fitting = names.iter().filter(|name| are_first(evidence, &of(name)));
            let (name, other) = (fitting.next()?, fitting.next());
            let name = yaml::scalar(name);
            other
                .is_none()
                .then(|| format!("{{ $op: c, $source.table: {name} }}"))
        })
    };
    match when {
        Some(when) => {
            let own = DraftLine::new("created_at", "~", OWN_TIME);
            add_rule(draft, "created", "created", when, vec![own]);
        }
        None => draft.ask("created: in which table is a new row a new ticket?"),
    }
}

fn ask_for_messages(evidence: &Evidence<'_>, draft: &mut Draft) {
    draft.ask(format!(
        "message: which records are messages, who wrote them, and who can see them? {} Without a rule with \
         type: message there are no replies and no response times.",
        mentioning(evidence, MESSAGES)
    ));
}
