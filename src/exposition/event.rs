//! Writes a canonical event as a line of JSON, which the decoder reads as the same event.

use serde::{Serialize, Serializer};
use serde_json::{Map, Value};

use crate::domain::event::{Actor, Event, EventType, Status};
use crate::domain::timestamp::{Timestamp, seconds};

/// The assignee of an assigned ticket. An event does not have the name.
const ASSIGNEE: &str = "assigned";
/// On the scale from 1 to 2, a rating is 1 plus its position from 0 to 1.
const UNIT_SCALE: f64 = 2.0;

/// Members in the order of the line.
struct EventLine(Vec<(&'static str, Value)>);

impl EventLine {
    /// Adds a member that the event states.
    fn add<T: Into<Value>>(&mut self, name: &'static str, value: Option<T>) {
        self.0.extend(value.map(|value| (name, value.into())));
    }
}

impl Serialize for EventLine {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}

/// The line, without a line feed. `event_id` is separate, because an event has only its hash.
pub fn event_line(event: &Event<'_>, event_id: Option<&str>) -> String {
    let assignee = |assigned: bool| assigned.then_some(ASSIGNEE);
    let mut line = EventLine(Vec::new());
    line.add("ticket_id", Some(&*event.ticket_id));
    line.add("type", Some(event.kind.name()));
    line.add("at", Some(event.at.rfc3339()));
    line.add("event_id", event_id);
    line.add("created_at", event.created_at.map(Timestamp::rfc3339));
    line.add("team", event.team.as_ref().map(Option::as_deref));
    line.add("agent", event.assigned.map(assignee));
    line.add("priority", event.priority.as_deref());
    line.add("status", event.status.map(Status::name));
    line.add("channel", event.channel.as_deref());
    line.add("actor", event.actor.map(Actor::name));
    line.add("attributes", attributes(event));
    line.add("requester", event.requester.as_deref());
    line.add("author", event.author.as_deref());
    let is_message = event.kind == EventType::Message;
    line.add("public", is_message.then_some(event.public));
    line.add("handle_seconds", event.handle.map(seconds));
    line.add("score", event.rating.map(|rating| 1.0 + rating));
    line.add("score_max", event.rating.map(|_| UNIT_SCALE));
    line.add("into", event.into.as_deref());
    // These types cannot fail to serialize.
    serde_json::to_string(&line).unwrap_or_default()
}

/// The user's own attributes, if the event states any.
fn attributes(event: &Event<'_>) -> Option<Map<String, Value>> {
    let stated = event.attributes.iter();
    let values = stated.map(|one| (one.name.to_string(), one.value.as_deref().into()));
    (!event.attributes.is_empty()).then(|| values.collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::event::{EventIdentity, StatedAttribute};

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
        for (name, value) in [("tier", Some("gold")), ("product", None)] {
            event.attributes.push(StatedAttribute {
                name: name.into(),
                value: value.map(Into::into),
            });
        }
        assert_eq!(
            event_line(&event, Some("e")),
            "{\"ticket_id\":\"7\",\"type\":\"csat_rated\",\"at\":\"1970-01-01T00:00:01.500Z\",\
             \"event_id\":\"e\",\"team\":null,\"agent\":\"assigned\",\"status\":\"on_hold\",\
             \"attributes\":{\"product\":null,\"tier\":\"gold\"},\"requester\":\"42\",\"author\":\"7\",\"handle_seconds\":1.5,\"score\":1.75,\"score_max\":2.0}"
        );
    }
}
