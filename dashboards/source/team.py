"""Team: live, for those who work the queue and those who lead them. What needs somebody now?"""

from parts import (
    ANY_IS_A_WARNING,
    ANY_IS_BAD,
    GREEN,
    ORANGE,
    RED,
    bars,
    board,
    breaches,
    clock_variable,
    column,
    deploys,
    filled,
    grid,
    lines,
    number,
    percentage,
    priority_variable,
    query,
    row,
    steps,
    team_variable,
    warmth,
    window_variable,
)
from queries import (
    CLOCK,
    HELD,
    TEAM,
    first_contact,
    gauge,
    growth,
    met_share,
    range_mean,
    range_quantile,
    reopened,
    satisfied,
)

DAY = 86_400
# In their order, which no label could give.
AGES = ("4h", "1d", "3d", "7d", "30d")
AGE = steps(GREEN, (7 * DAY, ORANGE), (30 * DAY, RED))


def build():
    built = board(
        "ticket-team",
        "Tickets / Team",
        "What needs somebody now, and is the team keeping up?",
        since="now-24h",
        refresh="30s",
        variables=[team_variable(), priority_variable(), clock_variable(), window_variable("24h")],
        annotations=[breaches(True), deploys()],
        tags=["teams"],
    )
    return filled(built, now(), backlog(), flow(), quality(), time_spent())


def at_risk(within):
    return gauge("ticket_sla_at_risk", f'within="{within}"')


def now():
    soon = "SLA goals that will breach within {} unless somebody acts; the nearest first below. "
    return [
        row("Now"),
        number(
            "Overdue",
            "SLA goals that are breached and still wait. Answer or solve these first: nothing"
            " takes a breach back, but the customer still waits.",
            [query(gauge("ticket_sla_overdue"), "overdue")],
            "short",
            thresholds=ANY_IS_BAD,
            width=3,
        ),
        number(
            "At risk in 15 m",
            soon.format("15 minutes") + "Drop other work.",
            [query(at_risk("15m"), "at risk")],
            "short",
            thresholds=ANY_IS_BAD,
            width=3,
        ),
        number(
            "At risk in 1 h",
            soon.format("an hour") + "Take these next.",
            [query(at_risk("1h"), "at risk")],
            "short",
            thresholds=ANY_IS_A_WARNING,
            width=3,
        ),
        number(
            "At risk in 4 h",
            soon.format("four hours") + "Plan these for this half of the day.",
            [query(at_risk("4h"), "at risk")],
            "short",
            width=3,
        ),
        number(
            "Awaiting first response",
            "Unsolved tickets that no human has answered.",
            [query(gauge("ticket_awaiting_first_response"), "waiting")],
            "short",
            width=3,
        ),
        number(
            "Unassigned",
            "Unsolved tickets that are nobody's. Assign them: what is nobody's is" " forgotten first.",
            [query(gauge("ticket_unassigned"), "unassigned")],
            "short",
            thresholds=ANY_IS_A_WARNING,
            width=3,
        ),
        number(
            "Unsolved",
            "The backlog: tickets that are new, open, pending or on hold.",
            [query(gauge("ticket_backlog"), "unsolved")],
            "short",
            width=3,
            sparkline=True,
        ),
        number(
            "Oldest",
            "Age of the oldest unsolved ticket, whatever its priority. Weeks: find it and"
            " decide; old tickets do not solve themselves.",
            [
                query(
                    "time() - min (ticket_backlog_oldest_created_timestamp_seconds" f"{{{TEAM}}})", "oldest"
                )
            ],
            "s",
            thresholds=AGE,
            width=3,
        ),
        grid(
            "Next deadlines",
            "The first deadline among the running SLA goals of each team, priority and"
            " target. Take the top one. Which ticket it is: /tickets of the exporter, where that is"
            " allowed, or your helpdesk sorted by due date.",
            [
                query(
                    "min by (team, priority, target) (ticket_sla_next_deadline_timestamp_seconds"
                    f"{{{HELD}}}) * 1000",
                    as_table=True,
                ),
                query(f"{gauge('ticket_sla_running', by='team, priority, target')} > 0", as_table=True),
            ],
            [
                column("team", "Team"),
                column("priority", "Priority"),
                column("target", "Target"),
                column("Value #A", "Deadline", "dateTimeFromNow"),
                column("Value #B", "Running", "short"),
            ],
            width=24,
            height=7,
            sort="Deadline",
        ),
    ]


def backlog():
    def older(age):
        return gauge("ticket_backlog_older_than", f'age="{age}"', held=TEAM)

    return [
        row("Backlog"),
        lines(
            "By status",
            "Unsolved tickets by status. Much pending: customers are waited for; much on"
            " hold: others are. Growing new: nobody looks.",
            [query(gauge("ticket_backlog", by="status"), "{{status}}")],
            "short",
            width=8,
            stacked=True,
        ),
        bars(
            "Older than",
            "Unsolved tickets created longer ago than each age, whatever the priority."
            " A long lower bar is a second, hidden backlog: take one of it a day.",
            [query(older(age), age) for age in AGES],
            "short",
            width=8,
        ),
        bars(
            "By priority",
            "Unsolved tickets by priority.",
            [query(gauge("ticket_backlog", by="priority"), "{{priority}}")],
            "short",
            width=8,
        ),
    ]


def flow():
    return [
        row("Flow"),
        lines(
            "In and out",
            "Tickets created, reopened and solved in each hour. More in than out for a day:"
            " the backlog grows.",
            [
                query(growth("ticket_created_total", "1h"), "created", interval="1h"),
                query(growth("ticket_reopened_total", "1h"), "reopened", interval="1h"),
                query(growth("ticket_solved_total", "1h"), "solved", interval="1h"),
            ],
            "short",
            width=8,
            bars=True,
        ),
        lines(
            "Net inflow",
            "Created and reopened less solved, by hour. Above 0: work piles up.",
            [
                query(
                    f"{growth('ticket_created_total', '1h')} + {growth('ticket_reopened_total', '1h')}"
                    f" - {growth('ticket_solved_total', '1h')}",
                    "net",
                    interval="1h",
                )
            ],
            "short",
            width=8,
            bars=True,
            least=None,
        ),
        warmth(
            "First response time",
            "First responses by how long they took: warm cells are many tickets."
            " A band that moves up is a queue that grows; two bands are two kinds of tickets.",
            query(
                growth("ticket_first_response_seconds_bucket", "$__rate_interval", CLOCK, "le"),
                "{{le}}",
                as_heatmap=True,
                interval="30m",
            ),
            "s",
            width=8,
            height=8,
        ),
    ]


def quality():
    return [
        row("Quality in the last $window: exact counts by event time"),
        percentage(
            "SLA met",
            "Share of the goals decided in the window that were met.",
            met_share(),
            "met",
            width=6,
        ),
        percentage(
            "Satisfied",
            "Good ratings among good and bad ones.",
            satisfied(),
            "satisfied",
            width=6,
        ),
        percentage(
            "First contact",
            "Finalised tickets that one answer solved.",
            first_contact(),
            "first contact",
            width=6,
        ),
        percentage(
            "Reopened",
            "Reopenings for each solve. Speed that raises it is no speed.",
            reopened(),
            "reopened",
            width=6,
        ),
    ]


def time_spent():
    status = growth("ticket_status_seconds_total", "$__range", 'status!="solved"', "status")
    return [
        row("Where the time goes, in the selected time range"),
        bars(
            "Status time",
            "Share of the time of unsolved tickets in each status, added when a ticket leaves it. Much"
            " pending or on hold: the wait is outside the team.",
            [query(f"{status} / ignoring (status) group_left () (sum ({status}) > 0)", "{{status}}")],
            "percentunit",
            width=8,
            most=1,
        ),
        bars(
            "Ownership time by team",
            "How long a team holds a ticket until it hands it on or solves it:" " the mean.",
            [query(range_mean("ticket_team_ownership_seconds", "$__range", "team"), "{{team}}")],
            "s",
            width=8,
        ),
        lines(
            "Ownership time",
            "The same over time, and what nine in ten legs stay below. Long legs that"
            " end in a transfer are waste: tickets reach the wrong team.",
            [
                query(range_quantile("ticket_team_ownership_seconds", 0.5, "6h"), "p50", interval="1h"),
                query(range_quantile("ticket_team_ownership_seconds", 0.9, "6h"), "p90", interval="1h"),
            ],
            "s",
            width=8,
        ),
    ]
