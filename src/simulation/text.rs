//! Writes a canonical event (contract, section 1) as compact JSON.

use std::fmt::Write;

use super::profile::{MOST_ATTRIBUTES, Profile};
use super::ticket::{Act, SimulatedTicket};
use crate::domain::timestamp::Timestamp;

/// Prefix of ticket ids.
const TICKET_PREFIX: &str = "SUP-";
/// Enough for the longest usual event.
const EVENT_BYTES: usize = 360;

/// Writes events with the names of one profile, which are JSON strings with quotes.
#[derive(Clone, Debug)]
pub(super) struct EventWriter {
    teams: Vec<String>,
    priorities: Vec<String>,
    channels: Vec<String>,
    /// Names and values.
    attributes: Vec<(String, Vec<String>)>,
}

impl EventWriter {
    pub(super) fn new(profile: &Profile) -> Self {
        let teams = profile.teams.iter().map(|team| quoted(&team.name));
        let priorities = profile.priorities.iter();
        let channels = profile.channels.iter();
        let attributes = profile.attributes.iter().take(MOST_ATTRIBUTES);
        Self {
            teams: teams.collect(),
            priorities: priorities.map(|one| quoted(&one.name)).collect(),
            channels: channels.map(|one| quoted(&one.name)).collect(),
            attributes: attributes
                .map(|one| {
                    let values = one.values.iter();
                    let values = values.map(|(value, _)| quoted(value)).collect();
                    (quoted(&one.name), values)
                })
                .collect(),
        }
    }

    /// Writes one event: its own content from `act`, and the state of the ticket after it.
    pub(super) fn event(
        &self,
        ticket: &SimulatedTicket,
        act: &Act,
        at: Timestamp,
        event_id: u64,
    ) -> String {
        let mut json = String::with_capacity(EVENT_BYTES);
        // Writing to a string cannot fail.
        let _ = write!(
            json,
            r#"{{"event_id":"{event_id:016x}","ticket_id":"{}","type":"{}","at":"{}","created_at":"{}""#,
            ticket_id(ticket.number),
            act.kind,
            at.rfc3339(),
            ticket.created.rfc3339(),
        );
        let mut member = |name: &str, value: Option<String>| {
            let _ = value.map(|value| write!(json, ",\"{name}\":{value}"));
        };
        let named = |names: &[String], position: Option<u16>| {
            position.and_then(|position| names.get(usize::from(position)).cloned())
        };
        let none = || "null".to_owned();
        let channel = Some(ticket.channel).filter(|_| act.kind == "created");
        member("channel", named(&self.channels, channel));
        let team = named(&self.teams, ticket.team);
        let agent = ticket.agent.zip(team.as_deref()).map(|(agent, team)| {
            let open = &team[..team.len() - 1];
            format!("{open}-{}\"", agent + 1)
        });
        member("team", team.or_else(|| Some(none())));
        member("agent", agent.or_else(|| Some(none())));
        member("priority", named(&self.priorities, ticket.priority));
        member("attributes", self.attributes(ticket));
        member("status", Some(quoted(ticket.status.name())));
        member("actor", Some(quoted(act.actor)));
        let public = act.public.to_string();
        member("public", Some(public).filter(|_| act.kind == "message"));
        let handle = act.handle_seconds.map(|seconds| seconds.to_string());
        member("handle_seconds", handle);
        member("score", act.score.map(|score| score.to_string()));
        member("score_max", act.score.map(|_| "5".to_owned()));
        let into = act.into.map(|survivor| quoted(&ticket_id(survivor)));
        member("into", into);
        json.push('}');
        json
    }

    fn attributes(&self, ticket: &SimulatedTicket) -> Option<String> {
        let stated = self.attributes.iter().zip(ticket.attributes);
        let stated = stated.map(|((name, values), position)| {
            let value = position.and_then(|position| values.get(usize::from(position)));
            format!("{name}:{}", value.map_or("null", String::as_str))
        });
        let stated: Vec<String> = stated.collect();
        (!stated.is_empty()).then(|| format!("{{{}}}", stated.join(",")))
    }
}

pub(super) fn ticket_id(number: u64) -> String {
    format!("{TICKET_PREFIX}{number}")
}

fn quoted(name: &str) -> String {
    serde_json::Value::from(name).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::event::Status;

    #[test]
    fn names_are_escaped() {
        let mut profile = Profile::default();
        profile.teams[0].name = "say \"hi\"".to_owned();
        let writer = EventWriter::new(&profile);
        let mut teller = crate::simulation::story::Storyteller::new(1, &profile);
        let mut ticket = teller.arrive(7, Timestamp(0), Some(0));
        ticket.team = Some(0);
        ticket.agent = Some(2);
        ticket.attributes = [Some(0), None, None, None];
        ticket.status = Status::Open;
        let act = Act {
            into: Some(6),
            score: Some(4),
            ..Act::new("merged", "agent")
        };
        let json = writer.event(&ticket, &act, Timestamp(1), 255);
        let value: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(value["team"], "say \"hi\"");
        assert_eq!(value["agent"], "say \"hi\"-3");
        assert_eq!(
            value["attributes"],
            serde_json::json!({ "tier": "gold", "product": null })
        );
        assert_eq!(value["into"], "SUP-6");
        assert_eq!(value["ticket_id"], "SUP-7");
        assert_eq!(value["event_id"], "00000000000000ff");
        assert_eq!(value["score"], 4);
    }
}
