//! The rules: which records say that a ticket was created or a message was written. All others are
//! updates, which say how the ticket is now.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use super::column::{CellKind, SampleColumn};
use super::draft::Draft;
use super::evidence::Evidence;
use super::members::{EventTimes, candidates, mentioning, path, shown};
use super::names::{has_any, is_in};
use super::vocabulary::{self, EventKind, MESSAGES, PEOPLE};
use crate::domain::event::Actor;
use crate::domain::yaml;

const PRIVATE: &str = "private internal hidden";
const PUBLIC: &str = "public visible";
/// The time of the event is the time of the creation.
const OWN_TIME: (&str, &str) = ("created_at", "~");

pub(super) fn add(evidence: &Evidence<'_>, times: &EventTimes<'_>, draft: &mut Draft) {
    if evidence.is_database() {
        add_database_rules(evidence, draft);
    } else if let Some(words) = EventWords::find(evidence) {
        add_rules_by_word(evidence, &words, draft);
    } else {
        add_first_records(evidence, times, draft);
    }
    let when = format!("{{ {}: {{ exists: true }} }}", path(evidence.id));
    draft.add_rule("updated", &[("when", &when), ("type", "updated")]);
}

/// The member that says what happened.
struct EventWords<'t> {
    column: &'t SampleColumn,
    /// The rows of tickets, by what their words say.
    rows: BTreeMap<Option<EventKind>, BTreeSet<usize>>,
}

impl<'t> EventWords<'t> {
    /// Its name says so, and some of its words are understood.
    fn find(evidence: &Evidence<'t>) -> Option<Self> {
        let is_named = |column: &&SampleColumn| {
            let name: Vec<&str> = column.name.iter().map(String::as_str).collect();
            let is_event = matches!(
                name.as_slice(),
                ["event" | "type" | "action" | "topic" | "kind"]
                    | ["event", "type" | "name" | "kind"]
            );
            let is_outside = column.object.is_empty() || column.path == "$cloudevent.type";
            is_event
                && (is_outside || column.parent == ["event"])
                && column.is_enumeration()
                && column.distinct().len() > 1
                && evidence.covers(column)
        };
        let columns = evidence.table.columns.iter().filter(is_named);
        let by_word = columns.map(|column| {
            let mut rows: BTreeMap<_, BTreeSet<usize>> = BTreeMap::new();
            for row in evidence.rows() {
                let kind = vocabulary::event(column.text(row).unwrap_or_default());
                rows.entry(kind).or_default().insert(row);
            }
            Self { column, rows }
        });
        let understood = |words: &Self| -> usize {
            let kinds = words.rows.iter().filter(|(kind, _)| kind.is_some());
            kinds.map(|(_, rows)| rows.len()).sum()
        };
        let best = by_word.max_by_key(understood);
        best.filter(|words| understood(words) > 0)
    }

    fn words(&self, kind: Option<EventKind>) -> BTreeSet<&str> {
        let rows = self.rows.get(&kind).into_iter().flatten();
        rows.filter_map(|row| self.column.text(*row)).collect()
    }

    /// The condition for records of this kind. `None`: there are none.
    fn when(&self, kind: EventKind) -> Option<String> {
        let words = self.words(Some(kind));
        let is_present = !words.is_empty();
        is_present.then(|| format!("{{ {}: {} }}", path(self.column), yaml::list(words)))
    }
}

fn add_rules_by_word(evidence: &Evidence<'_>, words: &EventWords<'_>, draft: &mut Draft) {
    let created = words.rows.get(&Some(EventKind::Created));
    match words.when(EventKind::Created) {
        Some(when) if created.is_some_and(|rows| evidence.are_first(rows)) => {
            draft.add_rule("created", &[("when", &when), ("type", "created"), OWN_TIME]);
        }
        _ => draft.ask(&format!(
            "created: which records say that a ticket was created? The words of {} do not tell it: none of \
             them is in the first record of each ticket, and in no other.",
            words.column.path
        )),
    }
    add_messages(evidence, words, draft);
    let others = words.words(None);
    if !others.is_empty() {
        draft.ask(&format!(
            "type: do these words of {} mean more than an update of the ticket? {} A message, a note, a \
             rating, time worked, a merged, deleted or spam ticket needs a rule.",
            words.column.path,
            shown(others)
        ));
    }
}

fn add_messages(evidence: &Evidence<'_>, words: &EventWords<'_>, draft: &mut Draft) {
    let (Some(when), Some(rows)) = (
        words.when(EventKind::Message),
        words.rows.get(&Some(EventKind::Message)),
    ) else {
        ask_for_messages(evidence, draft);
        return;
    };
    let visibility = visibility(evidence, rows);
    let note = words.when(EventKind::Note);
    if visibility.is_none() && note.is_none() {
        draft.ask(&format!(
            "message: which member tells internal notes from public replies? {} If there are no notes, \
             write a rule with type: message.",
            mentioning(evidence, "private internal hidden public visible")
        ));
        return;
    }
    let Some(actor) = actor(evidence, rows, draft) else {
        draft.ask(&format!(
            "message: which member tells whether an agent or a customer wrote it? {} Until you know, \
             messages are updates: a message of a robot must not count as a reply.",
            candidates(evidence, |column| is_author(column) && column.times.is_none())
        ));
        return;
    };
    let mut add = |name: &str, when: &str, public: Option<&str>| {
        let mut lines = vec![("when", when), ("type", "message"), ("actor", &actor)];
        lines.extend(public.map(|value| ("public", value)));
        draft.add_rule(name, &lines);
    };
    if let Some(note) = note {
        add("note", &note, Some("false"));
    }
    add("message", &when, visibility.as_deref());
}

/// The value of `public`, from a boolean beside the message.
fn visibility(evidence: &Evidence<'_>, rows: &BTreeSet<usize>) -> Option<String> {
    let is_named = |column: &SampleColumn, list: &str| match column.name.as_slice() {
        [word] => is_in(list, word),
        [is, word] => is == "is" && is_in(list, word),
        _ => false,
    };
    let column = evidence.table.columns.iter().find(|column| {
        let is_boolean =
            column.has_only(&[CellKind::Bool]) || column.texts().all(|text| is_in("0 1", text));
        let is_of_message = column.object.is_empty() || has_any(&column.parent, MESSAGES);
        (is_named(column, PRIVATE) || is_named(column, PUBLIC))
            && is_boolean
            && is_of_message
            && rows.iter().all(|row| column.cells.contains_key(row))
    })?;
    let path = path(column);
    Some(if is_named(column, PRIVATE) {
        format!("[{{ value: \"false\", when: {{ {path}: [true, 1] }} }}, \"true\"]")
    } else {
        path
    })
}

/// Whether a column is about the person who acts, and not about the person who has the ticket.
fn is_author(column: &SampleColumn) -> bool {
    column.mentions(PEOPLE) && !column.mentions("assignee assigned owner")
}

/// The value of `actor`, from words of which some are an agent's and some are a customer's. An author
/// whose word is missing or not understood stays unknown: no reply of theirs counts.
fn actor<'t>(evidence: &Evidence<'t>, rows: &BTreeSet<usize>, draft: &mut Draft) -> Option<String> {
    let is_role = |column: &&SampleColumn| {
        let last = column.name.last().map_or("", String::as_str);
        is_in("type role kind actor author sender", last)
            && is_author(column)
            && evidence.is_constant(column) != Some(true)
    };
    let texts = |column: &'t SampleColumn| -> Vec<&'t str> {
        rows.iter().filter_map(|row| column.text(*row)).collect()
    };
    let is_complete = |(_, texts): &(_, Vec<&str>)| {
        let has = |actor| {
            texts
                .iter()
                .any(|text| vocabulary::actor(text) == Some(actor))
        };
        has(Actor::Customer) && (has(Actor::Agent) || texts.iter().any(|text| is_user(text)))
    };
    let columns = evidence.table.columns.iter().filter(is_role);
    let complete = columns
        .map(|column| (column, texts(column)))
        .filter(is_complete);
    let (column, texts) = complete.max_by_key(|(_, texts)| texts.len())?;
    let mut words: BTreeMap<Option<Actor>, BTreeSet<&str>> = BTreeMap::new();
    for text in &texts {
        words
            .entry(vocabulary::actor(text))
            .or_default()
            .insert(text);
    }
    let mut unknown = words.remove(&None).unwrap_or_default();
    // If only customers have a word of their own, users are the agents.
    if let Entry::Vacant(agents) = words.entry(Some(Actor::Agent)) {
        agents.insert(unknown.extract_if(.., |text| is_user(text)).collect());
        draft.ask(&format!(
            "actor: {} has \"user\" beside a word for customers, so the mapping takes users for agents. Is \
             that right?",
            column.path
        ));
    }
    if texts.len() < rows.len() || !unknown.is_empty() {
        draft.ask(&format!(
            "actor: {} messages have no {}, and {} of its words are not under values.actor. These \
             messages do not count as replies: which member names their authors?",
            rows.len() - texts.len(),
            column.path,
            unknown.len()
        ));
    }
    let words = words.into_iter();
    draft.add_words(
        "actor",
        words.filter_map(|(actor, words)| Some((actor?.name(), words.into_iter().collect()))),
    );
    Some(format!("{{ value: {}, map: actor }}", path(column)))
}

fn is_user(word: &str) -> bool {
    word.eq_ignore_ascii_case("user")
}

/// Without a member that says what happened, the first record of a ticket can be known by its times.
fn add_first_records(evidence: &Evidence<'_>, times: &EventTimes<'_>, draft: &mut Draft) {
    ask_for_messages(evidence, draft);
    if let (Some(at), Some(created)) = (times.at, times.created_at) {
        let mut rows = evidence.rows();
        rows.retain(|row| at.text(*row) == created.text(*row));
        if evidence.are_first(&rows) {
            let when = format!("{{ {}: {} }}", path(created), path(at));
            draft.add_rule("created", &[("when", &when), ("type", "created"), OWN_TIME]);
            return;
        }
    }
    draft.ask("created: which records say that a ticket was created? No member tells it.");
}

fn add_database_rules(evidence: &Evidence<'_>, draft: &mut Draft) {
    ask_for_messages(evidence, draft);
    // Rows that were read when the connector began say how the ticket is, not what happened.
    let snapshot = [
        ("when", "{ $op: r }"),
        ("snapshot", "true"),
        ("type", "updated"),
    ];
    draft.add_rule("snapshot", &snapshot);
    // A deleted row may be a ticket in an archive.
    draft.add_rule("deleted_row", &[("when", "{ $op: d }"), ("ignore", "true")]);
    let mut inserted = evidence.rows();
    inserted.retain(|row| evidence.is_new(*row));
    if evidence.are_first(&inserted) {
        let created = [("when", "{ $op: c }"), ("type", "created"), OWN_TIME];
        draft.add_rule("created", &created);
    } else {
        draft.ask("created: in which table is a new row a new ticket?");
    }
}

fn ask_for_messages(evidence: &Evidence<'_>, draft: &mut Draft) {
    draft.ask(&format!(
        "message: which records are messages, who wrote them, and who can see them? {} Without a rule with \
         type: message there are no replies and no response times.",
        mentioning(evidence, MESSAGES)
    ));
}
