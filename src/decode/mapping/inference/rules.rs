//! The rules of a proposed mapping: what the records say has happened.

use std::collections::BTreeMap;

use super::candidates::{self, pick};
use super::draft::{Draft, Line, Map, Rule};
use super::kinds::{self, Kind};
use super::propose::{Found, shown, why};
use super::statistics::{Facts, Kind as ValueKind};
use super::vocabulary;
use super::yaml;

/// Rules that others must not get before.
const FIRST: &str = "ignored";
const LAST: &str = "changed";

pub(super) fn add(found: &Found<'_>, draft: &mut Draft) {
    let records = found.statistics.records;
    let kinds = if found.are_changes {
        None
    } else {
        pick(found.statistics, 3.0, |facts| {
            candidates::kind(facts, records)
        })
    };
    let message = Message::of(found, draft);
    match kinds {
        Some(kinds) => {
            by_kind(found, kinds.facts, &why(&kinds, records), &message, draft);
        }
        None if found.are_changes => of_rows(draft),
        None => by_shape(found, &message, draft),
    }
    let ids: Vec<String> = found
        .ticket_ids
        .iter()
        .map(|ids| format!("{}: {{ exists: true }}", yaml::scalar(&ids.path)))
        .collect();
    let when = match ids.as_slice() {
        [one] => format!("{{ {one} }}"),
        several => {
            let several: Vec<String> = several.iter().map(|one| format!("{{ {one} }}")).collect();
            format!("{{ any: [{}] }}", several.join(", "))
        }
    };
    let lines = vec![
        Line::new("when", when, "everything else that is about a ticket"),
        Line::new("type", "updated", ""),
    ];
    draft.rules.push(Rule {
        name: LAST.to_owned(),
        lines,
    });
}

fn by_kind(found: &Found<'_>, facts: &Facts, why: &str, message: &Message, draft: &mut Draft) {
    let mut rules: BTreeMap<(usize, Kind), Vec<&str>> = BTreeMap::new();
    let mut unknown = Vec::new();
    for (word, _) in facts.counted() {
        match kinds::of(word) {
            Some(kind) if kind.rule == LAST => {}
            Some(kind) => {
                let place = usize::from(kind.rule != FIRST);
                rules.entry((place, kind)).or_default().push(word);
            }
            None => unknown.push(word),
        }
    }
    if !unknown.is_empty() {
        let shown = shown(&unknown);
        draft.missing.push(format!(
            "type: not understood: {shown}. Such records become \"updated\"; write rules for them."
        ));
    }
    let path = yaml::scalar(&facts.path);
    for ((_, kind), words) in rules {
        let mut lines = vec![Line::new(
            "when",
            format!("{{ {path}: {} }}", yaml::list(words.iter().copied())),
            why,
        )];
        if kind.event.is_empty() {
            lines.push(Line::new("ignore", "true", "about no ticket"));
        } else {
            lines.extend(members(found, kind, message));
        }
        draft.rules.push(Rule {
            name: kind.rule.to_owned(),
            lines,
        });
    }
}

/// The members of a rule, after its condition.
fn members(found: &Found<'_>, kind: Kind, message: &Message) -> Vec<Line> {
    let statistics = found.statistics;
    let records = statistics.records;
    let mut lines = vec![Line::new("type", kind.event, "")];
    let mut instead = |why: &str| lines[0] = Line::new("type", "updated", why);
    match kind.event {
        "created" if found.created_at.is_some() => {
            lines.push(Line::new(
                "created_at",
                "~",
                "its own time is that of the creation",
            ));
        }
        "message" => {
            if kind.is_private {
                lines.push(Line::new("public", "false", "by its name a note of agents"));
            } else {
                lines.extend(message.public());
            }
            match kind.actor {
                Some(actor) => lines.push(Line::new("actor", actor, "by the event's name")),
                None => lines.extend(message.actor()),
            }
        }
        "csat_rated" => match pick(statistics, 2.0, candidates::score) {
            Some(score) => {
                let most = scale(score.facts);
                let said = why(&score, records);
                lines.push(Line::new("score", yaml::scalar(&score.facts.path), said));
                let why = "by the highest that was seen: say what the best is";
                lines.push(Line::new("score_max", most, why));
            }
            None => instead(
                "a rating, but nothing looks like its score: say score, score_max and type: csat_rated",
            ),
        },
        "worklog" => match statistics.facts.iter().find_map(seconds) {
            Some((value, why)) => lines.push(Line::new("handle_seconds", value, why)),
            None => instead(
                "time worked, but nothing looks like it: say handle_seconds and type: worklog",
            ),
        },
        "merged" => {
            let into = |facts: &&Facts| {
                facts.is_named(&["into", "target"])
                    && facts.share_of(&[ValueKind::Text, ValueKind::Integer]) >= 1.0
            };
            if let Some(into) = statistics.facts.iter().find(into) {
                lines.push(Line::new("into", yaml::scalar(&into.path), ""));
            }
        }
        "status_changed" if !found.has_status => {
            instead("the status changed, but which it is was not found");
        }
        _ => {}
    }
    lines
}

/// The best score there is, as far as can be told.
fn scale(facts: &Facts) -> String {
    let most = facts
        .values
        .iter()
        .filter_map(|value| value.text.parse().ok())
        .fold(0.0, f64::max);
    let scale = [5.0, 10.0, 100.0].into_iter().find(|scale| most <= *scale);
    scale.unwrap_or(100.0).to_string()
}

/// A path of time worked, in seconds.
fn seconds(facts: &Facts) -> Option<(String, &'static str)> {
    let are_numbers = facts.share_of(&[ValueKind::Integer, ValueKind::Real]) >= 1.0;
    let is_spent = facts.is_named(&["spent", "worked", "duration", "handle", "effort", "logged"])
        || facts.is_named(&["seconds", "minutes", "hours"]);
    if !are_numbers || !is_spent || facts.clock.is_some() || facts.is_named(&["id"]) {
        return None;
    }
    let path = yaml::scalar(&facts.path);
    let times = |factor: &str| format!("{{ value: {path}, times: {factor} }}");
    Some(if facts.is_named(&["minutes", "minute", "min", "mins"]) {
        (times("60"), "minutes, by its name")
    } else if facts.is_named(&["hours", "hour"]) {
        (times("3600"), "hours, by its name")
    } else if facts.is_named(&["ms", "milliseconds", "millis"]) {
        (times("0.001"), "milliseconds, by its name")
    } else {
        (path, "taken for seconds")
    })
}

/// Changes of rows.
fn of_rows(draft: &mut Draft) {
    let mut rule = |name: &str, lines: Vec<Line>| {
        draft.rules.push(Rule {
            name: name.to_owned(),
            lines,
        });
    };
    rule(
        "snapshot",
        vec![
            Line::new("when", "{ $op: r }", "read when the connector began"),
            Line::new(
                "snapshot",
                "true",
                "opens the ticket as it stands, counts nothing",
            ),
            Line::new("type", "updated", ""),
        ],
    );
    for (name, op, kind) in [("created", "c", "created"), ("deleted", "d", "deleted")] {
        let when = format!("{{ $op: {op} }}");
        rule(
            name,
            vec![Line::new("when", when, ""), Line::new("type", kind, "")],
        );
    }
}

/// Without a word for what has happened: by what is in the record.
fn by_shape(found: &Found<'_>, message: &Message, draft: &mut Draft) {
    draft.missing.push(
        "type: no member says what has happened. Records say how the ticket is, and the exporter \
         sees what has changed."
            .into(),
    );
    if let Some(within) = &message.within {
        let when = format!("{{ {}: {{ exists: true }} }}", yaml::scalar(within));
        let mut lines = vec![
            Line::new("when", when, "not in every record"),
            Line::new("type", "message", ""),
        ];
        lines.extend(message.public());
        lines.extend(message.actor());
        draft.rules.push(Rule {
            name: "message".to_owned(),
            lines,
        });
    }
    if let (Some(created_at), Some(at)) = (found.created_at, found.at) {
        let when = format!(
            "{{ {}: {} }}",
            yaml::scalar(&created_at.path),
            yaml::scalar(&at.path)
        );
        draft.rules.push(Rule {
            name: "created".to_owned(),
            lines: vec![
                Line::new("when", when, "nothing has happened since its creation"),
                Line::new("type", "created", ""),
                Line::new("created_at", "~", "its own time is that of the creation"),
            ],
        });
    }
}

/// What was found of messages.
struct Message {
    /// The path of the message's own object.
    within: Option<String>,
    public: Option<Line>,
    actor: Option<Line>,
}

impl Message {
    fn of(found: &Found<'_>, draft: &mut Draft) -> Self {
        const MESSAGES: [&str; 7] = [
            "comment", "message", "reply", "note", "article", "email", "post",
        ];
        let statistics = found.statistics;
        let records = statistics.records;
        let within = statistics.facts.iter().find(|facts| {
            facts.is_within(&MESSAGES)
                && !facts.in_list
                && !facts.within.is_empty()
                && facts.parent.len() == 1
                && facts.share(records) < 1.0
        });
        let public = pick(statistics, 2.0, candidates::visibility).map(|visibility| {
            let value = public(visibility.facts, draft);
            Line::new("public", value, why(&visibility, records))
        });
        Self {
            within: within.map(|facts| facts.within.clone()),
            public,
            actor: actor(found, draft),
        }
    }

    fn public(&self) -> Option<Line> {
        self.public
            .as_ref()
            .map(|line| Line::new(&line.key, line.value.clone(), line.why.clone()))
    }

    fn actor(&self) -> Option<Line> {
        let unknown = || Line::new("actor", "agent", "an assumption: nothing says who wrote");
        Some(self.actor.as_ref().map_or_else(unknown, |line| {
            Line::new(&line.key, line.value.clone(), line.why.clone())
        }))
    }
}

fn public(facts: &Facts, draft: &mut Draft) -> String {
    let path = yaml::scalar(&facts.path);
    let is_private = facts.is_named(&["private", "internal", "hidden"]);
    if facts.share_of(&[ValueKind::Text]) < 1.0 {
        return if is_private {
            format!("[{{ value: \"false\", when: {{ {path}: [true, 1] }} }}, \"true\"]")
        } else {
            path
        };
    }
    let mut words: BTreeMap<bool, Vec<String>> = BTreeMap::new();
    for (word, _) in facts.counted() {
        match word.to_lowercase().as_str() {
            "public" | "external" | "visible" => {
                words.entry(true).or_default().push(word.to_owned());
            }
            "private" | "internal" | "hidden" => {
                words.entry(false).or_default().push(word.to_owned());
            }
            _ => {}
        }
    }
    if words.is_empty() {
        return path;
    }
    draft.maps.push(Map {
        name: "visibility",
        words: words
            .into_iter()
            .map(|(public, words)| (public.to_string(), words))
            .collect(),
        notes: Vec::new(),
    });
    format!("{{ value: {path}, map: visibility }}")
}

fn actor(found: &Found<'_>, draft: &mut Draft) -> Option<Line> {
    let statistics = found.statistics;
    let records = statistics.records;
    let same = match (
        pick(statistics, 2.0, candidates::author_id),
        pick(statistics, 2.0, candidates::requester_id),
    ) {
        (Some(author), Some(requester)) => Some(format!(
            "{{ value: customer, when: {{ {}: {} }} }}",
            yaml::scalar(&author.facts.path),
            yaml::scalar(&requester.facts.path)
        )),
        _ => None,
    };
    let Some(actor) = pick(statistics, 2.0, candidates::actor) else {
        let value = format!("[{}, agent]", same?);
        return Some(Line::new(
            "actor",
            value,
            "a customer where both are the same person",
        ));
    };
    let mut words: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    let mut unknown = 0;
    for (word, _) in actor.facts.counted() {
        match vocabulary::actor(word) {
            Some(ours) => words.entry(ours.name()).or_default().push(word.to_owned()),
            None => unknown += 1,
        }
    }
    let note = format!("{unknown} more words, which could be names: test-mapping shows them");
    draft.maps.push(Map {
        name: "actor",
        words: words
            .into_iter()
            .map(|(ours, words)| (ours.to_owned(), words))
            .collect(),
        notes: if unknown == 0 { Vec::new() } else { vec![note] },
    });
    let mapped = format!(
        "{{ value: {}, map: actor }}",
        yaml::scalar(&actor.facts.path)
    );
    let value = match same {
        Some(same) => format!("[{mapped}, {same}, agent]"),
        None => mapped,
    };
    Some(Line::new("actor", value, why(&actor, records)))
}
