//! Section 1: the canonical ticket event, read from one line of JSON.

use chrono::DateTime;
use serde_json::Value;
use std::collections::BTreeMap;

/// The greatest length of the value of an own attribute, in bytes.
const LONGEST_VALUE: usize = 256;

/// Status categories in the contract's order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Status {
    New,
    Open,
    Pending,
    OnHold,
    Solved,
    Closed,
}

impl Status {
    pub const ALL: [Self; 6] = [
        Self::New,
        Self::Open,
        Self::Pending,
        Self::OnHold,
        Self::Solved,
        Self::Closed,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Open => "open",
            Self::Pending => "pending",
            Self::OnHold => "on_hold",
            Self::Solved => "solved",
            Self::Closed => "closed",
        }
    }

    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.name() == name)
    }

    /// Solved or closed: not in the backlog.
    pub fn is_done(self) -> bool {
        matches!(self, Self::Solved | Self::Closed)
    }
}

pub const TYPES: [&str; 18] = [
    "created",
    "message",
    "status_changed",
    "team_changed",
    "agent_changed",
    "priority_changed",
    "updated",
    "worklog",
    "escalated",
    "csat_offered",
    "csat_rated",
    "merged",
    "spam",
    "deleted",
    "undeleted",
    "solved",
    "reopened",
    "closed",
];

/// `Option<Option<_>>`: not stated, or stated as none, or a value.
#[derive(Clone, Debug)]
pub struct Event {
    pub ticket: String,
    pub kind: String,
    /// Milliseconds since the epoch.
    pub at: i64,
    pub created_at: Option<i64>,
    pub team: Option<Option<String>>,
    pub agent: Option<bool>,
    pub priority: Option<Option<String>>,
    pub status: Option<Status>,
    pub channel: Option<Option<String>>,
    /// Stated own attributes that the configuration has.
    pub attributes: BTreeMap<String, Option<String>>,
    pub requester: Option<String>,
    pub author: Option<String>,
    pub actor: Option<String>,
    pub public: bool,
    pub handle_ms: Option<i64>,
    pub score: Option<f64>,
    pub score_max: f64,
    pub into: Option<String>,
    /// The event id, otherwise the whole line.
    pub identity: String,
}

/// The event in a line; `None` if a required member is missing, or a member has a type or value that the
/// contract does not allow. `own` are the names of the own attributes.
pub fn parse<'a>(line: &str, own: impl IntoIterator<Item = &'a String>) -> Option<Event> {
    let value: Value = serde_json::from_str(line).ok()?;
    let members = value.as_object()?;
    let kind = members.get("type")?.as_str()?.to_owned();
    if !TYPES.contains(&kind.as_str()) {
        return None;
    }
    let implied = match kind.as_str() {
        "solved" => Some(Status::Solved),
        "closed" => Some(Status::Closed),
        "reopened" => Some(Status::Open),
        _ => None,
    };
    let named = match text(&value, "status")? {
        Some(name) => Some(Status::named(&name)?),
        None => None,
    };
    let actor = text(&value, "actor")?;
    if let Some(actor) = &actor
        && !["agent", "customer", "bot", "system"].contains(&actor.as_str())
    {
        return None;
    }
    let public = match value.get("public") {
        None | Some(Value::Null) => true,
        Some(public) => public.as_bool()?,
    };
    let handle_ms = match number(&value, "handle_seconds")? {
        Some(seconds) if seconds < 0.0 => return None,
        None if kind == "worklog" => return None,
        seconds => seconds.map(|seconds| (seconds * 1000.0).round() as i64),
    };
    let score_max = number(&value, "score_max")?.unwrap_or(5.0);
    let score = match number(&value, "score")? {
        Some(score) if score < 1.0 || score > score_max => return None,
        None if kind == "csat_rated" => return None,
        score => score,
    };
    if score_max < 2.0 {
        return None;
    }
    let event_id = text(&value, "event_id")?.filter(|id| !id.is_empty());
    Some(Event {
        ticket: identifier(members.get("ticket_id")?)?,
        at: instant(members.get("at")?)?,
        created_at: match members.get("created_at") {
            None | Some(Value::Null) => None,
            Some(value) => Some(instant(value)?),
        },
        team: nullable(&value, "team")?.map(|team| team.and_then(unless_none)),
        agent: nullable(&value, "agent")?.map(|agent| agent.is_some()),
        attributes: attributes(&value, own)?,
        priority: text(&value, "priority")?.map(unless_none),
        status: implied.or(named),
        channel: text(&value, "channel")?.map(unless_none),
        requester: optional_identifier(&value, "requester")?,
        author: optional_identifier(&value, "author")?,
        actor,
        public,
        handle_ms,
        score,
        score_max,
        into: optional_identifier(&value, "into")?,
        identity: event_id.map_or_else(|| format!("line {line}"), |id| format!("id {id}")),
        kind,
    })
}

fn unless_empty(text: String) -> Option<String> {
    Some(text).filter(|text| !text.is_empty())
}

/// The text `none` is the same as no value.
fn unless_none(text: String) -> Option<String> {
    unless_empty(text).filter(|text| text != "none")
}

/// The own attributes that the event states.
fn attributes<'a>(
    value: &Value,
    own: impl IntoIterator<Item = &'a String>,
) -> Option<BTreeMap<String, Option<String>>> {
    let mut stated = BTreeMap::new();
    let members = match value.get("attributes") {
        None | Some(Value::Null) => return Some(stated),
        Some(value) => value.as_object()?,
    };
    for name in own {
        let value = match members.get(name) {
            None => continue,
            Some(Value::Null) => None,
            Some(Value::String(text)) if text.len() <= LONGEST_VALUE => unless_none(text.clone()),
            Some(Value::Bool(flag)) => Some(flag.to_string()),
            Some(Value::Number(number)) if number.is_i64() || number.is_u64() => {
                Some(number.to_string())
            }
            Some(_) => return None,
        };
        stated.insert(name.clone(), value);
    }
    Some(stated)
}

fn optional_identifier(value: &Value, member: &str) -> Option<Option<String>> {
    match value.get(member) {
        None | Some(Value::Null) => Some(None),
        Some(value) => Some(Some(identifier(value)?)),
    }
}

fn identifier(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if (1..=256).contains(&text.len()) => Some(text.clone()),
        Value::Number(number) if number.is_i64() || number.is_u64() => Some(number.to_string()),
        _ => None,
    }
}

fn instant(value: &Value) -> Option<i64> {
    match value {
        Value::String(text) => Some(DateTime::parse_from_rfc3339(text).ok()?.timestamp_millis()),
        value => value.as_i64(),
    }
}

/// Absent and null are the same here.
fn text(value: &Value, member: &str) -> Option<Option<String>> {
    match value.get(member) {
        None | Some(Value::Null) => Some(None),
        Some(Value::String(text)) => Some(Some(text.clone())),
        Some(_) => None,
    }
}

/// Null and empty text both state that there is none.
fn nullable(value: &Value, member: &str) -> Option<Option<Option<String>>> {
    match value.get(member) {
        None => Some(None),
        Some(Value::Null) => Some(Some(None)),
        Some(Value::String(text)) => Some(Some(unless_empty(text.clone()))),
        Some(_) => None,
    }
}

fn number(value: &Value, member: &str) -> Option<Option<f64>> {
    match value.get(member) {
        None | Some(Value::Null) => Some(None),
        Some(number) => Some(Some(number.as_f64()?)),
    }
}
