//! The two desks there are: the one of demonstrations and the one of load tests.

use super::profile::{
    Behaviour, Channel, Delays, Delivery, Incidents, Priority, Profile, Team, Week,
};
use crate::domain::timestamp::{DAY, HOUR, MINUTE, SECOND};

/// A desk of middling size: some 40 agents, and every panel moves within a demonstration.
const TICKETS_A_DAY: f64 = 400.0;
/// The first ticket is not the desk's first: nobody believes ticket 1.
const FIRST_TICKET: u64 = 100_001;
/// Load tests: what is created a day, so that some 200,000 tickets are live (a ticket lives some
/// 4.5 days around the clock, most of it solved and waiting to be closed).
const LOAD_TICKETS_A_DAY: f64 = 44_200.0;

impl Default for Profile {
    fn default() -> Self {
        Self {
            timezone: chrono_tz::Asia::Jakarta,
            tickets_a_day: TICKETS_A_DAY,
            tickets: None,
            first_ticket: FIRST_TICKET,
            season: 0.15,
            week: Week::default(),
            teams: default_teams(),
            priorities: default_priorities(),
            channels: default_channels(),
            escalation_team: Some(5),
            incidents: Some(Incidents::default()),
            behaviour: Behaviour::default(),
            delays: Delays::default(),
            delivery: Delivery::default(),
        }
    }
}

impl Profile {
    /// The desk of load tests: `tickets` tickets, uniformly mixed over the hours, teams and
    /// priorities around the clock, so that after five days of event time some 200,000 are live
    /// (not yet closed). Nothing is late or delivered twice: a load test counts what it sent.
    #[must_use]
    pub fn load(tickets: u64) -> Self {
        let mut profile = Self {
            tickets: Some(tickets),
            tickets_a_day: LOAD_TICKETS_A_DAY,
            season: 0.0,
            week: Week {
                hours: [1.0; 24],
                weekdays: [1.0; 7],
            },
            incidents: None,
            delivery: Delivery {
                duplicates: 0.0,
                late: 0.0,
                ..Delivery::default()
            },
            ..Self::default()
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

impl Default for Week {
    /// Peaks before and after lunch, quiet nights and weekends, and a Monday with what the
    /// weekend left.
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
    /// One or two outages a month, as in a year nobody liked: a demonstration's history has one.
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

impl Default for Behaviour {
    /// Of the order of what published helpdesk benchmarks report: a quarter of the surveys
    /// answered, 5 to 10 % reopened, half of the tickets solved in one contact.
    fn default() -> Self {
        Self {
            untriaged: 0.15,
            bot_solved: 0.06,
            chased: 0.06,
            transferred: 0.07,
            reprioritised: 0.05,
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
            // The default of `tickets.finalize_after`, less than an hour: closed by the helpdesk.
            close: 4 * DAY - 30 * MINUTE,
        }
    }
}

impl Default for Delivery {
    /// Rare, but within an hour of a demonstration; within the default `stream.lateness` of 5 s.
    fn default() -> Self {
        Self {
            duplicates: 0.002,
            late: 0.01,
            lateness: 3 * SECOND,
        }
    }
}

fn default_teams() -> Vec<Team> {
    let team = |name: &str, weight, agents, slowness, held, satisfaction, minutes: i64| Team {
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
        Team {
            around_the_clock: true,
            ..team("network", 2.2, 10, 0.95, 0.06, 0.7, 11)
        },
        team("accounts", 2.6, 7, 0.8, 0.02, 0.86, 4),
        team("hardware", 1.6, 6, 1.1, 0.16, 0.74, 14),
        team("onsite", 0.8, 5, 1.2, 0.25, 0.82, 35),
        team("escalations", 0.05, 4, 0.85, 0.1, 0.6, 25),
    ]
}

/// Medians below a third of the targets: with the default spread, one in ten misses them.
fn default_priorities() -> Vec<Priority> {
    let priority = |name: &str, weight, medians: (i64, i64), targets: (i64, i64, i64)| Priority {
        name: name.to_owned(),
        weight,
        first_reply: medians.0 * MINUTE,
        next_reply: medians.1 * MINUTE,
        first_response: targets.0 * MINUTE,
        next_response: targets.1 * MINUTE,
        resolution: targets.2 * MINUTE,
        ownership: None,
    };
    vec![
        Priority {
            ownership: Some(HOUR),
            ..priority("p1", 0.06, (4, 9), (15, 30, 90))
        },
        priority("p2", 0.22, (18, 30), (60, 2 * 60, 4 * 60)),
        priority("p3", 0.5, (70, 80), (4 * 60, 6 * 60, 10 * 60)),
        priority("p4", 0.22, (150, 150), (8 * 60, 9 * 60, 18 * 60)),
    ]
}

fn default_channels() -> Vec<Channel> {
    let channel = |name: &str, weight, bot_reply, slowness| Channel {
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
