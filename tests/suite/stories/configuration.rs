//! Random configurations: calendars in zones with unusual clock changes, policies of every shape.

use super::dice::Dice;
use crate::naive::Setup;
use crate::naive::setup::{AttributeSetup, CalendarSetup, PolicySetup, TARGETS};
use chrono::{DateTime, Duration};
use std::collections::BTreeMap;

pub const TEAMS: [&str; 4] = ["a", "b", "c", "d e"];
pub const CHANNELS: [&str; 3] = ["email", "chat", "phone"];
pub const PRIORITIES: [&str; 3] = ["p1", "p2", "p3"];
/// Own attributes.
pub const ATTRIBUTES: [&str; 4] = ["tier", "product", "region", "is_vip"];
pub const VALUES: [&str; 5] = ["gold", "silver", "7", "true", "s\"x\\"];
const GROUPS: [&str; 3] = ["sla", "ola", "uc-1"];
/// Stories with own attributes, with several groups, and with `from_change`, in percent.
const WITH_ATTRIBUTES: i64 = 30;
const WITH_GROUPS: i64 = 25;
const WITH_REBASE: i64 = 30;

/// Instants, in milliseconds since the epoch, at which a zone used here changes its clocks.
pub const CLOCK_CHANGES: [i64; 6] = [
    1_772_953_200_000, // 2026-03-08 07:00Z, New York to summer time
    1_774_746_000_000, // 2026-03-29 01:00Z, Berlin to summer time
    1_775_314_800_000, // 2026-04-04 15:00Z, Lord Howe back by half an hour
    1_791_041_400_000, // 2026-10-03 15:30Z, Lord Howe forward by half an hour
    1_792_890_000_000, // 2026-10-25 01:00Z, Berlin back
    1_793_512_800_000, // 2026-11-01 06:00Z, New York back
];

const ZONES: [&str; 7] = [
    "UTC",
    "America/New_York",
    "Europe/Berlin",
    "Australia/Lord_Howe",
    "Asia/Jakarta",
    "Asia/Kathmandu",
    "America/St_Johns",
];

const HOURS: [&[&str]; 8] = [
    &["08:00-12:00", "13:00-17:00"],
    &["09:00-17:30"],
    &["22:00-06:00"],
    &["00:00-24:00"],
    &["01:30-03:30"],
    &["02:15-02:45", "23:00-24:00"],
    &["00:00-02:30", "20:00-01:15"],
    &["01:45-02:00"],
];

const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

pub fn random(dice: &mut Dice) -> Setup {
    let texts = |items: &[&str]| items.iter().map(|item| (*item).to_owned()).collect();
    let mut setup = Setup {
        lateness: dice.pick(&["5s", "1m", "1h"]).to_string(),
        finalize_after: dice.pick(&["30m", "4h", "96h", "96h"]).to_string(),
        retain: dice.pick(&["1h", "1d", "30d", "30d"]).to_string(),
        undelete_grace: dice.pick(&["30m", "1d", "30d"]).to_string(),
        opening: dice.pick(&["2s", "2s", "0s", "1m", "1h"]).to_string(),
        windows: texts(dice.pick::<&[&str]>(&[
            &["1h", "24h", "7d", "30d"] as &[&str],
            &["30m", "6h"],
            &["2h", "90d"],
        ])),
        allow_unanswered: dice.chance(30),
        derive_handle: dice.chance(50),
        known_teams: texts(dice.pick::<&[&str]>(&[
            &[] as &[&str],
            &["a"],
            &["a", "b", "c", "d e"],
        ])),
        priorities: texts(dice.pick::<&[&str]>(&[&[] as &[&str], &PRIORITIES])),
        ..Setup::default()
    };
    if dice.chance(20) {
        (setup.csat_good, setup.csat_bad) = (0.9, 0.25);
    }
    if dice.chance(10) {
        setup.limit_teams = setup.known_teams.len().max(2);
    }
    if dice.chance(10) {
        setup.limit_priorities = setup.priorities.len().max(1);
    }
    if dice.chance(WITH_ATTRIBUTES) {
        add_attributes(&mut setup, dice);
    }
    let calendars = dice.below(4);
    for number in 0..calendars {
        let name = format!("calendar{number}");
        setup.calendars.insert(name, calendar(dice));
    }
    let mut names: Vec<String> = setup.calendars.keys().cloned().collect();
    names.push("24x7".to_owned());
    if dice.chance(60) {
        setup.default_calendar = Some(dice.pick(&names).clone());
    }
    for team in ["a", "b", "c"] {
        if dice.chance(50) {
            let calendar = dice.pick(&names).clone();
            setup.team_calendars.insert(team.to_owned(), calendar);
        }
    }
    for kpi in [
        "first_response",
        "next_response",
        "first_resolution",
        "full_resolution",
        "team_ownership",
        "handle",
        "assignment",
        "requester_wait",
        "agent_wait",
    ] {
        let bounds = *dice.pick(&[&["1m", "1h", "1d"] as &[&str], &["15m", "4h"], &["1h30m"]]);
        setup.buckets.insert(kpi.to_owned(), texts(bounds));
    }
    let groups = if dice.chance(WITH_GROUPS) {
        2 + dice.below(2)
    } else {
        1
    };
    let rebases = dice.chance(WITH_REBASE);
    let own: Vec<String> = setup.attributes.keys().cloned().collect();
    for number in 0..dice.below(4) * groups {
        let mut policy = policy(number, &names, dice);
        policy.group = dice.pick(&GROUPS[..groups as usize]).to_string();
        policy.rebase_from_change = rebases && dice.chance(60);
        if policy.rebase_from_change {
            // The team after the change decides on the calendar.
            (policy.calendar, policy.clock) = (None, "business".to_owned());
            policy.teams = some(&TEAMS, 70, dice);
        }
        for name in &own {
            let values = some(&VALUES, 30, dice);
            if !values.is_empty() {
                policy.attributes.insert(name.clone(), values);
            }
        }
        setup.policies.push(policy);
    }
    setup
}

fn add_attributes(setup: &mut Setup, dice: &mut Dice) {
    for name in &ATTRIBUTES[..1 + dice.below(4) as usize] {
        let mut values = some(&VALUES, 60, dice);
        values.retain(|value| value != "none");
        let limit = *dice.pick(&[1, 2, 20, 20]);
        let own = AttributeSetup {
            limit: limit.max(values.len()),
            values,
            is_label: dice.chance(65),
        };
        setup.attributes.insert((*name).to_owned(), own);
    }
    if dice.chance(40) {
        setup.limit_cohorts = Some(*dice.pick(&[1, 4, 12]));
    }
}

/// One or two of them, with this chance in percent; otherwise none. `none` is now and then among them.
fn some(all: &[&str], per_cent: i64, dice: &mut Dice) -> Vec<String> {
    if !dice.chance(per_cent) {
        return Vec::new();
    }
    let first = *dice.pick(all);
    let second = if dice.chance(5) {
        "none"
    } else {
        *dice.pick(all)
    };
    let mut names = vec![first.to_owned()];
    if second != first {
        names.push(second.to_owned());
    }
    names
}

fn calendar(dice: &mut Dice) -> CalendarSetup {
    let texts = |items: &[&str]| -> Vec<String> { items.iter().map(|i| (*i).to_owned()).collect() };
    let mut weekly = BTreeMap::new();
    for day in DAYS {
        if dice.chance(65) {
            weekly.insert(day.to_owned(), texts(dice.pick::<&[&str]>(&HOURS)));
        }
    }
    weekly
        .entry("wed".to_owned())
        .or_insert_with(|| texts(&["09:00-17:00"]));
    let mut calendar = CalendarSetup {
        timezone: dice.pick(&ZONES).to_string(),
        weekly,
        ..CalendarSetup::default()
    };
    for change in CLOCK_CHANGES {
        let around = |dice: &mut Dice| {
            let day = DateTime::from_timestamp_millis(change)
                .unwrap()
                .date_naive();
            (day + Duration::days(dice.below(12) - 3)).to_string()
        };
        if dice.chance(50) {
            let day = around(dice);
            calendar.holidays.insert(day);
        }
        if dice.chance(30) {
            let day = around(dice);
            calendar.holidays.remove(&day);
            calendar
                .special
                .insert(day, texts(dice.pick::<&[&str]>(&HOURS)));
        }
    }
    calendar
}

fn policy(number: i64, calendars: &[String], dice: &mut Dice) -> PolicySetup {
    let teams = some(&TEAMS, 35, dice);
    let priorities = some(&PRIORITIES, 45, dice);
    let channels = some(&CHANNELS, 20, dice);
    let mut policy = PolicySetup {
        name: format!("policy{number}"),
        teams,
        priorities,
        channels,
        clock: dice.pick(&["business", "calendar"]).to_string(),
        calendar: dice.chance(30).then(|| dice.pick(calendars).clone()),
        ..PolicySetup::default()
    };
    for target in TARGETS {
        if dice.chance(65) {
            let duration = *dice.pick(&["5m", "15m", "1h", "1h30m", "4h", "1d", "3d"]);
            policy
                .targets
                .insert(target.to_owned(), duration.to_owned());
            if dice.chance(25) {
                let statuses = *dice.pick(&[
                    &["pending"] as &[&str],
                    &["on_hold", "new"],
                    &["pending", "on_hold", "open"],
                    &[],
                ]);
                let statuses = statuses.iter().map(|s| (*s).to_owned()).collect();
                policy.pause.insert(target.to_owned(), statuses);
            }
        }
    }
    if policy.targets.is_empty() {
        policy.targets.insert("resolution".into(), "4h".into());
    }
    policy
}
