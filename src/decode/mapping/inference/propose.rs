//! From the statistics of samples to a mapping from nothing.

use std::collections::{BTreeMap, HashMap};

use super::candidates::{self, Pick, pick};
use super::draft::{Draft, Line, Map};
use super::rules;
use super::statistics::{Facts, Kind, Statistics, is_word};
use super::vocabulary;
use super::wrappers::Step;
use super::yaml;
use crate::domain::event::Status;
use crate::domain::timestamp::Timestamp;

/// Other candidates that a comment names.
const NAMED_OTHERS: usize = 3;
/// Paths of a member that is not at the same place in every record.
const MOST_PATHS: usize = 3;
/// Unknown words that a comment shows.
const MOST_WORDS: usize = 12;

/// What was found, for the rules.
pub(super) struct Found<'f> {
    pub(super) statistics: &'f Statistics,
    pub(super) ticket_ids: Vec<&'f Facts>,
    pub(super) at: Option<&'f Facts>,
    pub(super) created_at: Option<&'f Facts>,
    pub(super) has_status: bool,
    /// Rows of a database: `$op` says what has happened.
    pub(super) are_changes: bool,
}

/// Proposes a mapping; `None` where nothing looks like the id of a ticket.
pub(super) fn propose(statistics: &Statistics, steps: &[Step]) -> Option<Draft> {
    let records = statistics.records;
    let mut draft = Draft::default();
    for step in steps {
        let why = format!("{} {}", share(step.share), "have it");
        draft.unwrap.push((step.text.clone(), why));
    }
    let ids = pick(statistics, 4.2, |facts| {
        candidates::ticket_id(facts, records)
    })?;
    let ticket_ids = cover(&ids, |facts, first| {
        let is_ticket =
            facts.is_named(&vocabulary::TICKETS) || facts.is_within(&vocabulary::TICKETS);
        is_ticket && agrees(facts, first)
    });
    draft.common.push(Line::new(
        "ticket_id",
        paths(&ticket_ids),
        why(&ids, records),
    ));
    let at = times(statistics, &ticket_ids, steps, &mut draft);
    let mut found = Found {
        statistics,
        at,
        created_at: None,
        ticket_ids,
        has_status: false,
        are_changes: steps.iter().any(|step| step.text == "debezium"),
    };
    found.created_at = creation(&found, &mut draft);
    identity(&found, &mut draft);
    found.has_status = status(statistics, &mut draft);
    names(statistics, &mut draft);
    rules::add(&found, &mut draft);
    let clocks = [found.at, found.created_at].into_iter().flatten();
    if clocks
        .filter_map(|facts| facts.clock.as_ref())
        .any(|clock| clock.needs_zone)
    {
        draft.zone =
            Some("an assumption: times are written without a zone; say which it is".into());
    }
    Some(draft)
}

/// The first and what takes its place where it has no value.
fn cover<'f>(pick: &Pick<'f>, fits: impl Fn(&Facts, &Facts) -> bool) -> Vec<&'f Facts> {
    let mut chosen = vec![pick.facts];
    for other in &pick.others {
        let adds = other
            .values
            .iter()
            .any(|value| chosen.iter().all(|one| one.of(value.record).is_none()));
        if adds && chosen.len() < MOST_PATHS && fits(other, pick.facts) {
            chosen.push(other);
        }
    }
    chosen
}

/// Where both are, they are the same.
fn agrees(one: &Facts, other: &Facts) -> bool {
    one.values
        .iter()
        .all(|value| other.of(value.record).is_none_or(|text| text == value.text))
}

fn times<'f>(
    statistics: &'f Statistics,
    ticket_ids: &[&Facts],
    steps: &[Step],
    draft: &mut Draft,
) -> Option<&'f Facts> {
    let records = statistics.records;
    let latest = latest(statistics);
    let at = pick(statistics, 3.0, |facts| {
        let later = candidates::share_of_records(facts, |record, time| {
            latest.get(&record).is_none_or(|latest| time >= *latest)
        });
        let constant = is_constant(facts, ticket_ids) == Some(true);
        let outside = if facts.path.starts_with('$') {
            2.0
        } else {
            0.0
        };
        Some(candidates::at(facts, records, later, constant)? - outside)
    });
    let of_wrapper = steps.iter().find_map(|step| match step.text.as_str() {
        "debezium" => Some("$source.ts_ms"),
        "cloudevents" => Some("$cloudevent.time"),
        _ => None,
    });
    let Some(at) = at else {
        let otherwise = of_wrapper.unwrap_or("$timestamp");
        let why = "no member looks like the time of the event: this is when the record was written";
        draft.common.push(Line::new("at", otherwise, why));
        return None;
    };
    let chosen = cover(&at, |other, first| {
        other.clock.as_ref().map(|clock| clock.form) == first.clock.as_ref().map(|clock| clock.form)
    });
    let mut values: Vec<String> = chosen.iter().map(|facts| timed(facts)).collect();
    let covered = (0..records).all(|record| chosen.iter().any(|one| one.of(record).is_some()));
    if !covered {
        values.push(of_wrapper.unwrap_or("$timestamp").to_owned());
    }
    let mut why = why(&at, records);
    if let Some(text) = order(at.facts) {
        why.push_str(text);
    }
    draft.common.push(Line::new("at", listed(values), why));
    Some(at.facts)
}

/// What the order of the records says.
fn order(facts: &Facts) -> Option<&'static str> {
    let clock = facts.clock.as_ref()?;
    if clock.is_ambiguous {
        return Some("; day and month could be the other way round");
    }
    let rises =
        clock.instants.len() > 2 && clock.instants.windows(2).all(|pair| pair[0].1 <= pair[1].1);
    rises.then_some("; rises from record to record")
}

/// The latest time of each record that is not after the day of the latest events: due dates are.
fn latest(statistics: &Statistics) -> HashMap<usize, Timestamp> {
    let mut latest: HashMap<usize, Timestamp> = HashMap::new();
    for facts in &statistics.facts {
        let is_other = facts.is_named(&["due", "deadline", "expires", "next", "sla", "target"]);
        let clock = facts
            .clock
            .as_ref()
            .filter(|_| !is_other && !facts.path.starts_with('$'));
        for (record, time) in clock.iter().flat_map(|clock| &clock.instants) {
            let most = latest.entry(*record).or_insert(*time);
            *most = (*most).max(*time);
        }
    }
    latest
}

/// Whether all records of a ticket say the same; `None`: no ticket has two records.
fn is_constant(facts: &Facts, ticket_ids: &[&Facts]) -> Option<bool> {
    let mut seen: HashMap<&str, &str> = HashMap::new();
    let mut repeats = None;
    for value in &facts.values {
        let ticket = ticket_ids.iter().find_map(|ids| ids.of(value.record));
        let Some(ticket) = ticket else { continue };
        match seen.insert(ticket, &value.text) {
            Some(before) if before != value.text => return Some(false),
            Some(_) => repeats = Some(true),
            None => {}
        }
    }
    repeats
}

fn creation<'f>(found: &Found<'f>, draft: &mut Draft) -> Option<&'f Facts> {
    let at = found.at.map_or("", |facts| facts.path.as_str());
    let created_at = pick(found.statistics, 2.0, |facts| {
        let before = candidates::share_of_records(facts, |record, time| {
            let at = found.at.and_then(|facts| facts.clock.as_ref()?.of(record));
            at.is_none_or(|at| time <= at)
        });
        let constant = is_constant(facts, &found.ticket_ids) != Some(false);
        candidates::created_at(facts, at, before, constant)
    });
    let Some(created_at) = created_at else {
        draft.missing.push(
            "created_at: not found. Without it, tickets whose creation was not read have no start."
                .into(),
        );
        return None;
    };
    let mut why = why(&created_at, found.statistics.records);
    if is_constant(created_at.facts, &found.ticket_ids) == Some(true) {
        why.push_str("; the same in all records of a ticket");
    }
    draft
        .common
        .push(Line::new("created_at", timed(created_at.facts), why));
    Some(created_at.facts)
}

fn identity(found: &Found<'_>, draft: &mut Draft) {
    let records = found.statistics.records;
    let ticket_id = found
        .ticket_ids
        .first()
        .map_or("", |facts| facts.path.as_str());
    let id = pick(found.statistics, 4.0, |facts| {
        candidates::event_id(facts, records, ticket_id)
    });
    match id {
        Some(id) => {
            let why = format!("another one in each record{}", others(&id));
            draft
                .common
                .push(Line::new("event_id", yaml::scalar(&id.facts.path), why));
        }
        None => draft.missing.push(
            "event_id: not found. Records with the same value are then the same event; that is \
             right as long as each says its time."
                .into(),
        ),
    }
}

fn status(statistics: &Statistics, draft: &mut Draft) -> bool {
    let records = statistics.records;
    let Some(status) = pick(statistics, 3.0, |facts| candidates::status(facts, records)) else {
        draft.missing.push(
            "status: not found. Say its path, and under values what its words mean: new, open, \
             pending, on_hold, solved, closed."
                .into(),
        );
        return false;
    };
    let mut words: BTreeMap<Status, Vec<String>> = BTreeMap::new();
    let mut unknown = Vec::new();
    for (word, _) in status.facts.counted() {
        match vocabulary::status(word) {
            Some(ours) => words.entry(ours).or_default().push(word.to_owned()),
            None => unknown.push(word),
        }
    }
    let path = yaml::scalar(&status.facts.path);
    if words.is_empty() {
        draft.missing.push(format!(
            "status: {path} looks like it ({}), but not what its words mean: {}. Say so under values, \
             as in status: {{ open: [1, 2], solved: [5] }}, and here \
             status: {{ value: {path}, map: status }}",
            why(&status, records),
            shown(&unknown)
        ));
        return false;
    }
    let mut map = Map {
        name: "status",
        words: words
            .into_iter()
            .map(|(status, words)| (status.name().to_owned(), words))
            .collect(),
        notes: Vec::new(),
    };
    if !unknown.is_empty() {
        let shown = shown(&unknown);
        map.notes.push(format!(
            "what does this mean? {shown}: put it where it belongs"
        ));
    }
    draft.maps.push(map);
    let value = format!("{{ value: {path}, map: status }}");
    draft
        .common
        .push(Line::new("status", value, why(&status, records)));
    true
}

/// Priority, team, agent, channel: taken as they are.
fn names(statistics: &Statistics, draft: &mut Draft) {
    let records = statistics.records;
    let mut plain =
        |key: &str, pick: Option<Pick<'_>>, note: &dyn Fn(&Facts) -> String, todo: &str| match pick
        {
            Some(pick) => {
                let value = someone(pick.facts, key);
                let why = format!("{}{}", why(&pick, records), note(pick.facts));
                draft.common.push(Line::new(key, value, why));
            }
            None => draft.missing.push(format!("{key}: not found{todo}")),
        };
    plain(
        "priority",
        pick(statistics, 2.0, candidates::priority),
        &|_| String::new(),
        ".",
    );
    let teams = |facts: &Facts| {
        if facts.share_of(&[Kind::Integer]) > 0.0 {
            "; ids: a table under tables gives them names".to_owned()
        } else {
            String::new()
        }
    };
    let todo = ". All tickets are then of team \"none\".";
    plain(
        "team",
        pick(statistics, 2.0, candidates::team),
        &teams,
        todo,
    );
    let agents = |facts: &Facts| {
        if facts.nothing > 0 {
            format!("; nobody in {} of them", facts.nothing)
        } else {
            String::new()
        }
    };
    let todo = ". Nothing is then known of unassigned tickets.";
    plain(
        "agent",
        pick(statistics, 2.0, candidates::agent),
        &agents,
        todo,
    );
    plain(
        "channel",
        pick(statistics, 2.0, candidates::channel),
        &|_| String::new(),
        ".",
    );
}

/// A path, and the words in it that stand for nobody.
fn someone(facts: &Facts, key: &str) -> String {
    let path = yaml::scalar(&facts.path);
    if !["agent", "team"].contains(&key) {
        return path;
    }
    let counted = facts.counted();
    let nobody: Vec<&str> = counted
        .iter()
        .map(|(word, _)| *word)
        .filter(|word| vocabulary::is_nobody(word))
        .collect();
    if nobody.is_empty() {
        path
    } else {
        format!("{{ value: {path}, none: {} }}", yaml::list(nobody))
    }
}

/// The words of a list to choose from. Others are counted only: they could be anything.
pub(super) fn shown(words: &[&str]) -> String {
    let fit: Vec<&str> = words
        .iter()
        .copied()
        .filter(|word| is_word(word) && word.len() <= 40)
        .take(MOST_WORDS)
        .collect();
    let rest = words.len() - fit.len();
    match (fit.len(), rest) {
        (_, 0) => fit.join(", "),
        (0, rest) => format!("{rest} words"),
        (_, rest) => format!("{} and {rest} more", fit.join(", ")),
    }
}

pub(super) fn timed(facts: &Facts) -> String {
    let path = yaml::scalar(&facts.path);
    match facts.clock.as_ref().and_then(|clock| clock.form) {
        Some(form) => format!("{{ value: {path}, format: \"{form}\" }}"),
        None => path,
    }
}

fn paths(facts: &[&Facts]) -> String {
    listed(
        facts
            .iter()
            .map(|facts| yaml::scalar(&facts.path))
            .collect(),
    )
}

fn listed(mut values: Vec<String>) -> String {
    match values.len() {
        1 => values.remove(0),
        _ => format!("[{}]", values.join(", ")),
    }
}

/// Why a path was chosen.
pub(super) fn why(pick: &Pick<'_>, records: usize) -> String {
    let part = share(pick.facts.share(records));
    format!("in {part}{}", others(pick))
}

fn others(pick: &Pick<'_>) -> String {
    let others: Vec<&str> = pick
        .others
        .iter()
        .take(NAMED_OTHERS)
        .map(|facts| facts.path.as_str())
        .collect();
    if others.is_empty() {
        String::new()
    } else {
        format!("; or else {}", others.join(", "))
    }
}

fn share(share: f64) -> String {
    if share >= 1.0 {
        "all records".to_owned()
    } else if share < 0.01 {
        "some records".to_owned()
    } else {
        format!("{:.0} % of the records", share * 100.0)
    }
}
