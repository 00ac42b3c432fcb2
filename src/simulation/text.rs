//! Writes a canonical event (contract, section 1) as compact JSON into a reused buffer.

use super::profile::Profile;
use super::ticket::{Act, SimulatedTicket};
use crate::domain::timestamp::{DAY, HOUR, MINUTE, SECOND, Timestamp};

/// Prefix of ticket ids.
const TICKET_PREFIX: &str = "SUP-";
/// Enough for the longest usual event.
const EVENT_BYTES: usize = 320;
const HEXADECIMAL: &[u8; 16] = b"0123456789abcdef";

/// Writes events with the names of one profile.
#[derive(Clone, Debug)]
pub(super) struct EventWriter {
    /// Names as JSON strings with quotes.
    teams: Vec<String>,
    /// Without the closing quote, because an agent is `"billing-3"`.
    agents: Vec<String>,
    priorities: Vec<String>,
    channels: Vec<String>,
    /// The last dates written: event time and creation.
    days: [(i64, String); 2],
}

impl EventWriter {
    pub(super) fn new(profile: &Profile) -> Self {
        let teams: Vec<String> = profile
            .teams
            .iter()
            .map(|team| quoted(&team.name))
            .collect();
        Self {
            agents: teams
                .iter()
                .map(|team| team[..team.len() - 1].to_owned())
                .collect(),
            teams,
            priorities: profile
                .priorities
                .iter()
                .map(|priority| quoted(&priority.name))
                .collect(),
            channels: profile
                .channels
                .iter()
                .map(|channel| quoted(&channel.name))
                .collect(),
            days: [(i64::MIN, String::new()), (i64::MIN, String::new())],
        }
    }

    /// Writes one event: its own content from `act`, and the state of the ticket after it.
    pub(super) fn event(
        &mut self,
        ticket: &SimulatedTicket,
        act: &Act,
        at: Timestamp,
        event_id: u64,
    ) -> String {
        let mut json = String::with_capacity(EVENT_BYTES);
        json.push_str("{\"event_id\":\"");
        hexadecimal(&mut json, event_id);
        json.push_str("\",\"ticket_id\":\"");
        push_ticket_id(&mut json, ticket.number);
        json.push_str("\",\"type\":\"");
        json.push_str(act.kind);
        json.push_str("\",\"at\":\"");
        push_instant(&mut json, &mut self.days[0], at);
        json.push_str("\",\"created_at\":\"");
        push_instant(&mut json, &mut self.days[1], ticket.created);
        json.push('"');
        if act.kind == "created" {
            member(
                &mut json,
                "channel",
                self.channels.get(usize::from(ticket.channel)),
            );
        }
        let team = ticket.team.map(usize::from);
        json.push_str(",\"team\":");
        json.push_str(
            team.and_then(|team| self.teams.get(team))
                .map_or("null", |name| name),
        );
        json.push_str(",\"agent\":");
        match (ticket.agent, team.and_then(|team| self.agents.get(team))) {
            (Some(agent), Some(name)) => {
                json.push_str(name);
                json.push('-');
                push_digits(&mut json, u64::from(agent) + 1, 1);
                json.push('"');
            }
            _ => json.push_str("null"),
        }
        let priority = ticket.priority.map(usize::from);
        member(
            &mut json,
            "priority",
            priority.and_then(|priority| self.priorities.get(priority)),
        );
        json.push_str(",\"status\":\"");
        json.push_str(ticket.status.name());
        json.push_str("\",\"actor\":\"");
        json.push_str(act.actor);
        json.push('"');
        if act.kind == "message" {
            json.push_str(if act.public {
                ",\"public\":true"
            } else {
                ",\"public\":false"
            });
        }
        if let Some(seconds) = act.handle_seconds {
            json.push_str(",\"handle_seconds\":");
            push_digits(&mut json, seconds.unsigned_abs(), 1);
        }
        if let Some(score) = act.score {
            json.push_str(",\"score\":");
            push_digits(&mut json, u64::from(score), 1);
            json.push_str(",\"score_max\":5");
        }
        if let Some(survivor) = act.into {
            json.push_str(",\"into\":\"");
            push_ticket_id(&mut json, survivor);
            json.push('"');
        }
        json.push('}');
        json
    }
}

pub(super) fn ticket_id(number: u64) -> String {
    let mut text = String::with_capacity(16);
    push_ticket_id(&mut text, number);
    text
}

fn push_ticket_id(text: &mut String, number: u64) {
    text.push_str(TICKET_PREFIX);
    push_digits(text, number, 1);
}

/// A JSON string, which is also a YAML string.
pub(super) fn quoted(name: &str) -> String {
    serde_json::to_string(name).unwrap_or_else(|_| "\"\"".to_owned())
}

/// Writes a member whose value is JSON already, if there is one.
fn member(json: &mut String, name: &str, value: Option<&String>) {
    if let Some(value) = value {
        json.push_str(",\"");
        json.push_str(name);
        json.push_str("\":");
        json.push_str(value);
    }
}

/// RFC 3339 in UTC. The date is reused, because most events are on the day of the previous one.
fn push_instant(text: &mut String, day: &mut (i64, String), at: Timestamp) {
    let number = at.0.div_euclid(DAY);
    if day.0 != number {
        let midnight = Timestamp(number.saturating_mul(DAY)).rfc3339();
        *day = (
            number,
            midnight.split('T').next().unwrap_or_default().to_owned(),
        );
    }
    text.push_str(&day.1);
    let time = at.0.rem_euclid(DAY).unsigned_abs();
    let [hour, minute, second] = [HOUR, MINUTE, SECOND].map(i64::unsigned_abs);
    for (separator, digits, value) in [
        ('T', 2, time / hour),
        (':', 2, time / minute % 60),
        (':', 2, time / second % 60),
        ('.', 3, time % second),
    ] {
        text.push(separator);
        push_digits(text, value, digits);
    }
    text.push('Z');
}

/// Decimal digits with leading zeros up to `least`.
fn push_digits(text: &mut String, mut number: u64, least: usize) {
    let mut digits = [b'0'; 20];
    let mut start = digits.len();
    while number > 0 || digits.len() - start < least {
        start -= 1;
        digits[start] = HEXADECIMAL[usize::try_from(number % 10).unwrap_or(0)];
        number /= 10;
    }
    text.push_str(std::str::from_utf8(&digits[start..]).unwrap_or_default());
}

fn hexadecimal(text: &mut String, number: u64) {
    let digits: [u8; 16] = std::array::from_fn(|position| {
        let nibble = number >> (60 - 4 * position) & 15;
        HEXADECIMAL[usize::try_from(nibble).unwrap_or(0)]
    });
    text.push_str(std::str::from_utf8(&digits).unwrap_or_default());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::event::Status;

    #[test]
    fn instants_are_those_of_the_vocabulary() {
        let mut day = (i64::MIN, String::new());
        for milliseconds in [
            0,
            1,
            999,
            1_772_425_805_123,
            -1,
            951_782_400_000,
            86_399_999,
        ] {
            let mut text = String::new();
            push_instant(&mut text, &mut day, Timestamp(milliseconds));
            assert_eq!(text, Timestamp(milliseconds).rfc3339());
        }
    }

    #[test]
    fn names_are_escaped() {
        let mut profile = Profile::default();
        profile.teams[0].name = "say \"hi\"".to_owned();
        let mut writer = EventWriter::new(&profile);
        let mut teller = crate::simulation::story::Storyteller::new(1, &profile);
        let mut ticket = teller.arrive(7, Timestamp(0), Some(0));
        ticket.team = Some(0);
        ticket.agent = Some(2);
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
        assert_eq!(value["into"], "SUP-6");
        assert_eq!(value["ticket_id"], "SUP-7");
        assert_eq!(value["event_id"], "00000000000000ff");
        assert_eq!(value["score"], 4);
    }
}
