//! The two built-in helpdesks, for demonstrations and for load tests.

use super::profile::{
    ArrivalWeek, Behavior, Delays, Delivery, Incidents, Profile, SimulatedAttribute,
    SimulatedChannel, SimulatedPriority, SimulatedTeam,
};
use crate::domain::event::Status;
use crate::domain::policy::{Clock, Match, Policy, Target};
use crate::domain::timestamp::{DAY, HOUR, MINUTE, SECOND};

/// A medium helpdesk with about 40 agents: every panel changes during a demonstration.
const TICKETS_A_DAY: f64 = 400.0;
/// Ticket numbers do not begin at 1, as in a helpdesk that has existed for some time.
const FIRST_TICKET: u64 = 100_001;
/// Tickets created per day in load tests. A ticket lives about 4.5 days, so some 200,000 are live.
const LOAD_TICKETS_A_DAY: f64 = 44_200.0;

impl Default for Profile {
    fn default() -> Self {
        Self {
            timezone: chrono_tz::Asia::Jakarta,
            tickets_a_day: TICKETS_A_DAY,
            tickets: None,
            first_ticket: FIRST_TICKET,
            season: 0.15,
            week: ArrivalWeek::default(),
            teams: default_teams(),
            priorities: default_priorities(),
            channels: default_channels(),
            attributes: default_attributes(),
            policies: default_policies(),
            escalation_team: Some(5),
            incidents: Some(Incidents::default()),
            behavior: Behavior::default(),
            delays: Delays::default(),
            delivery: Delivery::default(),
        }
    }
}

impl Profile {
    /// The helpdesk of demonstrations with the policies of the priorities alone, for measurements.
    #[must_use]
    pub fn without_attributes() -> Self {
        Self {
            attributes: Vec::new(),
            policies: Vec::new(),
            ..Self::default()
        }
    }

    /// The helpdesk of load tests creates `tickets` tickets, spread evenly over hours, teams and
    /// priorities. After five days of event time some 200,000 are live (not yet closed). No record is
    /// late or delivered twice, so that a load test can count what it sent.
    #[must_use]
    pub fn load(tickets: u64) -> Self {
        let mut profile = Self {
            tickets: Some(tickets),
            tickets_a_day: LOAD_TICKETS_A_DAY,
            season: 0.0,
            week: ArrivalWeek {
                hours: [1.0; 24],
                weekdays: [1.0; 7],
            },
            incidents: None,
            delivery: Delivery {
                duplicates: 0.0,
                late: 0.0,
                ..Delivery::default()
            },
            ..Self::without_attributes()
        };
        for team in &mut profile.teams {
            team.weight = 1.0;
            team.around_the_clock = true;
        }
        for priority in &mut profile.priorities {
            priority.weight = 1.0;
        }
        profile
    }
}

impl Default for ArrivalWeek {
    /// Peaks before and after lunch, quiet nights and weekends, and more on Mondays.
    fn default() -> Self {
        Self {
            hours: [
                0.3, 0.2, 0.2, 0.2, 0.3, 0.5, 1.0, 2.5, 5.0, 8.5, 9.0, 6.5, 4.0, 7.5, 8.0, 6.0,
                4.5, 3.0, 2.0, 1.6, 1.4, 1.2, 0.8, 0.5,
            ],
            weekdays: [1.45, 1.15, 1.1, 1.05, 0.95, 0.3, 0.2],
        }
    }
}

impl Default for Incidents {
    /// One or two outages a month, so that the history of a demonstration contains one.
    fn default() -> Self {
        Self {
            share: 0.07,
            team: 1,
            burst: 4.0,
            hours: 4,
            merged: 0.3,
            slowness: 2.0,
        }
    }
}

impl Default for Behavior {
    /// In the range of published helpdesk benchmarks: a quarter of the surveys are answered, 5 to 10 %
    /// of the tickets are reopened, half are solved at first contact.
    fn default() -> Self {
        Self {
            untriaged: 0.15,
            bot_solved: 0.06,
            chased: 0.06,
            transferred: 0.07,
            reprioritized: 0.05,
            updated: 0.06,
            noted: 0.18,
            asked: 0.28,
            silent: 0.1,
            escalated: 0.025,
            booked: 0.85,
            csat_offered: 0.9,
            csat_rated: 0.25,
            csat_changed: 0.03,
            thanked: 0.12,
            reopened: 0.065,
            reopened_after_close: 0.01,
            merged: 0.015,
            spam: 0.02,
            deleted: 0.008,
            undeleted: 0.3,
        }
    }
}

impl Default for Delays {
    fn default() -> Self {
        Self {
            // The 90th percentile is three times the median.
            spread: 0.9,
            triage: 8 * MINUTE,
            answer: 3 * HOUR,
            hold: 9 * HOUR,
            reopen: 8 * HOUR,
            rating: 5 * HOUR,
            give_up: 5 * DAY,
            // A little less than the default of `tickets.finalize_after`, so that the helpdesk
            // closes the ticket.
            close: 4 * DAY - 30 * MINUTE,
        }
    }
}

impl Default for Delivery {
    /// Rare, but seen within an hour of a demonstration; within the default `stream.lateness` of 5 s.
    fn default() -> Self {
        Self {
            duplicates: 0.002,
            late: 0.01,
            lateness: 3 * SECOND,
        }
    }
}

fn default_teams() -> Vec<SimulatedTeam> {
    let team =
        |name: &str, weight, agents, slowness, held, satisfaction, minutes: i64| SimulatedTeam {
            name: name.to_owned(),
            weight,
            agents,
            around_the_clock: false,
            slowness,
            held,
            satisfaction,
            handle: minutes * MINUTE,
        };
    vec![
        team("billing", 2.4, 8, 0.9, 0.03, 0.78, 6),
        SimulatedTeam {
            around_the_clock: true,
            ..team("network", 2.2, 10, 0.95, 0.06, 0.7, 11)
        },
        team("accounts", 2.6, 7, 0.8, 0.02, 0.86, 4),
        team("hardware", 1.6, 6, 1.1, 0.16, 0.74, 14),
        team("onsite", 0.8, 5, 1.2, 0.25, 0.82, 35),
        team("escalations", 0.05, 4, 0.85, 0.1, 0.6, 25),
    ]
}

/// Medians below a third of the targets: with the default spread, one in ten goals is missed.
fn default_priorities() -> Vec<SimulatedPriority> {
    let priority =
        |name: &str, weight, medians: (i64, i64), targets: (i64, i64, i64)| SimulatedPriority {
            name: name.to_owned(),
            weight,
            first_reply: medians.0 * MINUTE,
            next_reply: medians.1 * MINUTE,
            first_response: targets.0 * MINUTE,
            next_response: targets.1 * MINUTE,
            resolution: targets.2 * MINUTE,
        };
    vec![
        priority("p1", 0.06, (4, 9), (15, 30, 90)),
        priority("p2", 0.22, (18, 30), (60, 2 * 60, 4 * 60)),
        priority("p3", 0.5, (70, 80), (4 * 60, 6 * 60, 10 * 60)),
        priority("p4", 0.22, (150, 150), (8 * 60, 9 * 60, 18 * 60)),
    ]
}

fn default_channels() -> Vec<SimulatedChannel> {
    let channel = |name: &str, weight, bot_reply, slowness| SimulatedChannel {
        name: name.to_owned(),
        weight,
        bot_reply,
        opened_by_agent: name == "phone",
        slowness,
    };
    vec![
        channel("email", 4.0, 0.25, 1.1),
        channel("chat", 2.4, 0.7, 0.5),
        channel("phone", 1.6, 0.0, 0.6),
        channel("portal", 2.0, 0.3, 1.2),
    ]
}

/// Each label value multiplies the series, so a demonstration has only two tiers. Products are many in a real helpdesk
/// and serve to choose a policy.
fn default_attributes() -> Vec<SimulatedAttribute> {
    let attribute = |name: &str, is_label, unknown, values: &[(&str, f64)]| SimulatedAttribute {
        name: name.to_owned(),
        values: values
            .iter()
            .map(|(value, weight)| ((*value).to_owned(), *weight))
            .collect(),
        is_label,
        unknown,
    };
    vec![
        attribute("tier", true, 0.0, &[("gold", 0.15), ("standard", 0.85)]),
        attribute(
            "product",
            false,
            0.3,
            &[
                ("backup", 3.0),
                ("hosting", 4.0),
                ("mail", 2.0),
                ("telephony", 1.0),
            ],
        ),
    ]
}

/// Gold customers have shorter targets and regular news. Between the teams, agreements on assignment and ownership
/// run beside the SLA; telephony has its own.
fn default_policies() -> Vec<Policy> {
    let policy = |name: &str, priorities: &[&str], targets: &[(Target, i64)]| {
        let priorities = priorities.iter().map(|name| (*name).to_owned()).collect();
        let mut policy = Policy {
            matches: Match {
                priority: Some(priorities),
                ..Match::default()
            },
            clock: Clock::Business,
            ..Policy::new(name)
        };
        for (target, minutes) in targets {
            policy.targets[*target as usize] = Some(minutes * MINUTE);
        }
        policy
    };
    let of = |attribute: &str, value: &str, mut policy: Policy| {
        let values = vec![value.to_owned()];
        policy
            .matches
            .attributes
            .insert(attribute.to_owned(), values);
        policy
    };
    // A team that waits for the customer or a third party need not pass the ticket on.
    let ola = |mut policy: Policy| {
        policy.pauses[Target::Ownership as usize] =
            [Status::Pending, Status::OnHold].into_iter().collect();
        Policy {
            group: "ola".to_owned(),
            ..policy
        }
    };
    let gold = |name, priority, targets: [i64; 4]| {
        let [first, next, resolution, update] = targets;
        let targets = [
            (Target::FirstResponse, first),
            (Target::NextResponse, next),
            (Target::Resolution, resolution),
            (Target::Update, update),
        ];
        of("tier", "gold", policy(name, &[priority], &targets))
    };
    let inner = |name, priorities: &[&str], assignment, ownership| {
        let targets = [
            (Target::Assignment, assignment),
            (Target::Ownership, ownership),
        ];
        ola(policy(name, priorities, &targets))
    };
    vec![
        gold("gold-p1", "p1", [10, 20, 75, 60]),
        gold("gold-p2", "p2", [45, 90, 3 * 60, 4 * 60]),
        of(
            "product",
            "telephony",
            inner("ola-telephony", &["p1", "p2"], 15, 60),
        ),
        inner("ola-urgent", &["p1", "p2"], 30, 2 * 60),
        inner("ola", &["p3", "p4"], 4 * 60, 16 * 60),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_positions_of_the_default_name_the_right_teams() {
        let profile = Profile::default();
        let name = |position: usize| profile.teams[position].name.as_str();
        assert_eq!(name(profile.escalation_team.unwrap()), "escalations");
        assert_eq!(name(profile.incidents.as_ref().unwrap().team), "network");
    }

    #[test]
    fn what_is_promised_is_kept_more_often_than_not() {
        for priority in Profile::default().priorities {
            assert!(priority.first_reply < priority.first_response);
            assert!(priority.next_reply < priority.next_response);
        }
    }
}
