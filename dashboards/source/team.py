"""Team, for its agents. What is overdue, what is at risk, what is next?"""

from parts import (
    ANY_IS_A_WARNING,
    ANY_IS_BAD,
    COUNT,
    GREEN,
    OF_USUAL,
    ORANGE,
    SECONDS,
    SHARE,
    Value,
    attribute_variables,
    bars,
    breaches,
    column,
    deploys,
    drawn_as,
    filled,
    grid,
    lines,
    new_dashboard,
    numbers,
    priority_variable,
    query,
    row,
    team_variable,
    words,
)
from queries import HELD, gauge, growth, mean, share, usual

DEADLINES = f"ticket_sla_next_deadline_timestamp_seconds{{{HELD}}}"
GOAL = "team, priority, target, group"
ELAPSED = 'clock="calendar"'
LABELS = (("team", "Team"), ("priority", "Priority"), ("target", "Target"))
# Grafana replaces the name of a column only if there is one: with a single group of policies there is no label.
GROUP_LABELS = (*LABELS, ("group", "Group"))


def build():
    built = new_dashboard(
        "ticket-team",
        "Tickets / Team",
        "What is overdue, what is at risk, and what is next?",
        since="now-24h",
        refresh="30s",
        variables=[
            team_variable(),
            priority_variable(),
            *attribute_variables(),
            words(
                "pages",
                "Exporter's pages",
                "URL of the exporter's own pages, for links to its list of tickets (web.tickets: true)",
                "http://localhost:10047",
            ),
        ],
        annotations=[breaches(), deploys()],
        tags=["teams"],
    )
    return filled(built, now(), flow(), quality())


def at_risk(within):
    return gauge("ticket_sla_at_risk", f'within="{within}"')


def of_usual(title, description, expression, width):
    return numbers(
        title,
        description + " Beside it: as a part of the mean of the last 7 days, nights included.",
        Value(expression, "now", COUNT, decimals=0),
        Value(f"{expression} / ({usual(expression)} > 0)", "of usual", SHARE, OF_USUAL, 0),
        width=width,
    )


def tickets(question, labels=LABELS):
    """A link from a row to the exporter's list of its tickets."""
    row_labels = "&".join(f"{name}=${{__data.fields.{field}:percentencode}}" for name, field in labels)
    return [
        {
            "title": "The tickets, if the exporter may show them",
            "url": f"${{pages}}/tickets?{question}&{row_labels}",
            "targetBlank": True,
        }
    ]


def now():
    return [
        row("Now"),
        of_usual(
            "Overdue",
            "SLA goals that are breached and still wait. Answer or solve these first: nothing takes a breach"
            " back, but the customer still waits.",
            gauge("ticket_sla_overdue"),
            5,
        ),
        numbers(
            "At risk within",
            "SLA goals that will breach within that time unless someone acts; the table below has the nearest"
            " ones. Within 15 minutes: drop other work. Within an hour: take these next. Within four hours:"
            " plan them for this half of the day.",
            Value(at_risk("15m"), "15 min", COUNT, ANY_IS_BAD, 0),
            Value(at_risk("1h"), "1 h", COUNT, ANY_IS_A_WARNING, 0),
            Value(at_risk("4h"), "4 h", COUNT, decimals=0),
            width=4,
        ),
        of_usual(
            "Awaiting first response",
            "Unsolved tickets that no human has answered.",
            gauge("ticket_awaiting_first_response"),
            5,
        ),
        of_usual(
            "Unassigned",
            "Unsolved tickets without an assignee. Assign them: they are the first to be forgotten.",
            gauge("ticket_unassigned"),
            5,
        ),
        of_usual(
            "Backlog",
            "Unsolved tickets: new, open, pending or on hold.",
            gauge("ticket_backlog"),
            5,
        ),
        grid(
            "Next deadlines",
            "The first deadline among the running SLA goals of each team, priority, target and, if policies are in"
            " several groups, group: take the top one. An update is due when the customer has waited for news."
            " A click on a number leads to the exporter's list of those tickets, in all groups and with all"
            " attributes, if it may show it, and a click on a group to those of that group; otherwise sort your"
            " helpdesk by due date.",
            [
                query(f"min by ({GOAL}) ({DEADLINES}) * 1000", as_table=True),
                query(f"min by ({GOAL}) ({DEADLINES}) - time()", as_table=True),
                query(f"{gauge('ticket_sla_running', by=GOAL)} > 0", as_table=True),
                query(
                    f"{gauge('ticket_sla_overdue', by=GOAL)} and on ({GOAL}) {DEADLINES}",
                    as_table=True,
                ),
            ],
            [
                column("team", "Team"),
                column("priority", "Priority"),
                column("target", "Target"),
                column("group", "Group", links=tickets("at_risk=7d", GROUP_LABELS)),
                column("Value #A", "Deadline", "dateTimeAsLocal", decimals=0, width=190),
                column("Value #B", "Left", "dthms", decimals=0),
                column("Value #C", "Running", COUNT, links=tickets("at_risk=7d")),
                column("Value #D", "Overdue", COUNT, links=tickets("overdue=true")),
            ],
            width=19,
            height=10,
            sort="Deadline",
        ),
        bars(
            "Overdue by target",
            "What is late: replies and updates first, because a customer waits for a word; assignments before the"
            " work itself.",
            [query(f"{gauge('ticket_sla_overdue', by='target')}", "{{target}}")],
            COUNT,
            label="target",
            thresholds=ANY_IS_A_WARNING,
            width=5,
            height=10,
            decimals=0,
        ),
    ]


def flow():
    came = [growth(f"ticket_{what}_total", "1h") for what in ("created", "reopened")]
    in_and_out = lines(
        "In and out, by hour",
        "Tickets that came (created or reopened) and went (solved) in each hour, ending at the point. In above"
        " out until the evening: the backlog grows.",
        [
            query(f"{came[0]} + {came[1]}", "in", interval="1h"),
            query(growth("ticket_solved_total", "1h"), "out", interval="1h"),
        ],
        COUNT,
        decimals=0,
    )
    in_and_out = drawn_as(drawn_as(in_and_out, "in", color=ORANGE), "out", color=GREEN)
    return [
        row("Is the team keeping up?"),
        in_and_out,
        lines(
            "Backlog by status",
            "Many pending: agents wait for customers. Many on hold: they wait for others. More and more new: no one looks.",
            [query(gauge("ticket_backlog", by="status"), "{{status}}")],
            COUNT,
            stacked=True,
            decimals=0,
        ),
    ]


def quality():
    def grown(name, more=""):
        return growth(name, "$__range", more)

    def tile(title, description, part, whole, met=False):
        ratio = share(part, whole)
        return numbers(
            title,
            description + " With the number behind it: a share of a few is chance.",
            Value(f"1 - {ratio}" if met else ratio, "share", SHARE, decimals=1),
            Value(whole, "of", COUNT, decimals=0),
            width=6,
        )

    return [
        row("How good is the work, in the selected time range"),
        tile(
            "SLA met",
            "Share of the goals decided that were met.",
            grown("ticket_sla_breaches_total"),
            grown("ticket_sla_goals_total"),
            met=True,
        ),
        tile(
            "Satisfied",
            "Good ratings among good and bad ones.",
            grown("ticket_csat_ratings_total", 'rating="good"'),
            grown("ticket_csat_ratings_total", 'rating=~"good|bad"'),
        ),
        tile(
            "Solved at first contact",
            "Final tickets that one answer of one team solved, without a reopening.",
            grown("ticket_finalized_total", 'first_contact="true"'),
            grown("ticket_finalized_total"),
        ),
        tile(
            "Reopened",
            "Reopenings for each time a ticket was solved. Speed that raises it is no speed.",
            grown("ticket_reopened_total"),
            grown("ticket_solved_total"),
        ),
        bars(
            "SLA met by target",
            "Share of the goals decided that were met. Updates far below the rest: customers ask for news instead of"
            " getting it.",
            [
                query(
                    "1 - "
                    + share(
                        growth("ticket_sla_breaches_total", "$__range", by="target"),
                        growth("ticket_sla_goals_total", "$__range", by="target"),
                    ),
                    "{{target}}",
                )
            ],
            SHARE,
            label="target",
            height=7,
            decimals=1,
        ),
        numbers(
            "Time to assignment",
            "Mean elapsed time from creation to the first assignee. Long: tickets lie in a queue that no one"
            " watches.",
            Value(mean("ticket_assignment_seconds", "$__range", more=ELAPSED), "mean", SECONDS, decimals=1),
            width=6,
            height=7,
        ),
        numbers(
            "Who waits",
            "Mean elapsed time of final tickets: the customer waits for us, and agents wait for the customer. Much of"
            " the second: the first question did not ask for everything.",
            Value(mean("ticket_requester_wait_seconds", "$__range", more=ELAPSED), "customer", SECONDS, decimals=1),
            Value(mean("ticket_agent_wait_seconds", "$__range", more=ELAPSED), "agents", SECONDS, decimals=1),
            width=10,
            height=7,
        ),
    ]
