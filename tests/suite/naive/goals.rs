//! Section 5: how goals start, breach and end; and the gauges at the final clock (KPI 7, sections 5 and 7).

use super::judge::policy;
use super::labels::Holder;
use super::setup::milliseconds;
use super::ticket::{Goal, GoalKey, Since, Ticket};
use super::world::World;

impl World<'_> {
    // ---- Section 5 ----

    /// In every group.
    pub(super) fn start_goal(&self, ticket: &mut Ticket, target: &'static str, since: Since) {
        for group in self.groups() {
            let goal = Goal {
                since,
                team: ticket.team.clone(),
                breached: false,
            };
            ticket.goals.insert((group, target), goal);
        }
    }

    pub(super) fn groups(&self) -> std::ops::Range<usize> {
        0..self.setup.groups().len()
    }

    /// Goals whose deadline had passed before the goal was known, because the creation time came with a
    /// later event. They breach as of that deadline, before the event has any effect.
    pub(super) fn breach_overdue(&mut self, ticket: &mut Ticket, at: i64) {
        let keys: Vec<GoalKey> = ticket.goals.keys().copied().collect();
        for key in keys {
            let deadline = self
                .judge(ticket, key, &ticket.goals[&key])
                .filter(|judged| judged.running_time(at) > judged.target)
                .map(|judged| judged.passed_deadline(at));
            if let Some(deadline) = deadline
                && !ticket.goals[&key].breached
            {
                self.breach(ticket, key, deadline);
            }
        }
    }

    /// If the new deadline of a goal has passed, the goal breaches now.
    pub(super) fn breach_if_exceeded(&mut self, ticket: &mut Ticket, key: GoalKey, at: i64) {
        let goal = &ticket.goals[&key];
        let exceeded = !goal.breached
            && self
                .judge(ticket, key, goal)
                .is_some_and(|judged| judged.running_time(at) > judged.target);
        if exceeded {
            self.breach(ticket, key, at);
        }
    }

    pub(super) fn breach(&mut self, ticket: &mut Ticket, key: GoalKey, at: i64) {
        let holder = ticket.holder();
        self.count_goal(ticket, key, &holder, at);
        if self.starts_at_a_change(ticket, key, &ticket.goals[&key]) {
            self.note_rule("goal breached from a change on");
        }
        self.count_policy("ticket_sla_breaches_total", ticket, key, &holder);
        self.book.event(at, &holder, "sla_breach");
        if let Some(goal) = ticket.goals.get_mut(&key) {
            goal.breached = true;
        }
    }

    /// In every group.
    pub(super) fn end_goal(
        &mut self,
        ticket: &mut Ticket,
        target: &'static str,
        holder: &Holder,
        at: i64,
    ) {
        let mut outcomes = Vec::new();
        for group in self.groups() {
            let key = (group, target);
            let Some(goal) = ticket.goals.remove(&key) else {
                continue;
            };
            outcomes.push(goal.breached);
            let is_instant = target == "update" && goal.since == Since::Instant(at);
            if is_instant {
                self.note_rule("update ended where it began");
            }
            if !goal.breached && !is_instant && self.judge(ticket, key, &goal).is_some() {
                self.count_goal(ticket, key, holder, at);
                if self.starts_at_a_change(ticket, key, &goal) {
                    self.note_rule("goal met from a change on");
                }
            }
        }
        if outcomes.contains(&true) && outcomes.contains(&false) {
            self.note_rule("groups decide differently");
        }
    }

    fn count_goal(&mut self, ticket: &Ticket, key: GoalKey, holder: &Holder, at: i64) {
        self.count_policy("ticket_sla_goals_total", ticket, key, holder);
        self.book.event(at, holder, "sla_goal");
    }

    fn count_policy(
        &mut self,
        family: &str,
        ticket: &Ticket,
        (group, target): GoalKey,
        holder: &Holder,
    ) {
        let policy = policy(ticket, self.setup, group).expect("a policy");
        if !policy.attributes.is_empty() {
            self.note_rule("policy for an own attribute");
        }
        let labels = [("target", target), ("policy", policy.name.as_str())];
        let labels = self.book.with_group(&labels, &policy.group);
        self.book.count(family, holder, &labels);
    }

    // ---- Gauges: KPI 7, sections 5 and 7 ----

    pub(super) fn gauges(&mut self, ticket: &Ticket, clock: i64) {
        if ticket.withdrawal().is_some() {
            return;
        }
        let holder = ticket.holder();
        let groups = self.setup.groups();
        for ((group, target), goal) in &ticket.goals {
            let Some(judged) = self.judge(ticket, (*group, *target), goal) else {
                continue;
            };
            let label = self.book.with_group(&[("target", *target)], groups[*group]);
            if goal.breached {
                self.book
                    .add_to_gauge("ticket_sla_overdue", &holder, &label);
            } else if judged.is_paused() {
                self.book.add_to_gauge("ticket_sla_paused", &holder, &label);
            } else {
                let deadline = judged.deadline();
                self.book
                    .add_to_gauge("ticket_sla_running", &holder, &label);
                let Some(deadline) = deadline else { continue };
                for within in ["15m", "1h", "4h"] {
                    if deadline - clock <= milliseconds(within) {
                        let mut label = label.clone();
                        label.push(("within", within));
                        self.book
                            .add_to_gauge("ticket_sla_at_risk", &holder, &label);
                    }
                }
                self.book.least_instant(
                    "ticket_sla_next_deadline_timestamp_seconds",
                    &holder,
                    Some(&label),
                    deadline,
                );
            }
        }
        if ticket.is_done() {
            return;
        }
        let status = ticket.status().name();
        self.book
            .add_to_gauge("ticket_backlog", &holder, &[("status", status)]);
        if let Some(created) = ticket.created {
            for age in ["4h", "1d", "3d", "7d", "30d"] {
                if clock - created > milliseconds(age) {
                    self.book.add_to_team_gauge(
                        "ticket_backlog_older_than",
                        &holder,
                        &[("age", age)],
                    );
                }
            }
            self.book.least_instant(
                "ticket_backlog_oldest_created_timestamp_seconds",
                &holder,
                None,
                created,
            );
        }
        if !ticket.answered {
            self.book
                .add_to_gauge("ticket_awaiting_first_response", &holder, &[]);
        }
        if !ticket.has_agent() {
            self.book.add_to_gauge("ticket_unassigned", &holder, &[]);
        }
    }
}
