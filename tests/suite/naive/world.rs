//! Sections 1, 2, 4 and 5: the partition, its stream clock, and what each event and each timer
//! does to a ticket and to the numbers.

use super::Output;
use super::calendar::Calendar;
use super::event::{Event, Status};
use super::series::{Book, Holder};
use super::setup::{Setup, milliseconds};
use super::ticket::{Goal, Judged, Since, Ticket, Withdrawal, pauses, target_of};
use std::collections::{BTreeMap, HashMap};

const NOTHING: fn(Status) -> bool = |_| false;

pub struct World<'a> {
    setup: &'a Setup,
    calendars: BTreeMap<String, Calendar>,
    book: Book<'a>,
    tickets: HashMap<String, Ticket>,
    greatest: Option<i64>,
    lateness: i64,
    finalize_after: i64,
    retain: i64,
    undelete_grace: i64,
    output: Output,
}

impl std::fmt::Debug for World<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("World").finish_non_exhaustive()
    }
}

impl<'a> World<'a> {
    pub fn new(setup: &'a Setup, earliest: i64) -> Self {
        Self {
            setup,
            calendars: setup
                .calendars
                .iter()
                .map(|(name, calendar)| (name.clone(), Calendar::new(calendar, earliest)))
                .collect(),
            book: Book::new(setup),
            tickets: HashMap::new(),
            greatest: None,
            lateness: milliseconds(&setup.lateness),
            finalize_after: milliseconds(&setup.finalize_after),
            retain: milliseconds(&setup.retain),
            undelete_grace: milliseconds(&setup.undelete_grace),
            output: Output::default(),
        }
    }

    /// One record, in arrival order.
    pub fn read(&mut self, event: &Event) {
        // Section 2: the greatest event time seen, less the lateness.
        let greatest = self.greatest.map_or(event.at, |seen| seen.max(event.at));
        self.greatest = Some(greatest);
        let clock = greatest - self.lateness;

        let mut ticket = match self.take(&event.ticket, clock, event.at) {
            Some(ticket) => ticket,
            None => Ticket::open(event),
        };
        if ticket.has_seen(&event.identity) {
            self.output.duplicates += 1;
        } else if let Some(withdrawal) = ticket.withdrawal().cloned() {
            self.read_withdrawn(&mut ticket, &withdrawal, event, clock);
        } else {
            self.apply(&mut ticket, event);
        }
        self.tickets.insert(event.ticket.clone(), ticket);
    }

    /// The clock's last move, and the gauges and windows there.
    pub fn finish(mut self, until: Option<i64>) -> Output {
        let end = match (self.greatest, until) {
            (Some(greatest), Some(until)) => Some(greatest.max(until)),
            (greatest, until) => greatest.or(until),
        };
        let mut output = std::mem::take(&mut self.output);
        if let Some(end) = end {
            let mut names: Vec<String> = self.tickets.keys().cloned().collect();
            names.sort_unstable();
            for name in names {
                if let Some(ticket) = self.take(&name, end, i64::MIN) {
                    self.gauges(&ticket, end);
                }
            }
        }
        output.series = self.book.into_series(end);
        output
    }

    /// The ticket out of the table, after the timers that are due before an event at `at` and
    /// before the clock; nothing if it is unknown or forgotten.
    fn take(&mut self, name: &str, clock: i64, at: i64) -> Option<Ticket> {
        let mut ticket = self.tickets.remove(name)?;
        let due = |instant: i64| instant < at || instant < clock;
        loop {
            // Section 4, last paragraph: kept for `retain`.
            let forgotten = match (ticket.withdrawal(), ticket.finalisations.last()) {
                (Some(withdrawal), _) => Some(withdrawal.from + self.retain),
                (None, Some(finalised)) if ticket.is_final => Some(finalised + self.retain),
                _ => None,
            };
            if forgotten.is_some_and(due) {
                return None;
            }
            if ticket.withdrawal().is_some() {
                return Some(ticket);
            }
            if let Some(instant) = ticket
                .finalisation_due(self.finalize_after)
                .filter(|at| due(*at))
            {
                self.finalise(&mut ticket, instant);
                continue;
            }
            let next = ticket
                .goals
                .iter()
                .filter(|(_, goal)| !goal.breached)
                .filter_map(|(target, goal)| {
                    let deadline = self.judge(&ticket, target, goal)?.deadline()?;
                    Some((deadline, *target))
                })
                .min();
            match next {
                Some((deadline, target)) if due(deadline) => {
                    self.breach(&mut ticket, target, deadline);
                }
                _ => return Some(ticket),
            }
        }
    }

    /// An event of a withdrawn ticket.
    fn read_withdrawn(
        &mut self,
        ticket: &mut Ticket,
        withdrawal: &Withdrawal,
        event: &Event,
        clock: i64,
    ) {
        if !withdrawal.merged {
            let at = event.at.max(ticket.last);
            if event.kind == "undeleted" && at - withdrawal.from <= self.undelete_grace {
                ticket.withdrawals.last_mut().unwrap().to = Some(at);
                self.apply(ticket, event);
            } else {
                self.ignore("withdrawn");
            }
            return;
        }
        // What concerns the merged ticket itself is no news about the survivor.
        if ["created", "merged", "spam", "deleted", "undeleted"].contains(&event.kind.as_str()) {
            self.ignore("withdrawn");
            return;
        }
        let mut passed = vec![event.ticket.clone()];
        let mut next = withdrawal.into.clone();
        while let Some(name) = next {
            if passed.contains(&name) {
                break;
            }
            let Some(mut survivor) = self.take(&name, clock, event.at) else {
                break;
            };
            let outcome = survivor.withdrawal().cloned();
            match &outcome {
                None => {
                    let event = Event {
                        created_at: None,
                        ..event.clone()
                    };
                    self.apply(&mut survivor, &event);
                }
                Some(withdrawal) if withdrawal.merged => {}
                Some(_) => self.ignore("withdrawn"),
            }
            self.tickets.insert(name.clone(), survivor);
            match outcome {
                Some(withdrawal) if withdrawal.merged => {
                    passed.push(name);
                    next = withdrawal.into;
                }
                _ => return,
            }
        }
        self.ignore("merged_away");
    }

    fn ignore(&mut self, reason: &str) {
        *self.output.ignored.entry(reason.to_owned()).or_default() += 1;
    }

    /// Section 1: "message, then worklog/csat, then team, agent, priority, then status".
    fn apply(&mut self, ticket: &mut Ticket, event: &Event) {
        if event.at < ticket.last {
            self.output.out_of_order += 1;
        }
        let at = event.at.max(ticket.last);
        ticket.last = at;
        self.complete(ticket, event, at);
        self.book.meet(&ticket.holder(), ticket.channel.as_ref());

        let reason = event.kind.as_str();
        if ["merged", "spam", "deleted"].contains(&reason) {
            let holder = ticket.holder();
            self.book
                .count("ticket_withdrawn_total", &holder, &[("reason", reason)]);
            ticket.withdrawals.push(Withdrawal {
                from: at,
                to: None,
                merged: reason == "merged",
                into: event.into.clone(),
            });
            return;
        }
        match event.kind.as_str() {
            "message" => self.message(ticket, event, at),
            "worklog" => ticket
                .worklogs
                .extend(event.handle_ms.map(|handle| (at, handle))),
            "csat_offered" | "csat_rated" => self.csat(ticket, event, at),
            "escalated" => {
                ticket.escalations += 1;
                let holder = ticket.holder();
                self.book.count("ticket_escalated_total", &holder, &[]);
            }
            _ => {}
        }
        self.change_attributes(ticket, event, at);
        if event.kind == "created" && !ticket.counted {
            ticket.counted = true;
            let channel = self.book.channel(ticket.channel.as_ref());
            let holder = ticket.holder();
            self.book
                .count("ticket_created_total", &holder, &[("channel", &channel)]);
            self.book.event(at, &holder, "created");
        }
        if let Some(status) = event.status {
            self.change_status(ticket, status, at);
        }
    }

    /// Section 1, unknown ticket: a creation time that becomes known later completes a partial one.
    fn complete(&mut self, ticket: &mut Ticket, event: &Event, at: i64) {
        if ticket.created.is_some() {
            return;
        }
        let own = (event.kind == "created").then_some(event.at);
        ticket.created = event.created_at.or(own).map(|created| created.min(at));
    }

    // ---- Messages: KPI 1 and 2 ----

    fn message(&mut self, ticket: &mut Ticket, event: &Event, at: i64) {
        let holder = ticket.holder();
        match event.actor.as_deref() {
            Some("customer") if ticket.is_done() => {
                ticket.asked_while_done |= ticket.answered;
            }
            Some("customer") => {
                if ticket.answered && ticket.asked.is_none() {
                    self.ask(ticket, at);
                }
            }
            // The opening message does not count.
            Some("agent") if event.public && ticket.created != Some(at) => {
                self.book.count("ticket_replies_total", &holder, &[]);
                self.book.event(at, &holder, "replied");
                if ticket.replies.is_empty() {
                    ticket.teams_since_reply.push(ticket.team.clone());
                }
                ticket.replies.push(at);
                if ticket.is_done() {
                    ticket.asked_while_done = false;
                } else {
                    self.answer(ticket, &holder, at);
                }
            }
            _ => {}
        }
    }

    /// A human reply inside a cycle.
    fn answer(&mut self, ticket: &mut Ticket, holder: &Holder, at: i64) {
        if !ticket.answered {
            ticket.answered = true;
            let since = match ticket.reopenings.last() {
                Some(reopening) => Since::Instant(*reopening),
                None => Since::Creation,
            };
            if let (Some(_), Some(from)) = (ticket.created, ticket.instant(since)) {
                self.observe(ticket, holder, "first_response", from, at, at, &NOTHING);
            }
            self.end_goal(ticket, "first_response", holder, at);
        }
        if let Some(asked) = ticket.asked.take() {
            self.observe(ticket, holder, "next_response", asked, at, at, &NOTHING);
            self.end_goal(ticket, "next_response", holder, at);
        }
    }

    fn ask(&mut self, ticket: &mut Ticket, at: i64) {
        ticket.asked = Some(at);
        self.start_goal(ticket, "next_response", Since::Instant(at));
    }

    // ---- KPI 9 ----

    fn csat(&mut self, ticket: &mut Ticket, event: &Event, at: i64) {
        let holder = match ticket.solves.last() {
            Some((_, holder)) => holder.clone(),
            None => ticket.holder(),
        };
        if event.kind == "csat_offered" {
            self.book.count("ticket_csat_offered_total", &holder, &[]);
            return;
        }
        let Some(score) = event.score else { return };
        let position = (score - 1.0) / (event.score_max - 1.0);
        match ticket.ratings.last() {
            None => {
                let rating = if position >= self.setup.csat_good {
                    "good"
                } else if position <= self.setup.csat_bad {
                    "bad"
                } else {
                    "neutral"
                };
                self.book
                    .count("ticket_csat_ratings_total", &holder, &[("rating", rating)]);
                if rating != "neutral" {
                    self.book.event(at, &holder, &format!("csat_{rating}"));
                }
            }
            Some(last) if (last - position).abs() > 1e-12 => {
                self.book.count("ticket_csat_changes_total", &holder, &[]);
            }
            Some(_) => {}
        }
        ticket.ratings.push(position);
    }

    // ---- Attributes: KPI 10 and 11, re-basing ----

    fn change_attributes(&mut self, ticket: &mut Ticket, event: &Event, at: i64) {
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
            && ticket.priority.as_ref() != Some(priority)
        {
            self.add_status_time(ticket, at);
            ticket.priority = Some(priority.clone());
        }
        if let Some(channel) = &event.channel {
            ticket.channel = Some(channel.clone());
        }
        self.book.meet(&ticket.holder(), ticket.channel.as_ref());
        // Section 5: if the new deadline has passed, the goal breaches at the change.
        let targets: Vec<&'static str> = ticket.goals.keys().copied().collect();
        for target in targets {
            let goal = &ticket.goals[target];
            let late = !goal.breached
                && self
                    .judge(ticket, target, goal)
                    .is_some_and(|judged| judged.running_time(at) > judged.target);
            if late {
                self.breach(ticket, target, at);
            }
        }
    }

    fn add_status_time(&mut self, ticket: &mut Ticket, at: i64) {
        let status = ticket.status();
        if status != Status::Closed {
            let time = ticket.elapsed(ticket.labels_since, at, &NOTHING, None);
            self.book
                .add_status_time(&ticket.holder(), status.name(), time);
        }
        ticket.labels_since = at;
    }

    fn start_leg(&mut self, ticket: &mut Ticket, at: i64) {
        if ticket.team.is_some() {
            ticket.leg = Some(Since::Instant(at));
            self.start_goal(ticket, "ownership", Since::Instant(at));
        }
    }

    fn end_leg(&mut self, ticket: &mut Ticket, at: i64) {
        let holder = ticket.holder();
        if let Some(leg) = ticket.leg.take()
            && let Some(from) = ticket.instant(leg)
        {
            self.observe(ticket, &holder, "team_ownership", from, at, at, &NOTHING);
        }
        self.end_goal(ticket, "ownership", &holder, at);
    }

    // ---- Status: cycles, KPI 3, 4, 5, 6 ----

    fn change_status(&mut self, ticket: &mut Ticket, status: Status, at: i64) {
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
            self.finalise(ticket, at);
        }
    }

    fn solve(&mut self, ticket: &mut Ticket, at: i64) {
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
        ticket.asked = None;
        ticket.last_resolution = ticket.goals.get("resolution").cloned();
        for target in ["first_response", "next_response", "resolution"] {
            self.end_goal(ticket, target, &holder, at);
        }
    }

    fn reopen(&mut self, ticket: &mut Ticket, at: i64) {
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
        // A new resolution goal keeps the start of the earlier one, unless that breached or the
        // ticket was finalised.
        match ticket.last_resolution.take() {
            Some(earlier) if !earlier.breached && !ticket.is_final => {
                ticket.goals.insert("resolution", earlier);
            }
            _ => self.start_goal(ticket, "resolution", Since::Instant(at)),
        }
        if ticket.is_final {
            ticket.is_final = false;
            ticket.anew_since = Some(at);
            ticket.worklogs_before_anew = ticket.worklogs.len();
        }
    }

    fn finalise(&mut self, ticket: &mut Ticket, at: i64) {
        ticket.is_final = true;
        ticket.finalisations.push(at);
        let (solved, holder) = ticket.solves.last().cloned().expect("it was solved");
        let again = ticket.anew_since.is_some();
        let from = ticket.anew_since.or(ticket.created);
        if ticket.created.is_some()
            && let Some(from) = from
        {
            // KPI 4: less the solved time in between.
            self.observe(
                ticket,
                &holder,
                "full_resolution",
                from,
                solved,
                at,
                &Status::is_done,
            );
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
    fn observe(
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

    fn team_calendar(&self, team: Option<&String>) -> Option<&Calendar> {
        let name = team
            .and_then(|team| self.setup.team_calendars.get(team))
            .or(self.setup.default_calendar.as_ref())?;
        self.named_calendar(name)
    }

    fn named_calendar(&self, name: &str) -> Option<&Calendar> {
        if name == "24x7" {
            return None;
        }
        Some(self.calendars.get(name).expect("a configured calendar"))
    }

    // ---- Section 5 ----

    fn start_goal(&self, ticket: &mut Ticket, target: &'static str, since: Since) {
        let goal = Goal {
            since,
            team: ticket.team.clone(),
            breached: false,
        };
        ticket.goals.insert(target, goal);
    }

    /// The goal under the policy in force; nothing where that has no such target, or the ticket's
    /// start is unknown.
    fn judge<'b>(&'b self, ticket: &'b Ticket, target: &str, goal: &Goal) -> Option<Judged<'b>> {
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

    fn breach(&mut self, ticket: &mut Ticket, target: &'static str, at: i64) {
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

    fn end_goal(&mut self, ticket: &mut Ticket, target: &'static str, holder: &Holder, at: i64) {
        let Some(goal) = ticket.goals.remove(target) else {
            return;
        };
        if !goal.breached && self.judge(ticket, target, &goal).is_some() {
            self.count_goal(ticket, target, holder, at);
        }
    }

    fn count_goal(&mut self, ticket: &Ticket, target: &str, holder: &Holder, at: i64) {
        let policy = ticket.policy(self.setup).expect("a policy").name.clone();
        self.book.count(
            "ticket_sla_goals_total",
            holder,
            &[("target", target), ("policy", &policy)],
        );
        self.book.event(at, holder, "sla_goal");
    }

    // ---- Gauges: KPI 7, sections 5 and 7 ----

    fn gauges(&mut self, ticket: &Ticket, clock: i64) {
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
