"""Service quality: for managers. Does the desk keep its promises, and how well does it work?"""

from parts import (
    GREEN,
    ORANGE,
    RED,
    bars,
    board,
    breaches,
    clock_variable,
    column,
    deploys,
    grid,
    lines,
    number,
    percentage,
    priority_variable,
    query,
    remark,
    row,
    steps,
    team_variable,
    to_team,
    window_variable,
    choice,
    filled,
)
from queries import (
    CLOCK,
    HANDLE_CLOCK,
    WINDOW,
    events,
    first_contact,
    gauge,
    met_share,
    one,
    range_mean,
    range_quantile,
    reopened,
    satisfied,
    share,
    window_mean,
    window_quantile,
)

WEEK = "7d"
# What is worth a look anywhere. Targets proper are the objectives of the configuration.
SATISFIED = steps(RED, (0.7, ORANGE), (0.85, GREEN))
FIRST_CONTACT = steps(RED, (0.5, ORANGE), (0.65, GREEN))
REOPENED = steps(GREEN, (0.08, ORANGE), (0.15, RED))
MARGIN = steps(RED, (0, GREEN))
# The objective of what was decided: of each policy and target as much as it had goals.
GOALS = one('increase(ticket_sla_goals_total{team=~"$team"}[$window])')
OBJECTIVE = share(
    f"sum (sum by (policy, target) ({GOALS}) * on (policy, target) group_left ()"
    " max by (policy, target) (ticket_exporter_sla_objective_ratio))",
    f"sum ({GOALS})",
)
ENOUGH = f"and on (team) {events('finalized', 'team')} >= $minimum"


def build():
    built = board(
        "ticket-quality",
        "Tickets / Service quality",
        "Does the desk keep its promises, and how well does it work? Speed stands beside quality.",
        since="now-30d",
        refresh="5m",
        variables=[
            team_variable(),
            priority_variable(),
            clock_variable(),
            window_variable(),
            choice(
                "minimum",
                "Least tickets",
                "Teams that finished fewer tickets in the window are not"
                " ranked: their shares are chance",
                "20",
                "10",
                "5",
                "50",
                "100",
            ),
        ],
        annotations=[breaches(False), deploys()],
        tags=["managers"],
    )
    return filled(built, quality(), speed(), ranking(), trends(), weeks())


def quality():
    return [
        row("Quality in the last $window: exact counts by event time"),
        number(
            "SLA met",
            "Share of the SLA goals decided in the window that were met, and the objective"
            " of the configuration, weighted by the goals of each policy. Below it: look at the SLA board"
            " for the policy and target that lose most.",
            [query(met_share(), "met"), query(OBJECTIVE, "objective")],
            "percentunit",
            width=5,
            decimals=1,
            names=True,
        ),
        number(
            "Above the objective",
            "SLA met less the objective, in percentage points. Negative: the desk"
            " promises more than it keeps; free capacity, or agree on targets that history supports"
            " (suggest-targets).",
            [query(f"({met_share()}) - ({OBJECTIVE})", "margin")],
            "percentunit",
            thresholds=MARGIN,
            width=3,
            decimals=1,
        ),
        percentage(
            "Satisfied (CSAT)",
            "Good ratings among good and bad ones. Below 70 %: read what dissatisfied"
            " customers wrote before anything is made faster.",
            satisfied(),
            "satisfied",
            thresholds=SATISFIED,
        ),
        percentage(
            "Solved at first contact (FCR)",
            "Finalised tickets that one answer of one team solved, with no"
            " reopening. Low: the first answer asks back or passes on too often; better forms and"
            " knowledge help.",
            first_contact(),
            "first contact",
            thresholds=FIRST_CONTACT,
        ),
        percentage(
            "Reopened",
            "Reopenings for each time a ticket was solved. Rising while handle time falls:"
            " tickets are closed and not solved.",
            reopened(),
            "reopened",
            thresholds=REOPENED,
        ),
        number(
            "Created and solved",
            "Tickets that came and tickets that were solved in the window. More"
            " created than solved over weeks: the backlog grows.",
            [query(events("created"), "created"), query(events("solved"), "solved")],
            "short",
            names=True,
            decimals=0,
        ),
    ]


def speed():
    about = (
        "Exact quantiles of the window, on the clock chosen above. Half of the customers wait no longer"
        " than p50, nine in ten no longer than p90. "
    )
    return [
        row("Speed beside it, in the last $window"),
        bars(
            "First response: p50",
            about + "Compare with the first response target on the SLA board.",
            [query(window_quantile("first_response", "0.5"), "{{team}}")],
            "s",
            width=6,
        ),
        bars(
            "First response: p90",
            about + "Far above p50: some tickets lie unseen; look at unassigned ones"
            " on the team's board.",
            [query(window_quantile("first_response", "0.9"), "{{team}}")],
            "s",
            width=6,
        ),
        bars(
            "Resolution: p50",
            about + "From creation to the first time solved.",
            [query(window_quantile("first_resolution", "0.5"), "{{team}}")],
            "s",
            width=6,
        ),
        bars(
            "Resolution: p90",
            about + "Far above p50: tickets get stuck; look at transfers and on-hold time"
            " on the team's board.",
            [query(window_quantile("first_resolution", "0.9"), "{{team}}")],
            "s",
            width=6,
        ),
        number(
            "First response, all selected",
            "Of all selected teams and priorities over the last $window:"
            " median, p90 and mean. Quantiles are read from histogram buckets, so they are estimates"
            " between two bounds; the mean is exact.",
            [
                query(range_quantile("ticket_first_response_seconds", 0.5, "$window"), "p50"),
                query(range_quantile("ticket_first_response_seconds", 0.9, "$window"), "p90"),
                query(range_mean("ticket_first_response_seconds", "$window"), "average"),
            ],
            "s",
            width=8,
            names=True,
        ),
        number(
            "Resolution, all selected",
            "The same from creation to the first time solved. Judge it beside"
            " the reopened share above: fast and reopened is not solved.",
            [
                query(range_quantile("ticket_first_resolution_seconds", 0.5, "$window"), "p50"),
                query(range_quantile("ticket_first_resolution_seconds", 0.9, "$window"), "p90"),
                query(range_mean("ticket_first_resolution_seconds", "$window"), "average"),
            ],
            "s",
            width=8,
            names=True,
        ),
        number(
            "Handle time (AHT)",
            "Agent time for each finalised ticket of all that is selected over the last"
            " $window, reported by worklogs or derived. Low is good only while reopenings do not rise.",
            [query(range_mean("ticket_handle_seconds", "$window", more=""), "average")],
            "s",
            width=4,
        ),
        number(
            "Backlog",
            "Unsolved tickets now, and where they come from in the selected time range.",
            [query(gauge("ticket_backlog"), "unsolved")],
            "short",
            width=4,
            sparkline=True,
            decimals=0,
        ),
    ]


def ranking():
    shown = [
        ("created", events("created", "team"), "Created", "short", None),
        ("solved", events("solved", "team"), "Solved", "short", None),
        ("met", met_share("team"), "SLA met", "percentunit", None),
        ("satisfied", satisfied("team"), "Satisfied", "percentunit", SATISFIED),
        ("contact", first_contact("team"), "First contact", "percentunit", FIRST_CONTACT),
        ("reopened", reopened("team"), "Reopened", "percentunit", REOPENED),
        ("frt50", window_quantile("first_response", "0.5"), "First response p50", "s", None),
        ("frt90", window_quantile("first_response", "0.9"), "First response p90", "s", None),
        ("frt", window_mean("first_response"), "First response average", "s", None),
        ("res50", window_quantile("full_resolution", "0.5"), "Resolution p50", "s", None),
        ("res90", window_quantile("full_resolution", "0.9"), "Resolution p90", "s", None),
        ("res", window_mean("full_resolution"), "Resolution average", "s", None),
        ("aht", window_mean("handle", HANDLE_CLOCK), "Handle time", "s", None),
    ]
    targets = [query(f"({expression}) {ENOUGH}", as_table=True) for _, expression, *_ in shown]
    columns = [column("team", "Team", links=to_team())]
    for place, (_, _, name, unit, thresholds) in enumerate(shown):
        decimals = 1 if unit == "percentunit" else (0 if unit == "short" else None)
        columns.append(
            column(f"Value #{chr(ord('A') + place)}", name, unit, thresholds=thresholds, decimals=decimals)
        )
    return [
        row("Teams"),
        grid(
            "Teams by SLA met",
            "Exact numbers of each team in the last $window; a click on a team leads to"
            " its board. Teams that finished fewer tickets than `Least tickets` are left out, since a share"
            " of a few is chance. Do not rank people or teams by speed alone: read a row as a whole."
            " Resolution is full resolution here, of tickets that are final.",
            targets,
            columns,
            sort="SLA met",
        ),
    ]


def trends():
    window = "Each point is the exact value of the window that ended there. "
    return [
        row("Trend of the windows"),
        lines(
            "SLA met",
            window + "Below the objective for days: act on the SLA board.",
            [query(met_share("team"), "{{team}}"), query(OBJECTIVE, "objective")],
            "percentunit",
            least=None,
            most=1,
        ),
        lines(
            "First response p90",
            window + "Rising while arrivals are even: too few people, or tickets that" " nobody takes.",
            [query(window_quantile("first_response", "0.9"), "{{team}}")],
            "s",
        ),
        lines(
            "Satisfied",
            window + "A drop after a change of process or product shows here first.",
            [query(satisfied("team"), "{{team}}")],
            "percentunit",
            width=8,
            least=None,
            most=1,
        ),
        lines(
            "First contact",
            window + "Falling: the first answer does not help, or tickets reach the wrong" " team first.",
            [query(first_contact("team"), "{{team}}")],
            "percentunit",
            width=8,
            least=None,
            most=1,
        ),
        lines(
            "Reopened",
            window + "Rising: what is called solved is not.",
            [query(reopened("team"), "{{team}}")],
            "percentunit",
            width=8,
        ),
        lines(
            "Resolution p90",
            window + "Rising with the backlog: capacity. Rising alone: harder tickets, or"
            " waiting for others.",
            [query(window_quantile("first_resolution", "0.9"), "{{team}}")],
            "s",
            width=8,
        ),
        lines(
            "Handle time",
            window + "Average agent time of a finalised ticket. Read it beside Reopened.",
            [query(window_mean("handle", HANDLE_CLOCK), "{{team}}")],
            "s",
            width=8,
        ),
        lines(
            "Backlog",
            "Unsolved tickets at each moment, by team.",
            [query(gauge("ticket_backlog", by="team"), "{{team}}")],
            "short",
            width=8,
            stacked=True,
        ),
    ]


def weeks():
    past = "The last seven days at each moment, and the same a week earlier. "
    seven = WINDOW.replace("$window", WEEK)

    def both(of):
        return [query(of(""), "this week"), query(of(WEEK), "week before")]

    def ratio(part, whole):
        return lambda offset: share(
            events(part, window=seven, offset=offset), events(whole, window=seven, offset=offset)
        )

    def mean(offset):
        past = f" offset {offset}" if offset else ""
        held = f'{{team=~"$team", priority=~"$priority", {CLOCK}}}[{WEEK}]{past}'
        grown = [
            f"sum ({one(f'increase(ticket_first_response_seconds_{part}{held})')})"
            for part in ("sum", "count")
        ]
        return share(*grown)

    return [
        row("Week against week"),
        remark(
            "How to read these",
            "Why weeks are compared.",
            "A week holds every weekday once, so a Monday is not news. `this week` above `week before` is a"
            " change; one point is not.",
            height=3,
        ),
        lines(
            "SLA met",
            past + "Needs the window 7d.",
            both(lambda offset: f"1 - {ratio('sla_breach', 'sla_goal')(offset)}"),
            "percentunit",
            width=8,
            least=None,
            most=1,
        ),
        lines(
            "Satisfied",
            past + "Needs the window 7d.",
            both(ratio("csat_good", "csat_good|csat_bad")),
            "percentunit",
            width=8,
            least=None,
            most=1,
        ),
        lines(
            "Reopened",
            past + "Needs the window 7d.",
            both(ratio("reopened", "solved")),
            "percentunit",
            width=8,
        ),
        lines(
            "Created",
            past + "Needs the window 7d. Plan people by it.",
            both(lambda offset: events("created", window=seven, offset=offset)),
            "short",
            width=8,
        ),
        lines(
            "Solved",
            past + "Needs the window 7d. Below Created for weeks: the backlog grows.",
            both(lambda offset: events("solved", window=seven, offset=offset)),
            "short",
            width=8,
        ),
        lines(
            "First response average",
            past + "Of all that is selected, priorities too.",
            both(mean),
            "s",
            width=8,
        ),
    ]
