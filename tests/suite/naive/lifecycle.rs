//! Section 4, the life of a ticket: attributes, status, cycles and finalization; KPI 3 to 6, 10 and 11.

use super::calendar::Calendar;
use super::event::{Event, Status};
use super::labels::Holder;
use super::ticket::{GoalKey, Since, Ticket};
use super::world::World;

/// No status is left out of a duration.
pub(super) const NOTHING: fn(Status) -> bool = |_| false;

impl World<'_> {
    // ---- Attributes: KPI 10 and 11, re-basing ----

    pub(super) fn change_attributes(&mut self, ticket: &mut Ticket, event: &Event, at: i64) {
        if let Some(team) = &event.team
            && *team != ticket.team
        {
            self.add_status_time(ticket, at);
            let holder = ticket.holder();
            if ticket.team.is_some() {
                self.book.count("ticket_transferred_total", &holder, &[]);
            }
            self.end_leg(ticket, at);
            ticket.team.clone_from(team);
            if !ticket.replies.is_empty() {
                ticket.teams_since_reply.push(team.clone());
            }
            if !ticket.is_done() {
                self.start_leg(ticket, at);
            }
        }
        if let Some(agent) = event.agent {
            ticket.agents.push((at, agent));
        }
        if let Some(priority) = &event.priority
            && *priority != ticket.priority
        {
            self.add_status_time(ticket, at);
            ticket.priority.clone_from(priority);
        }
        if let Some(channel) = &event.channel {
            ticket.channel.clone_from(channel);
        }
        for (name, value) in &event.attributes {
            let known = ticket.attributes.get(name);
            if self
                .book
                .labels
                .changes_attribute(name, known, value.as_ref())
            {
                self.add_status_time(ticket, at);
                match value {
                    Some(value) => ticket.attributes.insert(name.clone(), value.clone()),
                    None => ticket.attributes.remove(name),
                };
                self.note_rule("own attribute changed");
            } else if known != value.as_ref() {
                self.note_rule("move between values that are not told apart");
            }
        }
        self.book
            .labels
            .meet(&ticket.holder(), ticket.channel.as_ref());
        if !self.book.labels.has_place(&ticket.holder()) {
            self.note_rule("cohort without a place");
        }
        // Section 5, change of policy.
        self.note_policies(ticket, at);
        let keys: Vec<GoalKey> = ticket.goals.keys().copied().collect();
        for key in keys {
            self.breach_if_exceeded(ticket, key, at);
        }
    }

    /// KPI 12.
    pub(super) fn assign(&mut self, ticket: &mut Ticket, at: i64) {
        if ticket.was_assigned || !ticket.has_agent() {
            return;
        }
        ticket.was_assigned = true;
        let holder = ticket.holder();
        if let Some(created) = ticket.created
            && ticket.finalizations.is_empty()
        {
            self.observe(ticket, &holder, "assignment", created, at, at, &NOTHING);
            self.note_rule(if at == created {
                "assignment at the creation"
            } else if ticket.solves.is_empty() {
                "assignment later"
            } else {
                "assignment after a solve"
            });
        } else if ticket.finalizations.is_empty() {
            self.note_rule("assignment without a creation");
        } else {
            self.note_rule("assignment after the end");
        }
        self.end_goal(ticket, "assignment", &holder, at);
    }

    pub(super) fn add_status_time(&mut self, ticket: &mut Ticket, at: i64) {
        let status = ticket.status();
        if status != Status::Closed {
            let time = ticket.elapsed(ticket.labels_since, at, &NOTHING, None);
            self.book
                .add_status_time(&ticket.holder(), status.name(), time);
        }
        ticket.labels_since = at;
    }

    pub(super) fn start_leg(&mut self, ticket: &mut Ticket, at: i64) {
        if ticket.team.is_some() {
            ticket.leg = Some(Since::Instant(at));
            self.start_goal(ticket, "ownership", Since::Instant(at));
        }
    }

    pub(super) fn end_leg(&mut self, ticket: &mut Ticket, at: i64) {
        let holder = ticket.holder();
        if let Some(leg) = ticket.leg.take()
            && let Some(from) = ticket.instant(leg)
        {
            self.observe(ticket, &holder, "team_ownership", from, at, at, &NOTHING);
        }
        self.end_goal(ticket, "ownership", &holder, at);
    }

    // ---- Status: cycles, KPI 3, 4, 5, 6 ----

    pub(super) fn change_status(&mut self, ticket: &mut Ticket, status: Status, at: i64) {
        let was = ticket.status();
        if status == was {
            return;
        }
        self.add_status_time(ticket, at);
        if !was.is_done() && status.is_done() {
            self.solve(ticket, at);
        }
        ticket.statuses.push((at, status));
        if was.is_done() && !status.is_done() {
            self.reopen(ticket, at);
        }
        if status == Status::Closed && !ticket.is_final {
            self.finalize(ticket, at);
        }
    }

    pub(super) fn solve(&mut self, ticket: &mut Ticket, at: i64) {
        let holder = ticket.holder();
        self.book.count("ticket_solved_total", &holder, &[]);
        self.book.event(at, &holder, "solved");
        if ticket.solves.is_empty()
            && let Some(created) = ticket.created
        {
            self.observe(
                ticket,
                &holder,
                "first_resolution",
                created,
                at,
                at,
                &NOTHING,
            );
        }
        ticket.solves.push((at, holder.clone()));
        self.end_leg(ticket, at);
        ticket.known_at_solve = ticket.created.is_some();
        ticket.asked_at_solve = ticket.asked.take();
        ticket.last_resolutions = ticket
            .goals
            .iter()
            .filter(|((_, target), _)| *target == "resolution")
            .map(|((group, _), goal)| (*group, goal.clone()))
            .collect();
        if ticket.goals.keys().any(|(_, target)| *target == "update") {
            self.note_rule("update ended by a solve");
        }
        for target in [
            "first_response",
            "next_response",
            "resolution",
            "assignment",
            "update",
        ] {
            self.end_goal(ticket, target, &holder, at);
        }
    }

    pub(super) fn reopen(&mut self, ticket: &mut Ticket, at: i64) {
        let holder = ticket.holder();
        self.book.count("ticket_reopened_total", &holder, &[]);
        self.book.event(at, &holder, "reopened");
        ticket.reopenings.push(at);
        self.start_leg(ticket, at);
        if !ticket.answered {
            self.start_goal(ticket, "first_response", Since::Instant(at));
        }
        if std::mem::take(&mut ticket.asked_while_done) {
            self.ask(ticket, at);
        }
        // A new resolution goal keeps the start of the earlier one, unless that breached or the ticket was
        // finalized.
        self.start_goal(ticket, "resolution", Since::Instant(at));
        for (group, earlier) in std::mem::take(&mut ticket.last_resolutions) {
            if !earlier.breached && !ticket.is_final {
                ticket.goals.insert((group, "resolution"), earlier);
            }
        }
        // If the policy changed since, or the start was unknown then, the target may have passed already.
        for group in self.groups() {
            self.breach_if_exceeded(ticket, (group, "resolution"), at);
        }
        if ticket.is_final {
            ticket.is_final = false;
            ticket.anew_since = Some(at);
            ticket.worklogs_before_anew = ticket.worklogs.len();
        }
    }

    pub(super) fn finalize(&mut self, ticket: &mut Ticket, at: i64) {
        ticket.is_final = true;
        ticket.finalizations.push(at);
        let (solved, holder) = ticket.solves.last().cloned().expect("it was solved");
        let again = ticket.anew_since.is_some();
        let from = ticket.anew_since.or(ticket.created);
        if ticket.created.is_some()
            && let Some(from) = from
        {
            // KPI 4: without the solved time in between. KPI 13: its parts.
            let parts: [(&str, &dyn Fn(Status) -> bool); 3] = [
                ("full_resolution", &Status::is_done),
                ("requester_wait", &|status| {
                    status.is_done() || status == Status::Pending
                }),
                ("agent_wait", &|status| status != Status::Pending),
            ];
            if ticket.elapsed(from, solved, parts[2].1, None) > 0 {
                self.note_rule("agents waited");
            }
            for (kpi, skip) in parts {
                self.observe(ticket, &holder, kpi, from, solved, at, skip);
            }
            // KPI 6.
            let replies = ticket.replies.len();
            let mut teams = ticket.teams_since_reply.clone();
            teams.sort_unstable();
            teams.dedup();
            let first_contact = !again
                && ticket.reopenings.is_empty()
                && (replies == 1 || (replies == 0 && self.setup.allow_unanswered))
                && teams.len() <= 1
                && ticket.escalations == 0;
            self.book.count(
                "ticket_finalized_total",
                &holder,
                &[
                    (
                        "first_contact",
                        if first_contact { "true" } else { "false" },
                    ),
                    ("reopened", if again { "true" } else { "false" }),
                ],
            );
            self.book.event(at, &holder, "finalized");
            if first_contact {
                self.book.event(at, &holder, "first_contact");
            }
            // KPI 1.
            if replies == 0 && !again {
                self.book.count("ticket_unanswered_total", &holder, &[]);
            }
        }
        // KPI 5.
        let worklogs: Vec<i64> = ticket.worklogs[ticket.worklogs_before_anew..]
            .iter()
            .map(|(_, handle)| *handle)
            .collect();
        if !worklogs.is_empty() {
            let total = worklogs.iter().sum();
            self.book.observe(
                at,
                &holder,
                "handle",
                ("source", "reported"),
                "calendar",
                total,
            );
        } else if self.setup.derive_handle {
            let calendar = self.team_calendar(holder.team.as_ref());
            let total = ticket.open_with_agent(from.unwrap_or(i64::MIN), at, calendar);
            self.book.observe(
                at,
                &holder,
                "handle",
                ("source", "derived"),
                "business",
                total,
            );
        }
    }

    /// A duration on both time bases (section 3), with the calendar of the label's team.
    #[allow(clippy::too_many_arguments)]
    pub(super) fn observe(
        &mut self,
        ticket: &Ticket,
        holder: &Holder,
        kpi: &str,
        from: i64,
        to: i64,
        at: i64,
        skip: &dyn Fn(Status) -> bool,
    ) {
        let elapsed = ticket.elapsed(from, to, skip, None);
        let open = match self.team_calendar(holder.team.as_ref()) {
            None => elapsed,
            calendar => ticket.elapsed(from, to, skip, calendar),
        };
        for (clock, time) in [("calendar", elapsed), ("business", open)] {
            self.book
                .observe(at, holder, kpi, ("clock", clock), clock, time);
        }
    }

    pub(super) fn team_calendar(&self, team: Option<&String>) -> Option<&Calendar> {
        let name = team
            .and_then(|team| self.setup.team_calendars.get(team))
            .or(self.setup.default_calendar.as_ref())?;
        self.named_calendar(name)
    }

    pub(super) fn named_calendar(&self, name: &str) -> Option<&Calendar> {
        if name == "24x7" {
            return None;
        }
        Some(self.calendars.get(name).expect("a configured calendar"))
    }
}
