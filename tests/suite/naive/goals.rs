//! Section 5: how goals start, breach and end; and the gauges at the final clock (KPI 7, sections 5 and 7).

use super::series::Holder;
use super::setup::milliseconds;
use super::ticket::{Goal, Judged, Since, Ticket, pauses, target_of};
use super::world::World;

impl World<'_> {
    // ---- Section 5 ----

    pub(super) fn start_goal(&self, ticket: &mut Ticket, target: &'static str, since: Since) {
        let goal = Goal {
            since,
            team: ticket.team.clone(),
            breached: false,
        };
        ticket.goals.insert(target, goal);
    }

    /// The goal under the policy in force; `None` if the policy has no such target, or the ticket's start
    /// is unknown.
    pub(super) fn judge<'b>(
        &'b self,
        ticket: &'b Ticket,
        target: &str,
        goal: &Goal,
    ) -> Option<Judged<'b>> {
        ticket.created?;
        let policy = ticket.policy(self.setup)?;
        let calendar = if policy.clock == "calendar" {
            None
        } else {
            match &policy.calendar {
                Some(name) => self.named_calendar(name),
                None => self.team_calendar(goal.team.as_ref()),
            }
        };
        Some(Judged {
            ticket,
            start: ticket.instant(goal.since)?,
            target: target_of(policy, target)?,
            paused_in: pauses(policy, target),
            calendar,
        })
    }

    /// Goals whose deadline had passed before the goal was known, because the creation time came with a
    /// later event. They breach as of that deadline, before the event has any effect.
    pub(super) fn breach_overdue(&mut self, ticket: &mut Ticket, at: i64) {
        let targets: Vec<&'static str> = ticket.goals.keys().copied().collect();
        for target in targets {
            let deadline = self
                .judge(ticket, target, &ticket.goals[target])
                .filter(|judged| judged.running_time(at) > judged.target)
                .map(|judged| judged.passed_deadline(at));
            if let Some(deadline) = deadline
                && !ticket.goals[target].breached
            {
                self.breach(ticket, target, deadline);
            }
        }
    }

    pub(super) fn breach(&mut self, ticket: &mut Ticket, target: &'static str, at: i64) {
        let holder = ticket.holder();
        self.count_goal(ticket, target, &holder, at);
        let policy = ticket.policy(self.setup).expect("a policy").name.clone();
        self.book.count(
            "ticket_sla_breaches_total",
            &holder,
            &[("target", target), ("policy", &policy)],
        );
        self.book.event(at, &holder, "sla_breach");
        if let Some(goal) = ticket.goals.get_mut(target) {
            goal.breached = true;
        }
    }

    pub(super) fn end_goal(
        &mut self,
        ticket: &mut Ticket,
        target: &'static str,
        holder: &Holder,
        at: i64,
    ) {
        let Some(goal) = ticket.goals.remove(target) else {
            return;
        };
        if !goal.breached && self.judge(ticket, target, &goal).is_some() {
            self.count_goal(ticket, target, holder, at);
        }
    }

    pub(super) fn count_goal(&mut self, ticket: &Ticket, target: &str, holder: &Holder, at: i64) {
        let policy = ticket.policy(self.setup).expect("a policy").name.clone();
        self.book.count(
            "ticket_sla_goals_total",
            holder,
            &[("target", target), ("policy", &policy)],
        );
        self.book.event(at, holder, "sla_goal");
    }

    // ---- Gauges: KPI 7, sections 5 and 7 ----

    pub(super) fn gauges(&mut self, ticket: &Ticket, clock: i64) {
        if ticket.withdrawal().is_some() {
            return;
        }
        let holder = ticket.holder();
        for (target, goal) in &ticket.goals {
            let Some(judged) = self.judge(ticket, target, goal) else {
                continue;
            };
            let label = [("target", *target)];
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
                        self.book.add_to_gauge(
                            "ticket_sla_at_risk",
                            &holder,
                            &[("target", *target), ("within", within)],
                        );
                    }
                }
                self.book.least_instant(
                    "ticket_sla_next_deadline_timestamp_seconds",
                    &holder,
                    Some(target),
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
        if !ticket.agents.last().is_some_and(|(_, assigned)| *assigned) {
            self.book.add_to_gauge("ticket_unassigned", &holder, &[]);
        }
    }
}
