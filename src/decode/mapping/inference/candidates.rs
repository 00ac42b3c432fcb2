//! Which path could be which member: points for names, for what the values are, and for how they
//! behave from record to record.

use super::statistics::{Facts, Kind, Statistics, ratio};
use super::vocabulary::{self, FORMER, IDS, OTHERS, TICKETS};

/// The path for a member, and what else was thought of.
#[derive(Debug)]
pub(super) struct Pick<'f> {
    pub(super) facts: &'f Facts,
    /// Worse ones, best first.
    pub(super) others: Vec<&'f Facts>,
}

/// Other candidates that are named.
const MOST_OTHERS: usize = 8;

/// The best of those with at least `least` points.
pub(super) fn pick<'f>(
    statistics: &'f Statistics,
    least: f64,
    score: impl Fn(&Facts) -> Option<f64>,
) -> Option<Pick<'f>> {
    let mut scored: Vec<(f64, &Facts)> = statistics
        .facts
        .iter()
        .filter(|facts| !facts.values.is_empty())
        .filter_map(|facts| {
            // What is deep inside, or one of several, is less likely meant.
            let depth: f64 = (0..facts.depth).map(|_| 0.25).sum();
            let score = score(facts)? - depth - if facts.in_list { 1.0 } else { 0.0 };
            (score >= least).then_some((score, facts))
        })
        .collect();
    scored.sort_by(|one, other| {
        let by_score = other.0.total_cmp(&one.0);
        by_score.then_with(|| one.1.path.cmp(&other.1.path))
    });
    let mut facts = scored.into_iter().map(|(_, facts)| facts);
    Some(Pick {
        facts: facts.next()?,
        others: facts.take(MOST_OTHERS).collect(),
    })
}

fn points(holds: bool, points: f64) -> f64 {
    if holds { points } else { 0.0 }
}

fn is_id_like(facts: &Facts) -> bool {
    facts.clock.is_none()
        && facts.share_of(&[Kind::Text, Kind::Integer]) >= 1.0
        && facts.share_where(|text| {
            text.len() <= 64 && !text.contains(char::is_whitespace) && !text.contains(['@', '/'])
                || text.len() <= 64 && text.contains('/') && !text.contains("://")
        }) >= 1.0
}

/// Is the value an invented word only, such as `open`? Ids have digits, nearly always.
fn has_digits(facts: &Facts) -> bool {
    facts.share_where(|text| text.bytes().any(|byte| byte.is_ascii_digit())) >= 0.5
}

pub(super) fn ticket_id(facts: &Facts, records: usize) -> Option<f64> {
    let is_root_header = facts.path.starts_with('$') && facts.path != "$key";
    if !is_id_like(facts) || is_root_header || facts.share(records) < 0.05 {
        return None;
    }
    let is_id = facts.is_named(&IDS);
    let by_name = if facts.is_named(&TICKETS) && is_id {
        6.0
    } else if facts.is_within(&TICKETS) && is_id {
        5.5
    } else if facts.is_named(&TICKETS) && facts.name.len() == 1 && has_digits(facts) {
        4.0
    } else if is_id && facts.depth == 1 && facts.name.len() <= 2 && facts.path != "$key" {
        3.0
    } else if is_id && facts.is_within(&CONTAINERS) {
        2.5
    } else if is_id && has_digits(facts) {
        0.5
    } else {
        return None;
    };
    let repeats = facts.distinct < facts.values.len();
    let is_constant = facts.distinct == 1 && facts.values.len() >= 10;
    let others_within = facts.is_within(&OTHERS) && !facts.is_named(&TICKETS);
    let others = facts.is_named(&OTHERS) || others_within && !facts.is_within(&TICKETS);
    Some(
        by_name + 3.0 * facts.share(records) + points(repeats, 1.0)
            - points(is_constant, 4.0)
            - points(others, 7.0)
            - points(facts.is_named(&FORMER) || facts.is_within(&FORMER), 4.0)
            - points(!has_digits(facts), 2.0),
    )
}

/// What holds anything.
const CONTAINERS: [&str; 13] = [
    "data",
    "payload",
    "detail",
    "details",
    "object",
    "item",
    "entity",
    "record",
    "resource",
    "body",
    "row",
    "result",
    "attributes",
];

pub(super) fn event_id(facts: &Facts, records: usize, ticket_id: &str) -> Option<f64> {
    const EVENTS: [&str; 9] = [
        "event",
        "delivery",
        "webhook",
        "notification",
        "change",
        "audit",
        "message",
        "idempotency",
        "activity",
    ];
    let is_each = facts.distinct == facts.values.len() && facts.share(records) >= 0.99;
    if !is_id_like(facts) || !is_each || facts.path == ticket_id || records < 2 {
        return None;
    }
    let is_id = facts.is_named(&IDS);
    if facts.path == "$cloudevent.id" {
        return Some(6.0);
    }
    if facts.is_named(&TICKETS) || facts.is_within(&TICKETS) || facts.path == "$key" || !is_id {
        return None;
    }
    if facts.is_about(&EVENTS) {
        Some(6.0)
    } else if facts.depth == 1 && facts.name.len() == 1 {
        Some(4.5)
    } else {
        None
    }
}

/// `at` of the event: `later` is the share of records in which no other past time is later.
pub(super) fn at(facts: &Facts, records: usize, later: f64, is_constant: bool) -> Option<f64> {
    facts.clock.as_ref()?;
    let is_event = facts.is_named(&[
        "occurred",
        "occured",
        "event",
        "timestamp",
        "emitted",
        "happened",
    ]);
    let is_update = facts.is_named(&["updated", "modified", "changed", "update", "modification"]);
    let is_bare = facts.is_named(&["time", "at", "ts", "date", "datetime", "when"]);
    let is_creation = facts.is_named(&CREATION);
    let by_name = if is_event {
        4.0
    } else if is_update {
        3.5
    } else if is_bare && !is_creation {
        2.0
    } else if is_creation {
        1.0
    } else {
        0.5
    };
    let is_other = facts.is_named(&OTHER_TIMES) || facts.is_within(&OTHER_TIMES);
    let is_of_others = facts.is_within(&PEOPLE);
    Some(
        by_name + 2.0 * facts.share(records) + 2.0 * later
            - points(is_other, 5.0)
            - points(is_of_others, 3.0)
            - points(is_constant && is_creation, 2.0)
            - points(facts.is_named(&FORMER), 2.0),
    )
}

const CREATION: [&str; 8] = [
    "created",
    "creation",
    "opened",
    "submitted",
    "create",
    "open",
    "registered",
    "erstellt",
];
/// Times that are not of the event.
const OTHER_TIMES: [&str; 26] = [
    "due",
    "deadline",
    "sla",
    "breach",
    "target",
    "expires",
    "expiry",
    "expected",
    "planned",
    "scheduled",
    "birth",
    "resolved",
    "closed",
    "solved",
    "first",
    "next",
    "response",
    "responded",
    "reopened",
    "assigned",
    "viewed",
    "seen",
    "login",
    "until",
    "ingested",
    "reminder",
];
const PEOPLE: [&str; 14] = [
    "user",
    "author",
    "agent",
    "customer",
    "requester",
    "contact",
    "person",
    "assignee",
    "owner",
    "organization",
    "organisation",
    "company",
    "account",
    "group",
];

/// `before`: share of records in which it is not after the event.
pub(super) fn created_at(facts: &Facts, at: &str, before: f64, is_constant: bool) -> Option<f64> {
    facts.clock.as_ref()?;
    let is_of_others = facts.is_within(&PEOPLE)
        || facts.is_within(&["comment", "message", "note", "article", "reply", "event"]);
    if facts.path == at
        || !facts.is_named(&CREATION)
        || is_of_others
        || before < 0.95
        || !is_constant
    {
        return None;
    }
    let is_ticket = facts.is_within(&TICKETS) || facts.is_named(&TICKETS);
    Some(3.0 + points(is_ticket, 1.0))
}

pub(super) fn status(facts: &Facts, records: usize) -> Option<f64> {
    const STATUS: [&str; 6] = ["status", "state", "stage", "phase", "zustand", "estado"];
    if !facts.is_enumeration() || facts.share(records) < 0.05 {
        return None;
    }
    let known = facts.share_where(|word| vocabulary::status(word).is_some());
    let is_named = facts.is_about(&STATUS);
    let is_of_others = (facts.is_named(&OTHERS) || facts.is_within(&OTHERS))
        && !facts.is_within(&TICKETS)
        && !facts.is_named(&TICKETS)
        && !facts.is_within(&["event"]);
    if !is_named && known < 0.99 {
        return None;
    }
    Some(
        points(is_named, 3.0) + 4.0 * known + facts.share(records)
            - points(is_of_others, 3.0)
            - points(facts.is_named(&FORMER) || facts.is_within(&FORMER), 5.0)
            - points(
                facts.is_named(&["type", "action", "event", "kind", "code"]),
                3.0,
            ),
    )
}

pub(super) fn kind(facts: &Facts, records: usize) -> Option<f64> {
    const KINDS: [&str; 11] = [
        "event",
        "type",
        "action",
        "kind",
        "topic",
        "trigger",
        "operation",
        "activity",
        "change",
        "verb",
        "ereignis",
    ];
    if !facts.is_enumeration() || facts.share(records) < 0.5 {
        return None;
    }
    let known = facts.share_where(|word| super::kinds::of(word).is_some());
    let is_status = facts.is_named(&["status", "state"]);
    let is_name = facts.is_named(&["name"]) && facts.is_within(&["event", "type", "action"]);
    if !facts.is_named(&KINDS) && !is_name || known < 0.5 || is_status {
        return None;
    }
    let is_event = facts.is_named(&["event", "action", "activity"]);
    let is_of_others = facts.is_within(&PEOPLE) || facts.is_within(&["attachment", "field"]);
    Some(
        4.0 * known + 2.0 * facts.share(records) + points(is_event, 1.0)
            - points(is_of_others, 4.0)
            - points(facts.distinct == 1 && records >= 5, 2.0)
            - points(facts.is_named(&FORMER), 3.0),
    )
}

pub(super) fn priority(facts: &Facts) -> Option<f64> {
    const PRIORITY: [&str; 5] = ["priority", "prio", "urgency", "severity", "priorität"];
    if !facts.is_enumeration() || !facts.is_about(&PRIORITY) || facts.is_named(&["changed"]) {
        return None;
    }
    let is_first_choice = facts.is_about(&["priority", "prio", "priorität"]);
    Some(
        3.0 + points(is_first_choice, 1.0) + points(facts.share_of(&[Kind::Text]) >= 1.0, 0.5)
            - points(facts.is_named(&FORMER) || facts.is_within(&FORMER), 3.0)
            - points(facts.is_named(&["id"]), 0.5),
    )
}

const TEAMS: [&str; 9] = [
    "team",
    "group",
    "queue",
    "department",
    "dept",
    "squad",
    "desk",
    "gruppe",
    "abteilung",
];
const AGENTS: [&str; 11] = [
    "assignee",
    "assigned",
    "agent",
    "owner",
    "responsible",
    "responder",
    "handler",
    "technician",
    "staff",
    "bearbeiter",
    "operator",
];

pub(super) fn team(facts: &Facts) -> Option<f64> {
    let is_text_or_id = facts.clock.is_none()
        && facts.share_of(&[Kind::Text, Kind::Integer]) >= 1.0
        && facts.share_where(|text| !text.contains(['@', '\n'])) >= 1.0;
    if !is_text_or_id || !facts.is_about(&TEAMS) || facts.is_named(&["type", "status", "state"]) {
        return None;
    }
    let is_name = facts.share_of(&[Kind::Text]) >= 1.0 && !facts.is_named(&["id"]);
    let is_of_people = facts.is_within(&PEOPLE) && !facts.is_within(&["group"]);
    Some(
        3.0 + points(is_name, 1.0)
            - points(is_of_people, 2.0)
            - points(facts.is_named(&FORMER) || facts.is_within(&FORMER), 3.0)
            - points(facts.distinct > 500, 2.0),
    )
}

pub(super) fn agent(facts: &Facts) -> Option<f64> {
    const NOT: [&str; 14] = [
        "type",
        "role",
        "status",
        "state",
        "kind",
        "count",
        "team",
        "group",
        "queue",
        "department",
        "desk",
        "channel",
        "at",
        "url",
    ];
    let is_text_or_id =
        facts.clock.is_none() && facts.share_of(&[Kind::Text, Kind::Integer]) >= 1.0;
    let is_about = facts.is_about(&AGENTS) && !facts.is_named(&["user"])
        || facts.is_about(&["assignee"])
        || facts.is_named(&["assigned"]) && facts.is_named(&["to"]);
    if !is_text_or_id || !is_about || facts.is_named(&NOT) || facts.is_within(&["group", "team"]) {
        return None;
    }
    let is_id = facts.is_named(&["id", "to"]) || facts.name.len() == 1;
    let is_assignee = facts.is_about(&["assignee", "assigned"]);
    Some(
        3.0 + points(is_id, 0.5) + points(is_assignee, 0.5)
            - points(facts.is_named(&FORMER) || facts.is_within(&FORMER), 3.0)
            - points(facts.is_named(&["name", "display", "email"]), 0.5),
    )
}

pub(super) fn channel(facts: &Facts) -> Option<f64> {
    const CHANNEL: [&str; 7] = [
        "channel", "source", "via", "origin", "medium", "kanal", "contact",
    ];
    if !facts.is_enumeration() || facts.path.starts_with('$') {
        return None;
    }
    let known = facts.share_where(vocabulary::is_channel);
    let is_named = facts.is_about(&CHANNEL);
    (is_named && known > 0.0).then(|| 2.0 + 3.0 * known - points(facts.is_within(&PEOPLE), 1.0))
}

/// A word for who did it.
pub(super) fn actor(facts: &Facts) -> Option<f64> {
    const WHO: [&str; 16] = [
        "actor",
        "author",
        "sender",
        "by",
        "from",
        "creator",
        "performer",
        "user",
        "role",
        "initiator",
        "writer",
        "person",
        "direction",
        "commenter",
        "poster",
        "absender",
    ];
    if !facts.is_enumeration() {
        return None;
    }
    let known = facts.share_where(|word| vocabulary::actor(word).is_some());
    let is_named =
        facts.is_named(&WHO) || facts.is_within(&WHO) && facts.is_named(&["type", "role", "kind"]);
    let is_assignee = facts.is_named(&AGENTS[..2]) || facts.is_within(&AGENTS[..2]);
    (is_named && known >= 0.5).then(|| 2.0 + 3.0 * known - points(is_assignee, 3.0))
}

/// Who wrote, by id.
pub(super) fn author_id(facts: &Facts) -> Option<f64> {
    const AUTHORS: [&str; 8] = [
        "author",
        "sender",
        "actor",
        "commenter",
        "writer",
        "performer",
        "poster",
        "by",
    ];
    (is_id_like(facts) && facts.is_about(&AUTHORS) && !facts.is_named(&["role", "type"]))
        .then(|| 3.0 + points(facts.is_named(&["id"]), 1.0))
}

/// Whose ticket it is, by id.
pub(super) fn requester_id(facts: &Facts) -> Option<f64> {
    const REQUESTERS: [&str; 7] = [
        "requester",
        "reporter",
        "customer",
        "submitter",
        "contact",
        "client",
        "caller",
    ];
    (is_id_like(facts) && facts.is_about(&REQUESTERS) && !facts.is_named(&["role", "type"]))
        .then(|| 3.0 + points(facts.is_named(&["id"]), 1.0))
}

/// Whether others than agents can see it, or the opposite.
pub(super) fn visibility(facts: &Facts) -> Option<f64> {
    const WORDS: [&str; 6] = [
        "public", "private", "internal", "external", "visible", "hidden",
    ];
    let is_truth = facts.share_of(&[Kind::Truth]) >= 1.0
        || facts.distinct <= 2 && facts.share_where(|text| ["0", "1"].contains(&text)) >= 1.0;
    let is_word = facts.is_enumeration()
        && facts.share_where(|text| WORDS.contains(&text.to_lowercase().as_str())) >= 0.9;
    let is_named = facts.is_named(&WORDS);
    let is_of_message =
        facts.is_within(&["comment", "message", "note", "article", "reply", "post"]);
    (is_truth && is_named || is_word).then(|| 3.0 + points(is_of_message, 2.0))
}

pub(super) fn score(facts: &Facts) -> Option<f64> {
    const SCORE: [&str; 7] = [
        "score",
        "rating",
        "csat",
        "satisfaction",
        "stars",
        "smiley",
        "bewertung",
    ];
    let is_number = facts.share_where(|text| {
        text.parse()
            .is_ok_and(|number: f64| (-1.0..=100.0).contains(&number))
    }) >= 1.0;
    let other = facts.is_named(&[
        "id",
        "count",
        "max",
        "maximum",
        "scale",
        "confidence",
        "spam",
        "sentiment",
    ]);
    (is_number && facts.is_about(&SCORE) && !other && facts.clock.is_none())
        .then(|| 3.0 + points(facts.is_named(&["score", "rating"]), 0.5))
}

/// Share of the records of a path in which a condition on their times holds.
pub(super) fn share_of_records(
    facts: &Facts,
    holds: impl Fn(usize, crate::domain::timestamp::Timestamp) -> bool,
) -> f64 {
    let Some(clock) = &facts.clock else {
        return 0.0;
    };
    let fitting = clock
        .instants
        .iter()
        .filter(|(record, time)| holds(*record, *time));
    ratio(fitting.count(), clock.instants.len())
}
