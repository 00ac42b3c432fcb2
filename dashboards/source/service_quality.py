"""Service quality, for managers. Are we better or worse than last week?"""

from parts import (
    COUNT,
    FEWER_POINTS_ARE_BETTER,
    GREEN,
    LESS_IS_BETTER,
    MORE_POINTS_ARE_BETTER,
    ORANGE,
    POINTS,
    RED,
    SECONDS,
    SHARE,
    Value,
    attribute_variables,
    bars,
    breaches,
    choice,
    clock_variable,
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
    steps,
    team_variable,
    to_team,
)
from queries import (
    WEEK,
    by_group,
    events,
    first_contact,
    gauge,
    growth,
    mean,
    met_share,
    reopened,
    satisfied,
    share,
    team_quantile,
)

# From general experience. They are no targets: those are the objectives of the configuration.
SATISFIED = steps(RED, (0.7, ORANGE), (0.85, GREEN))
FIRST_CONTACT = steps(RED, (0.5, ORANGE), (0.65, GREEN))
REOPENED = steps(GREEN, (0.08, ORANGE), (0.15, RED))
MARGIN = steps(RED, (0, GREEN))
# Each policy and target is weighted by its number of goals.
GOALS = growth("ticket_sla_goals_total", WEEK, by="policy, target")
OBJECTIVE = (
    f"(sum ({GOALS} * on (policy, target) group_left ()"
    f" max by (policy, target) (ticket_exporter_sla_objective_ratio)) / (sum ({GOALS}) > 0))"
)
ENOUGH = f"and on (team) {events('solved', 'team')} >= $minimum"
LAST, CHANGE = "last 7 days", "change"
# A weekly window changes slowly, and each point reads a week of samples, so there is one every twelve hours.
TREND = "12h"


def build():
    built = new_dashboard(
        "ticket-quality",
        "Tickets / Service quality",
        "Are we better or worse than last week? Speed stands beside quality.",
        since="now-30d",
        refresh="5m",
        variables=[
            team_variable(),
            priority_variable(),
            *attribute_variables(),
            clock_variable(),
            choice(
                "minimum",
                "Least tickets",
                "Teams that solved fewer tickets in seven days are left out of the table and the trends:"
                " their shares are chance",
                "20",
                "10",
                "5",
                "50",
                "100",
            ),
        ],
        annotations=[breaches(), deploys()],
        tags=["managers"],
    )
    return filled(built, week(), teams(), trends())


def share_tile(title, description, of, better):
    change = f"100 * ({of('')} - {of(WEEK)})"
    return numbers(
        title,
        description,
        Value(of(""), LAST, SHARE, decimals=1),
        Value(change, CHANGE, POINTS, better, 1),
    )


def relative(now, before):
    return f"{now} / ({before} > 0) - 1"


def time_tile(title, description, histogram, more=None):
    held = {} if more is None else {"more": more}
    now, before = mean(histogram, **held), mean(histogram, offset=WEEK, **held)
    return numbers(
        title,
        description,
        Value(now, LAST, SECONDS),
        Value(relative(f"({now})", f"({before})"), CHANGE, SHARE, LESS_IS_BETTER, 0),
    )


def week():
    backlog, before = gauge("ticket_backlog"), gauge("ticket_backlog", offset=WEEK)
    return [
        row("The last 7 days, and the change against the 7 days before"),
        numbers(
            "SLA met",
            "Share of the SLA goals decided in the last 7 days that were met, its change in percentage"
            " points, and its distance from the objective of the configuration, weighted by the goals of"
            " each policy. Negative: free capacity, or agree on targets that history supports"
            " (suggest-targets); the SLA dashboard shows which policy and target loses most.",
            Value(met_share(), LAST, SHARE, decimals=1),
            Value(f"100 * ({met_share()} - {met_share(offset=WEEK)})", CHANGE, POINTS, MORE_POINTS_ARE_BETTER, 1),
            Value(f"100 * ({met_share()} - {OBJECTIVE})", "to objective", POINTS, MARGIN, 1),
        ),
        share_tile(
            "Satisfied (CSAT)",
            "Good ratings among good and bad ones. A fall: read what dissatisfied customers wrote before"
            " anything is made faster.",
            lambda offset: satisfied(offset=offset),
            MORE_POINTS_ARE_BETTER,
        ),
        share_tile(
            "Solved at first contact (FCR)",
            "Finalized tickets that one answer of one team solved, without a reopening. A fall: the first"
            " answer asks back or hands on too often; better forms and knowledge help.",
            lambda offset: first_contact(offset=offset),
            MORE_POINTS_ARE_BETTER,
        ),
        share_tile(
            "Reopened",
            "Reopenings for each time a ticket was solved. A rise while times fall: tickets are closed and"
            " not solved.",
            lambda offset: reopened(offset=offset),
            FEWER_POINTS_ARE_BETTER,
        ),
        time_tile(
            "First response",
            "Mean time from creation to the first human reply, on the clock chosen above. A rise while"
            " arrivals are even: too few people, or tickets that no one takes.",
            "ticket_first_response_seconds",
        ),
        time_tile(
            "Resolution",
            "Mean time from creation to the first time solved. Judge it beside the reopened share above:"
            " fast and reopened is not solved.",
            "ticket_first_resolution_seconds",
        ),
        numbers(
            "Solved",
            "Tickets solved in the last 7 days, and for each ticket created in them. Below 100 % for weeks:"
            " the backlog grows; see the Capacity dashboard.",
            Value(events("solved"), LAST, COUNT, decimals=0),
            Value(share(events("solved"), events("created")), "of created", SHARE, decimals=0),
        ),
        numbers(
            "Backlog",
            "Unsolved tickets now, and the change against the same time a week ago, so that a Monday is"
            " compared with a Monday.",
            Value(backlog, "now", COUNT, decimals=0),
            Value(relative(backlog, before), CHANGE, SHARE, LESS_IS_BETTER, 0),
        ),
        time_tile(
            "Assignment",
            "Mean time from creation to the first assignee. A rise: tickets lie in a queue that no one watches.",
            "ticket_assignment_seconds",
        ),
        time_tile(
            "Customers wait",
            "Mean time of final tickets in new, open and on hold: the part of the full resolution time that is ours.",
            "ticket_requester_wait_seconds",
        ),
        time_tile(
            "Agents wait",
            "Mean time of final tickets in pending. A rise: agents ask back more; ask for everything at once.",
            "ticket_agent_wait_seconds",
        ),
        bars(
            "SLA met by group",
            "Commitments to customers beside those between teams, from counters of the last 7 days. `all` stands for"
            " policies in a single group.",
            [
                query(
                    by_group(
                        "1 - "
                        + share(
                            growth("ticket_sla_breaches_total", WEEK, by="group"),
                            growth("ticket_sla_goals_total", WEEK, by="group"),
                        )
                    ),
                    "{{group}}",
                )
            ],
            SHARE,
            label="group",
            width=6,
            height=4,
            decimals=1,
        ),
    ]


def teams():
    shown = [
        (events("solved", "team"), "Solved", COUNT, None),
        (met_share("team"), "SLA met", SHARE, None),
        (satisfied("team"), "CSAT", SHARE, SATISFIED),
        (first_contact("team"), "FCR", SHARE, FIRST_CONTACT),
        (reopened("team"), "Reopened", SHARE, REOPENED),
        (team_quantile("first_response", "0.5"), "Reply p50", SECONDS, None),
        (team_quantile("first_response", "0.9"), "Reply p90", SECONDS, None),
        (team_quantile("first_resolution", "0.5"), "Solve p50", SECONDS, None),
        (team_quantile("first_resolution", "0.9"), "Solve p90", SECONDS, None),
    ]
    targets = [query(f"({expression}) {ENOUGH}", as_table=True) for expression, *_ in shown]
    columns = [column("team", "Team", links=to_team())]
    for place, (_, name, unit, thresholds) in enumerate(shown):
        decimals = 0 if unit == COUNT else 1
        columns.append(
            column(f"Value #{chr(ord('A') + place)}", name, unit, thresholds=thresholds, decimals=decimals)
        )
    return [
        row("Teams in the last 7 days"),
        grid(
            "Teams, the lowest SLA met first",
            "A click on a team leads to its dashboard. Solved is the number of tickets behind a row: teams"
            " with fewer than `Least tickets` are left out, since a share of a few is chance. Reply and"
            " Solve are the times of the first response and the first resolution that half (p50) and nine in ten"
            " (p90) of the customers did not exceed. Read a row as a whole: speed without quality is none.",
            targets,
            columns,
            height=9,
            sort="SLA met",
        ),
    ]


def trends():
    window = "Each point is the week that ended there. "

    def trend(title, description, expression, unit, most=None, more=()):
        targets = [query(f"({expression}) {ENOUGH}", "{{team}}", interval=TREND), *more]
        least = None if most else 0
        return lines(title, window + description, targets, unit, least=least, most=most)

    objective = query(OBJECTIVE, "objective", interval=TREND)
    met = trend(
        "SLA met",
        "Below the dashed objective for days: act on the SLA dashboard.",
        met_share("team"),
        SHARE,
        1,
        [objective],
    )
    return [
        row("Weekly windows over time, teams with at least $minimum solved tickets"),
        drawn_as(met, "objective", color="text", dashed=True),
        trend(
            "First response p90",
            "Rising while arrivals are even: too few people, or tickets that no one takes.",
            team_quantile("first_response", "0.9"),
            SECONDS,
        ),
        trend("Satisfied", "A fall after a change of process or product shows here first.", satisfied("team"), SHARE, 1),
        trend(
            "Resolution p90",
            "Rising with the backlog: capacity. Rising alone: harder tickets, or waiting for others.",
            team_quantile("first_resolution", "0.9"),
            SECONDS,
        ),
        trend(
            "Assignment p90",
            "Rising: tickets wait for someone to take them, before any work begins.",
            team_quantile("assignment", "0.9"),
            SECONDS,
        ),
        trend(
            "Customers wait p90",
            "The part of the full resolution time that is ours. Rising while the resolution is even: customers answer"
            " faster, and we do not.",
            team_quantile("requester_wait", "0.9"),
            SECONDS,
        ),
        trend(
            "Solved at first contact",
            "Falling: the first answer does not help, or tickets reach the wrong team first.",
            first_contact("team"),
            SHARE,
            1,
        ),
        trend("Reopened", "Rising: what is called solved is not.", reopened("team"), SHARE),
    ]
