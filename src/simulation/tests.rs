//! Tests of whole stories. A second, independent reading of the contract follows every ticket and reports
//! events that no helpdesk would send.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use serde_json::Value;

use super::office::Office;
use super::profile::{OFFICE_DAYS, OFFICE_HOURS, Profile, SimulatedPriority};
use super::{SimulatedEvent, SimulatedHelpdesk};
use crate::domain::event::EventType;
use crate::domain::mapping::Member;
use crate::domain::timestamp::{DAY, Milliseconds, Timestamp};

#[derive(Debug, Default)]
struct Story {
    created: Timestamp,
    last: Timestamp,
    status: String,
    team: Option<String>,
    tier: Option<String>,
    product: Option<String>,
    withdrawn: Option<String>,
    first_reply: Option<(Timestamp, String)>,
    /// Spans that count for the resolution target, until the first solve.
    worked: Vec<(Timestamp, Timestamp)>,
    /// Priority at the first solve.
    solved: Option<String>,
    offered: bool,
    rated: bool,
    reopened: u32,
    replies: u32,
    teams: BTreeSet<String>,
}

#[derive(Debug, Default)]
struct Checker {
    stories: HashMap<String, Story>,
    seen: HashSet<String>,
    types: BTreeMap<String, usize>,
    events: usize,
    bytes: usize,
    duplicates: usize,
    behind: usize,
    newest: Timestamp,
}

impl Checker {
    fn of(profile: &Profile, days: i64) -> Self {
        let mut checker = Self::default();
        for event in SimulatedHelpdesk::new(42, profile.clone())
            .events(start(), Some(start().plus(days * DAY)))
        {
            checker.take(&event, profile);
        }
        checker
    }

    fn take(&mut self, event: &SimulatedEvent, profile: &Profile) {
        let json: Value = serde_json::from_str(&event.json).unwrap();
        let members = json.as_object().unwrap();
        for name in members.keys() {
            let is_known = name == "attributes" || Member::from_name(name).is_some();
            assert!(is_known, "{name}");
        }
        let text = |name: &str| members.get(name).and_then(Value::as_str).map(str::to_owned);
        let at = Timestamp::parse(&text("at").unwrap()).unwrap();
        let kind = text("type").unwrap();
        assert_eq!(at, event.at);
        assert_eq!(text("ticket_id").unwrap(), event.ticket_id);
        assert!((150..=420).contains(&event.json.len()), "{}", event.json);
        self.events += 1;
        self.bytes += event.json.len();
        assert!(
            self.newest.since(at) <= profile.delivery.lateness,
            "{} ms behind: {}",
            self.newest.since(at),
            event.json
        );
        self.behind += usize::from(at < self.newest);
        self.newest = self.newest.max(at);
        if !self.seen.insert(text("event_id").unwrap()) {
            self.duplicates += 1;
            return;
        }
        *self.types.entry(kind.clone()).or_default() += 1;
        if let Some(survivor) = text("into") {
            let survivor = &self.stories[&survivor];
            assert_eq!(survivor.withdrawn, None, "{}", event.json);
        }
        let known = self.stories.contains_key(&event.ticket_id);
        assert_eq!(kind == "created", !known, "{}", event.json);
        let story = self.stories.entry(event.ticket_id.clone()).or_default();
        story.follow(&kind, at, &json);
    }

    /// Tickets that are created, and neither solved nor withdrawn.
    fn backlog(&self) -> usize {
        self.stories
            .values()
            .filter(|story| story.withdrawn.is_none())
            .filter(|story| !["solved", "closed"].contains(&story.status.as_str()))
            .count()
    }

    fn share(&self, holds: impl Fn(&Story) -> bool, among: impl Fn(&Story) -> bool) -> f64 {
        let among: Vec<&Story> = self.stories.values().filter(|story| among(story)).collect();
        let held = among.iter().filter(|story| holds(story)).count();
        real(held) / real(among.len())
    }
}

impl Story {
    fn follow(&mut self, kind: &str, at: Timestamp, json: &Value) {
        let actor = json["actor"].as_str().unwrap();
        let status = json["status"].as_str().unwrap().to_owned();
        let before = std::mem::replace(&mut self.status, status.clone());
        let solved = |status: &str| ["solved", "closed"].contains(&status);
        if kind == "created" {
            self.created = at;
            assert_eq!(status, "new");
        }
        assert!(at >= self.created, "{json}");
        assert_eq!(
            Timestamp::parse(json["created_at"].as_str().unwrap()),
            Some(self.created)
        );
        match &self.withdrawn {
            Some(reason) => assert!(reason == "deleted" && kind == "undeleted", "{json}"),
            None => assert_ne!(kind, "undeleted", "{json}"),
        }
        self.withdrawn = ["merged", "spam", "deleted"]
            .contains(&kind)
            .then(|| kind.to_owned());
        let team = json["team"].as_str().map(str::to_owned);
        if team != self.team && kind != "created" {
            assert!(
                ["team_changed", "updated", "escalated"].contains(&kind),
                "{json}"
            );
        }
        let tier = json["attributes"]["tier"].as_str().map(str::to_owned);
        assert!(kind == "created" || tier == self.tier, "{json}");
        self.tier = tier;
        let product = json["attributes"]["product"].as_str().map(str::to_owned);
        if product != self.product {
            assert!(["created", "updated"].contains(&kind), "{json}");
        }
        self.product = product;
        self.teams.extend(team.clone());
        self.team = team;
        if json["agent"].is_string() {
            assert!(self.team.is_some(), "{json}");
        }
        match kind {
            "message" if actor == "agent" && json["public"] == true && at > self.created => {
                assert!(json["agent"].is_string(), "{json}");
                assert!(!solved(&before), "{json}");
                self.replies += 1;
                let priority = json["priority"].as_str().unwrap().to_owned();
                self.first_reply.get_or_insert((at, priority));
            }
            "solved" => assert!(!solved(&before) && status == "solved", "{json}"),
            "closed" => assert!(before == "solved" && status == "closed", "{json}"),
            "reopened" => {
                assert!(solved(&before) && status == "open", "{json}");
                self.reopened += 1;
            }
            "csat_offered" => {
                assert!(status == "solved" && !self.offered, "{json}");
                self.offered = true;
            }
            "csat_rated" => {
                assert!(self.offered && (1..=5).contains(&json["score"].as_u64().unwrap()));
                assert_eq!(json["score_max"], 5);
                self.rated = true;
            }
            "worklog" => assert!(json["handle_seconds"].as_u64().is_some(), "{json}"),
            _ => {}
        }
        if self.solved.is_none() && ["new", "open"].contains(&before.as_str()) {
            self.worked.push((self.last, at));
        }
        if solved(&status) && self.solved.is_none() {
            self.solved = json["priority"].as_str().map(str::to_owned);
        }
        if solved(&before) && kind != "reopened" {
            assert!(solved(&status), "{json}");
        }
        self.last = at;
    }
}

fn start() -> Timestamp {
    Timestamp::parse("2026-03-02T00:00:00+07:00").unwrap()
}

fn real(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap())
}

fn small() -> Profile {
    Profile {
        tickets_a_day: 100.0,
        ..Profile::default()
    }
}

#[test]
fn the_stream_may_move_to_another_thread() {
    let events = SimulatedHelpdesk::new(1, small()).events(start(), None);
    let first = std::thread::spawn(move || events.take(3).count());
    assert_eq!(first.join().unwrap(), 3);
}

#[test]
fn the_same_seed_gives_the_same_bytes() {
    let month = |seed| -> Vec<SimulatedEvent> {
        SimulatedHelpdesk::new(seed, small())
            .events(start(), Some(start().plus(10 * DAY)))
            .collect()
    };
    assert_eq!(month(1), month(1));
    assert_ne!(month(1), month(2));
    // A longer simulation begins with the shorter one.
    let longer: Vec<SimulatedEvent> = SimulatedHelpdesk::new(1, small())
        .events(start(), None)
        .take(month(1).len())
        .collect();
    assert_eq!(longer, month(1));
}

#[test]
fn attributes_leave_the_other_members_of_a_seed_as_they_are() {
    let events = |profile: &Profile| -> Vec<Value> {
        SimulatedHelpdesk::new(1, profile.clone())
            .events(start(), Some(start().plus(10 * DAY)))
            .map(|event| serde_json::from_str(&event.json).unwrap())
            .collect()
    };
    let mut with = events(&Profile::default());
    let mut products = BTreeSet::new();
    for event in &mut with {
        let attributes = event.as_object_mut().unwrap().remove("attributes");
        let attributes = attributes.unwrap();
        assert!(["gold", "standard"].contains(&attributes["tier"].as_str().unwrap()));
        products.insert(attributes["product"].as_str().map(str::to_owned));
    }
    assert_eq!(products.len(), 5, "{products:?}");
    assert!(with == events(&Profile::without_attributes()));
}

#[test]
fn stories_are_consistent_and_everything_occurs() {
    let checker = Checker::of(&Profile::default(), 45);
    for kind in EventType::NAMES {
        assert!(checker.types.contains_key(kind), "no {kind}");
    }
    assert_eq!(checker.types.len(), EventType::NAMES.len());
    let per_ticket = real(checker.events) / real(checker.stories.len());
    assert!(
        (9.0..16.0).contains(&per_ticket),
        "{per_ticket} events a ticket"
    );
    let mean = checker.bytes / checker.events;
    assert!((250..=350).contains(&mean), "{mean} bytes an event");
    let duplicates = real(checker.duplicates) / real(checker.events);
    assert!((0.001..0.003).contains(&duplicates), "{duplicates}");
    assert!(checker.behind > 0);
}

#[test]
fn shares_are_those_of_a_desk() {
    let checker = Checker::of(&Profile::default(), 45);
    let closed = |story: &Story| story.status == "closed" && story.withdrawn.is_none();
    let reopened = checker.share(|story| story.reopened > 0, closed);
    assert!((0.05..0.1).contains(&reopened), "{reopened} reopened");
    let rated = checker.share(|story| story.rated, |story| closed(story) && story.offered);
    assert!((0.2..0.3).contains(&rated), "{rated} rated");
    let unanswered = checker.share(|story| story.replies == 0, closed);
    assert!(
        (0.005..0.05).contains(&unanswered),
        "{unanswered} unanswered"
    );
    let single =
        |story: &Story| story.replies == 1 && story.reopened == 0 && story.teams.len() == 1;
    let first_contact = checker.share(single, closed);
    assert!(
        (0.4..0.7).contains(&first_contact),
        "{first_contact} in one contact"
    );
}

fn between(hours: &Office, start: Timestamp, end: Timestamp) -> Milliseconds {
    let calendar = hours.0.as_ref();
    calendar.map_or_else(|| end.since(start), |open| open.between(start, end))
}

/// Working time against the SLA targets: goals and misses by priority.
fn missed(
    checker: &Checker,
    profile: &Profile,
    measured: impl Fn(&Story, &Office) -> Option<(String, Milliseconds)>,
    target: impl Fn(&SimulatedPriority) -> Milliseconds,
) -> BTreeMap<String, (usize, usize)> {
    let office = Office::open(profile.timezone, OFFICE_DAYS, &OFFICE_HOURS);
    let mut counts: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    for story in checker.stories.values() {
        let hours = match story.team.as_deref() {
            Some("network") => &Office(None),
            _ => &office,
        };
        let Some((name, length)) = measured(story, hours) else {
            continue;
        };
        let mut priorities = profile.priorities.iter();
        let priority = priorities.find(|known| known.name == name).unwrap();
        let count = counts.entry(name).or_default();
        count.0 += 1;
        count.1 += usize::from(length > target(priority));
    }
    counts
}

#[test]
fn most_promises_are_kept_and_some_are_not() {
    let profile = Profile::default();
    let checker = Checker::of(&profile, 45);
    let first_response = missed(
        &checker,
        &profile,
        |story, hours| {
            let (at, priority) = story.first_reply.clone()?;
            Some((priority, between(hours, story.created, at)))
        },
        |priority| priority.first_response,
    );
    let resolution = missed(
        &checker,
        &profile,
        |story, hours| {
            let spans = story.worked.iter();
            let length = spans.map(|(from, to)| between(hours, *from, *to)).sum();
            Some((story.solved.clone()?, length))
        },
        |priority| priority.resolution,
    );
    for counts in [first_response, resolution] {
        let goals: usize = counts.values().map(|count| count.0).sum();
        let misses: usize = counts.values().map(|count| count.1).sum();
        let share = real(misses) / real(goals);
        assert!((0.03..0.15).contains(&share), "{share}: {counts:?}");
        assert!(counts.values().all(|count| count.1 > 0), "{counts:?}");
    }
}

#[test]
fn the_backlog_is_stationary() {
    let profile = small();
    let mut checker = Checker::default();
    let mut weeks = Vec::new();
    let mut next = start().plus(7 * DAY);
    let end = start().plus(91 * DAY + 1);
    for event in SimulatedHelpdesk::new(3, profile.clone()).events(start(), Some(end)) {
        while event.at >= next {
            weeks.push(checker.backlog());
            next = next.plus(7 * DAY);
        }
        checker.take(&event, &profile);
    }
    let early: usize = weeks[1..5].iter().sum::<usize>() / 4;
    let late: usize = weeks[8..12].iter().sum::<usize>() / 4;
    assert!(early > 20, "{weeks:?}");
    assert!(late < early * 3 / 2 && early < late * 3 / 2, "{weeks:?}");
}

#[test]
fn a_load_is_what_was_asked_for() {
    let profile = Profile::load(2_000);
    let mut checker = Checker::default();
    let mut events = SimulatedHelpdesk::new(9, profile.clone()).events(start(), None);
    for event in events.by_ref() {
        checker.take(&event, &profile);
    }
    assert_eq!(checker.stories.len(), 2_000);
    assert_eq!((checker.duplicates, checker.behind), (0, 0));
    assert_eq!(events.live(), 0);
}

#[test]
fn an_empty_profile_is_an_empty_story() {
    let profile = Profile {
        teams: Vec::new(),
        priorities: Vec::new(),
        channels: Vec::new(),
        escalation_team: None,
        ..small()
    };
    let events = SimulatedHelpdesk::new(1, profile).events(start(), Some(start().plus(5 * DAY)));
    assert!(events.count() > 500);
}

#[test]
fn nonsense_ends_no_story_in_a_panic() {
    let mut profile = small();
    profile.first_ticket = u64::MAX;
    profile.escalation_team = Some(99);
    profile.behavior.asked = f64::NAN;
    profile.delivery.lateness = -5;
    if let Some(incidents) = &mut profile.incidents {
        (incidents.team, incidents.share, incidents.hours) = (99, 1.0, u32::MAX);
    }
    for from in [Timestamp(i64::MIN), Timestamp::LATEST.minus(DAY), start()] {
        let events =
            SimulatedHelpdesk::new(1, profile.clone()).events(from, Some(Timestamp::NEVER));
        for event in events.take(3_000) {
            serde_json::from_str::<Value>(&event.json).unwrap();
        }
    }
}
