//! Random configurations and random stories of tickets for them, the same for the same seed: every event
//! type and member, duplicates, disorder, old states that arrive late, partial tickets, merges, withdrawals, and
//! events exactly at decisive instants (deadlines, finalization, changes to and from summer time).

#![allow(
    dead_code,
    unreachable_pub,
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used
)]

mod configuration;
pub mod dice;
mod late;
mod laws;
mod long;
mod values;

pub use long::long;

use crate::naive::Setup;
use crate::naive::setup::milliseconds;
use dice::Dice;
use serde_json::{Map, Value, json};
use values::{
    STATUSES, account, agent, channel, own_value, priority, score, spelled, team, ticket_id,
};

/// The amount of events.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    pub tickets: usize,
    /// The maximum of events for each ticket.
    pub events: usize,
}

impl Default for Size {
    fn default() -> Self {
        Self {
            tickets: 12,
            events: 25,
        }
    }
}

/// A configuration and a story in the order of arrival.
pub fn random(seed: u64, size: Size) -> (Setup, Vec<String>) {
    let mut dice = Dice::new(seed);
    let setup = configuration::random(&mut dice);
    let story = Story {
        pace: *dice.pick(&[2_000, 60_000, 900_000, 7_200_000, 86_400_000, 604_800_000]),
        disorder: *dice.pick(&[0, 0, 3_000, 60_000, 86_400_000]),
        begin: *dice.pick(&configuration::CLOCK_CHANGES) - dice.below(3 * 86_400_000),
        retries: *dice.pick(&[0, 5, 25]),
        setup: &setup,
        size,
        counter: 0,
        lines: Vec::new(),
    };
    let lines = story.into_lines(&mut dice);
    (setup, lines)
}

struct Story<'a> {
    setup: &'a Setup,
    size: Size,
    /// Typical time between two events of a ticket, in milliseconds.
    pace: i64,
    /// The delay of late records, in milliseconds.
    disorder: i64,
    begin: i64,
    /// The chance, in percent, that an old state of the ticket arrives after an event.
    retries: i64,
    counter: usize,
    /// Arrival time and line.
    lines: Vec<(i64, String)>,
}

impl Story<'_> {
    fn into_lines(mut self, dice: &mut Dice) -> Vec<String> {
        for ticket in 0..self.size.tickets {
            self.add_ticket(ticket, dice);
        }
        // Equal arrival times keep their order.
        self.lines.sort_by_key(|(arrival, _)| *arrival);
        let mut lines: Vec<String> = self.lines.into_iter().map(|(_, line)| line).collect();
        for broken in [
            "no json",
            "{}",
            "{\"ticket_id\":1,\"type\":\"created\"}",
            "[1]",
        ] {
            if dice.chance(5) {
                let place = dice.below(lines.len() as i64 + 1) as usize;
                lines.insert(place, broken.to_owned());
            }
        }
        lines
    }

    fn add_ticket(&mut self, ticket: usize, dice: &mut Dice) {
        let begin = self.begin + dice.below(self.pace * self.size.tickets as i64 + 1);
        let mut at = begin;
        // Instants at which something may be decided later.
        let mut turning_points: Vec<i64> = Vec::new();
        let mut known_creation = None;
        if dice.chance(85) {
            let mut created = self.event(ticket, "created", dice);
            self.attributes(&mut created, 60, dice);
            if dice.chance(50) {
                created.insert("channel".into(), channel(dice));
            }
            if dice.chance(50) {
                created.insert("requester".into(), account(dice));
            }
            if dice.chance(10) {
                let earlier = at - dice.below(self.pace * 2 + 1);
                created.insert("created_at".into(), spelled(earlier, dice));
            }
            known_creation = Some(at);
            let late = dice.chance(10);
            self.record(created, at, late, dice);
            self.note_targets(at, &mut turning_points);
            if dice.chance(30) {
                self.opening_message(ticket, at, dice);
            }
            if dice.chance(15) {
                let mut same_update = self.event(ticket, "updated", dice);
                self.attributes(&mut same_update, 60, dice);
                self.record(same_update, at, false, dice);
            }
        }
        let mut instants = vec![begin];
        let events = 1 + dice.below(self.size.events as i64);
        for _ in 0..events {
            at = self.next_instant(at, &turning_points, dice);
            let event = self.any_event(ticket, known_creation.unwrap_or(begin), dice);
            let kind = event["type"].as_str().unwrap().to_owned();
            let status = event.get("status").and_then(Value::as_str).unwrap_or("");
            let status = status.to_owned();
            self.record(event, at, false, dice);
            match kind.as_str() {
                "message" => self.note_targets(at, &mut turning_points),
                "deleted" | "spam" | "merged" => {
                    turning_points.push(at + milliseconds(&self.setup.undelete_grace));
                    turning_points.push(at + milliseconds(&self.setup.retain));
                }
                _ => {}
            }
            if kind == "solved" || status == "solved" {
                let finalized = at + milliseconds(&self.setup.finalize_after);
                turning_points.push(finalized);
                turning_points.push(finalized + milliseconds(&self.setup.retain));
            }
            if kind == "closed" || status == "closed" {
                turning_points.push(at + milliseconds(&self.setup.retain));
            }
            if kind == "merged" && dice.chance(40) {
                self.late_survivor(ticket, at, dice);
            }
            instants.push(at);
            if dice.chance(self.retries) {
                self.late_state(ticket, &instants, dice);
            }
        }
    }

    /// A message of an agent about as late as the limit for opening messages.
    fn opening_message(&mut self, ticket: usize, creation: i64, dice: &mut Dice) {
        let limit = milliseconds(&self.setup.opening);
        let after = *dice.pick(&[0, limit - 1, limit, limit, limit + 1, limit / 2]);
        let mut opening = self.event(ticket, "message", dice);
        opening.insert("actor".into(), json!("agent"));
        if dice.chance(30) {
            opening.insert("author".into(), account(dice));
        }
        self.record(opening, creation + after.max(0), false, dice);
    }

    fn note_targets(&self, at: i64, turning_points: &mut Vec<i64>) {
        for policy in &self.setup.policies {
            for target in policy.targets.values() {
                turning_points.push(at + milliseconds(target));
            }
        }
    }

    /// Some time later, now and then at a turning point or a millisecond beside it.
    fn next_instant(&self, at: i64, turning_points: &[i64], dice: &mut Dice) -> i64 {
        let points: Vec<i64> = turning_points
            .iter()
            .chain(&configuration::CLOCK_CHANGES)
            .map(|point| point + dice.below(3) - 1)
            .filter(|point| (at..at + 40 * self.pace).contains(point))
            .collect();
        if !points.is_empty() && dice.chance(25) {
            return *dice.pick(&points);
        }
        match dice.below(10) {
            0 => at,
            1 => at + self.pace * (1 + dice.below(20)),
            _ => at + dice.below(2 * self.pace) / 1000 * 1000,
        }
    }

    fn event(&mut self, ticket: usize, kind: &str, dice: &mut Dice) -> Map<String, Value> {
        let mut event = Map::new();
        event.insert("ticket_id".into(), ticket_id(ticket));
        event.insert("type".into(), json!(kind));
        if dice.chance(60) {
            self.counter += 1;
            // Sometimes an earlier id: another record of the same event.
            let number = if dice.chance(3) {
                let ago = *dice.pick(&[20, 20, 200]);
                self.counter.saturating_sub(1 + dice.below(ago) as usize)
            } else {
                self.counter
            };
            event.insert("event_id".into(), json!(format!("e{number}")));
        }
        event
    }

    fn any_event(&mut self, ticket: usize, creation: i64, dice: &mut Dice) -> Map<String, Value> {
        let kind = *dice.pick(&[
            "message",
            "message",
            "message",
            "message",
            "message",
            "message",
            "message",
            "message",
            "status_changed",
            "status_changed",
            "status_changed",
            "status_changed",
            "solved",
            "solved",
            "solved",
            "reopened",
            "reopened",
            "closed",
            "team_changed",
            "team_changed",
            "agent_changed",
            "agent_changed",
            "priority_changed",
            "priority_changed",
            "updated",
            "updated",
            "worklog",
            "worklog",
            "csat_offered",
            "csat_rated",
            "csat_rated",
            "escalated",
            "merged",
            "spam",
            "deleted",
            "undeleted",
            "undeleted",
            "created",
        ]);
        self.event_of_type(ticket, kind, creation, dice)
    }

    fn event_of_type(
        &mut self,
        ticket: usize,
        kind: &str,
        creation: i64,
        dice: &mut Dice,
    ) -> Map<String, Value> {
        let mut event = self.event(ticket, kind, dice);
        match kind {
            "message" => {
                let actor = *dice.pick(&[
                    "agent", "agent", "agent", "customer", "customer", "bot", "system", "",
                ]);
                if !actor.is_empty() {
                    event.insert("actor".into(), json!(actor));
                }
                if dice.chance(35) {
                    event.insert("author".into(), account(dice));
                }
                if dice.chance(15) {
                    event.insert("public".into(), json!(dice.chance(30)));
                }
                self.attributes(&mut event, 8, dice);
            }
            "status_changed" => {
                let status = *dice.pick(&STATUSES);
                event.insert("status".into(), json!(status));
                self.attributes(&mut event, 8, dice);
            }
            "team_changed" => {
                event.insert("team".into(), team(dice));
                self.attributes(&mut event, 8, dice);
            }
            "agent_changed" => {
                event.insert("agent".into(), agent(dice));
                self.attributes(&mut event, 5, dice);
            }
            "priority_changed" => {
                event.insert("priority".into(), priority(dice));
                self.attributes(&mut event, 5, dice);
            }
            "updated" => self.attributes(&mut event, 30, dice),
            "worklog" => {
                let seconds = [
                    json!(0),
                    json!(90),
                    json!(1200.5),
                    json!(0.25),
                    json!(36000),
                ];
                event.insert("handle_seconds".into(), dice.pick(&seconds).clone());
                self.attributes(&mut event, 4, dice);
            }
            "csat_rated" => {
                event.insert("score".into(), score(dice));
                if dice.chance(30) {
                    let best = [json!(5), json!(7), json!(10), json!(2), json!(1.5)];
                    event.insert("score_max".into(), dice.pick(&best).clone());
                }
            }
            "merged" if dice.chance(75) => {
                event.insert("into".into(), self.survivor(dice));
            }
            "solved" | "closed" | "reopened" | "undeleted" | "created" => {
                self.attributes(&mut event, 5, dice);
            }
            _ => {}
        }
        if dice.chance(6) {
            event.insert("created_at".into(), spelled(creation, dice));
        }
        if dice.chance(3) {
            event.insert("channel".into(), channel(dice));
        }
        if dice.chance(8) {
            event.insert("requester".into(), account(dice));
        }
        if dice.chance(2) {
            event.insert("score".into(), score(dice));
        }
        if dice.chance(5) {
            event.insert("subject".into(), json!({"unknown": ["member", 1]}));
        }
        event
    }

    /// May be one ticket beyond those of the story: an unknown survivor.
    fn survivor(&self, dice: &mut Dice) -> Value {
        ticket_id(dice.below(self.size.tickets as i64 + 1) as usize)
    }

    /// Each attribute that is absent so far, with this chance in percent.
    fn attributes(&self, event: &mut Map<String, Value>, per_cent: i64, dice: &mut Dice) {
        if !event.contains_key("team") && dice.chance(per_cent) {
            event.insert("team".into(), team(dice));
        }
        if !event.contains_key("agent") && dice.chance(per_cent) {
            event.insert("agent".into(), agent(dice));
        }
        if !event.contains_key("priority") && dice.chance(per_cent) {
            event.insert("priority".into(), priority(dice));
        }
        let mut own = Map::new();
        for name in self.setup.attributes.keys() {
            if dice.chance(per_cent) {
                own.insert(name.clone(), own_value(dice));
            }
        }
        if !own.is_empty() {
            event.insert("attributes".into(), own.into());
        }
        let implied = ["solved", "closed", "reopened"];
        let free = !implied.contains(&event["type"].as_str().unwrap_or(""));
        if free && !event.contains_key("status") && dice.chance(per_cent / 2) {
            event.insert("status".into(), json!(*dice.pick(&STATUSES)));
        }
    }

    fn record(&mut self, event: Map<String, Value>, at: i64, late: bool, dice: &mut Dice) {
        let mut event = event;
        event.insert("at".into(), spelled(at, dice));
        let line = Value::Object(event).to_string();
        let delay = if self.disorder > 0 && (late || dice.chance(10)) {
            dice.below(self.disorder)
        } else {
            0
        };
        self.lines.push((at + delay, line.clone()));
        if dice.chance(5) {
            let events = *dice.pick(&[3, 3, 60]);
            let again = at + delay + dice.below(1 + events * self.pace);
            self.lines.push((again, line));
        }
    }
}
