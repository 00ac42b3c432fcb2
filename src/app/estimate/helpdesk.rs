//! An invented helpdesk for measuring. Its tickets are spread evenly over teams, priorities and channels,
//! live a few hours, and use every series. It is less lifelike than `crate::simulation`.

use crate::domain::timestamp::{HOUR, Milliseconds, Timestamp};
use crate::engine::{AttributeRule, Rules};

/// 2026-01-05T00:00:00Z, a Monday. A fixed date gives the same numbers every day.
pub(super) const START: Timestamp = Timestamp(1_767_571_200_000);

/// Time between two steps of all tickets; longer than the times of one step are apart.
const STEP: Milliseconds = HOUR;

/// The events of every ticket, one step after the other. A customer's message after an agent's reply starts
/// another wait, a change of status a pause, a change of team a new ownership.
const OPEN_STEPS: [&str; 6] = [
    r#""type":"created","actor":"customer","team":"{team}","priority":"{priority}","channel":"{channel}","attributes":{attributes},"status":"new""#,
    r#""type":"message","actor":"agent","public":true,"agent":"a-17","status":"open""#,
    r#""type":"worklog","actor":"agent","handle_seconds":300"#,
    r#""type":"status_changed","actor":"agent","status":"pending""#,
    r#""type":"message","actor":"customer","public":true,"status":"open""#,
    r#""type":"message","actor":"agent","public":true"#,
];

/// Values of an attribute that lists none.
const UNKNOWN_VALUES: usize = 3;

/// Time in which all events of tickets with the same start happen.
pub(super) const DURATION: Milliseconds = 12 * STEP;

/// Further events of tickets that become final.
const DONE_STEPS: [&str; 3] = [
    r#""type":"solved","actor":"agent""#,
    r#""type":"csat_offered","actor":"system""#,
    r#""type":"csat_rated","actor":"customer","score":5"#,
];

#[derive(Debug)]
pub(super) struct MeasuringHelpdesk {
    teams: Vec<String>,
    priorities: Vec<String>,
    channels: Vec<String>,
    attributes: Vec<MeasuredAttribute>,
}

#[derive(Debug)]
struct MeasuredAttribute {
    name: String,
    is_label: bool,
    values: Vec<String>,
}

/// A range of tickets of the helpdesk.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tickets {
    /// Number of the first ticket, so that ids are unique.
    pub first: usize,
    pub count: usize,
    /// Percentage of tickets that stay open.
    pub open_percent: usize,
    /// Creation of the first ticket.
    pub start: Timestamp,
}

impl MeasuringHelpdesk {
    /// `teams` and `channels` are counts, at least one of each. The names in `rules` come first.
    pub(super) fn new(rules: &Rules, teams: usize, channels: usize) -> Self {
        let mut named_teams = rules.known_teams.clone();
        invent(&mut named_teams, "team", teams.max(1));
        let mut priorities = rules.priorities.clone();
        invent(&mut priorities, "priority", 1);
        let mut named_channels = Vec::new();
        for policy in &rules.policies {
            named_channels.extend(policy.matches.channel.iter().flatten().cloned());
        }
        named_channels.sort();
        named_channels.dedup();
        invent(&mut named_channels, "channel", channels.max(1));
        Self {
            teams: named_teams,
            priorities,
            channels: named_channels,
            attributes: rules.attributes.iter().map(measured).collect(),
        }
    }

    /// Number of combinations of team, priority, channel and attributes that are labels.
    pub(super) fn combinations(&self) -> usize {
        let names = self.teams.len() * self.priorities.len() * self.channels.len();
        self.labels().fold(names, |all, (_, values)| all * values)
    }

    /// The attributes that are labels, and their numbers of values.
    pub(super) fn labels(&self) -> impl Iterator<Item = (&str, usize)> {
        let labels = self.attributes.iter().filter(|one| one.is_label);
        labels.map(|one| (one.name.as_str(), one.values.len()))
    }

    /// Passes the events as canonical JSON to `take`, in order of time, in pieces of at most `piece`.
    pub(super) fn events(&self, tickets: Tickets, piece: usize, take: &mut dyn FnMut(&[String])) {
        let mut lines = Vec::with_capacity(piece);
        let steps = OPEN_STEPS.iter().chain(&DONE_STEPS);
        for (step, members) in (0..).zip(steps) {
            for number in tickets.first..tickets.first + tickets.count {
                let stays_open = number % 100 < tickets.open_percent;
                if stays_open && usize::from(step) >= OPEN_STEPS.len() {
                    continue;
                }
                lines.push(self.event(tickets.start, number, step, members));
                if lines.len() == piece {
                    take(&lines);
                    lines.clear();
                }
            }
        }
        take(&lines);
    }

    fn event(&self, start: Timestamp, number: usize, step: u8, members: &str) -> String {
        let (teams, priorities) = (self.teams.len(), self.priorities.len());
        let members = members
            .replace("{team}", &escaped(&self.teams[number % teams]))
            .replace(
                "{priority}",
                &escaped(&self.priorities[number / teams % priorities]),
            )
            .replace(
                "{channel}",
                &escaped(&self.channels[number / teams / priorities % self.channels.len()]),
            )
            .replace(
                "{attributes}",
                &self.attributes(number / teams / priorities / self.channels.len()),
            );
        // Within a step the tickets are a millisecond apart, and wrap around at its end.
        let within = i64::try_from(number).unwrap_or(0) % STEP;
        let at = start.plus(i64::from(step) * STEP + within);
        format!(
            r#"{{"ticket_id":"TICKET-{number:07}","event_id":"e-{number:07}-{step}","at":{},{members}}}"#,
            at.0
        )
    }
}

impl MeasuringHelpdesk {
    /// The attributes of a ticket as a JSON object. Labels have all combinations, one after the other.
    fn attributes(&self, mut number: usize) -> String {
        let stated = self.attributes.iter().map(|attribute| {
            let count = attribute.values.len();
            let value = &attribute.values[number % count];
            if attribute.is_label {
                number /= count;
            }
            format!("\"{}\":\"{}\"", escaped(&attribute.name), escaped(value))
        });
        format!("{{{}}}", stated.collect::<Vec<_>>().join(","))
    }
}

fn measured(attribute: &AttributeRule) -> MeasuredAttribute {
    let mut values = attribute.values.clone();
    if values.is_empty() {
        invent(
            &mut values,
            "value",
            UNKNOWN_VALUES.min(attribute.limit.max(1)),
        );
    }
    MeasuredAttribute {
        name: attribute.name.clone(),
        is_label: attribute.is_label,
        values,
    }
}

/// Adds invented names until there are `count`.
fn invent(names: &mut Vec<String>, word: &str, count: usize) {
    let mut number = 0;
    while names.len() < count {
        number += 1;
        let name = format!("{word}-{number}");
        if !names.contains(&name) {
            names.push(name);
        }
    }
}

/// The text without quotes, escaped for JSON.
fn escaped(text: &str) -> String {
    let quoted = serde_json::Value::from(text).to_string();
    quoted[1..quoted.len() - 1].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode;

    #[test]
    fn every_line_is_an_event_and_names_are_used_evenly() {
        let rules = Rules {
            known_teams: vec!["a \"quoted\" team".to_owned()],
            priorities: vec!["p1".to_owned(), "p2".to_owned()],
            attributes: vec![
                AttributeRule {
                    name: "product".to_owned(),
                    values: Vec::new(),
                    is_label: false,
                    limit: 20,
                },
                AttributeRule {
                    name: "tier".to_owned(),
                    values: vec!["gold".to_owned(), "silver".to_owned()],
                    is_label: true,
                    limit: 2,
                },
            ],
            ..Rules::default()
        };
        let helpdesk = MeasuringHelpdesk::new(&rules, 3, 2);
        assert_eq!(helpdesk.combinations(), 24);
        assert_eq!(helpdesk.labels().collect::<Vec<_>>(), [("tier", 2)]);
        let tickets = Tickets {
            first: 96,
            count: 24,
            open_percent: 6,
            start: START,
        };
        let mut created = Vec::new();
        let (mut events, mut before) = (0, Timestamp(0));
        helpdesk.events(tickets, 5, &mut |lines| {
            for line in lines {
                let event = decode::decode(line.as_bytes(), None).unwrap();
                assert!(event.at >= before && event.at <= START.plus(DURATION));
                before = event.at;
                events += 1;
                if let Some(team) = event.team {
                    assert_eq!(event.attributes.len(), 2);
                    let tier = event.attributes.iter().find(|one| one.name == "tier");
                    created.push(format!(
                        "{team:?} {:?} {:?} {tier:?}",
                        event.priority, event.channel
                    ));
                }
            }
        });
        // Six of a hundred stay open: the numbers that end in 00 to 05.
        assert_eq!(events, 6 * 6 + 18 * 9);
        created.sort();
        created.dedup();
        assert_eq!(created.len(), helpdesk.combinations());
    }
}
