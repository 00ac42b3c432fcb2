//! Writes a canonical event as a line of JSON, which the decoder reads as the same event.

use serde::Serialize;

use crate::domain::event::{Actor, Event, EventType, Status};
use crate::domain::timestamp::{Timestamp, seconds};

/// The assignee of an assigned ticket. An event does not have the name.
const ASSIGNEE: &str = "assigned";
/// On the scale from 1 to 2, a rating is 1 plus its position from 0 to 1.
const UNIT_SCALE: f64 = 2.0;

#[derive(Serialize)]
struct EventLine<'a> {
    ticket_id: &'a str,
    #[serde(rename = "type")]
    kind: &'static str,
    at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    event_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    created_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    team: Option<Option<&'a str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    agent: Option<Option<&'static str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    priority: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    channel: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    actor: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    requester: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    author: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    public: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    handle_seconds: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    score: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    score_max: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    into: Option<&'a str>,
}

/// The line, without a line feed. `event_id` is separate, because an event has only its hash.
pub fn event_line(event: &Event<'_>, event_id: Option<&str>) -> String {
    let line = EventLine {
        ticket_id: &event.ticket_id,
        kind: event.kind.name(),
        at: event.at,
        event_id,
        created_at: event.created_at,
        team: event.team.as_ref().map(Option::as_deref),
        agent: event.assigned.map(|assigned| assigned.then_some(ASSIGNEE)),
        priority: event.priority.as_deref(),
        status: event.status.map(Status::name),
        channel: event.channel.as_deref(),
        actor: event.actor.map(Actor::name),
        requester: event.requester.as_deref(),
        author: event.author.as_deref(),
        public: (event.kind == EventType::Message).then_some(event.public),
        handle_seconds: event.handle.map(seconds),
        score: event.rating.map(|rating| 1.0 + rating),
        score_max: event.rating.map(|_| UNIT_SCALE),
        into: event.into.as_deref(),
    };
    // These types cannot fail to serialize.
    serde_json::to_string(&line).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::event::EventIdentity;

    #[test]
    fn absent_members_are_left_out() {
        let kind = EventType::CsatRated;
        let mut event = Event::new("7", kind, Timestamp(1_500), EventIdentity(1));
        event.rating = Some(0.75);
        event.team = Some(None);
        event.assigned = Some(true);
        event.status = Some(Status::OnHold);
        event.handle = Some(1_500);
        event.requester = Some("42".into());
        event.author = Some("7".into());
        assert_eq!(
            event_line(&event, Some("e")),
            "{\"ticket_id\":\"7\",\"type\":\"csat_rated\",\"at\":\"1970-01-01T00:00:01.500Z\",\
             \"event_id\":\"e\",\"team\":null,\"agent\":\"assigned\",\"status\":\"on_hold\",\
             \"requester\":\"42\",\"author\":\"7\",\"handle_seconds\":1.5,\"score\":1.75,\"score_max\":2.0}"
        );
    }
}
