"""Capacity: when does work come, does the desk keep up, and where will the backlog be?"""

from parts import (
    GREEN,
    ORANGE,
    RED,
    bars,
    board,
    breaches,
    calendar_grid,
    choice,
    clock_variable,
    columns_chart,
    deploys,
    filled,
    lines,
    number,
    percentage,
    priority_variable,
    query,
    row,
    steps,
    team_variable,
    window_variable,
)
from queries import gauge, growth, range_mean, reopened, satisfied, share

DAYS_OF_WORK = steps(GREEN, (5, ORANGE), (10, RED))
# The hour before an instant, in the hours of the people who look: PromQL knows UTC only.
THEN = "vector(time() - 3600 + 3600 * $utc)"
ARRIVALS = growth("ticket_created_total", "1h")
# A value can only become a label by being counted. Two digits, so that hours sort.
HOUR = f'label_replace(count_values("hour", hour({THEN})), "hour", "0$1", "hour", "(.)")'
WEEKDAY = f'count_values("weekday", day_of_week({THEN}))'


def named_weekday(expression):
    """Weekdays by name, with a number in front that sorts them from Monday on."""
    names = ["7 Sun", "1 Mon", "2 Tue", "3 Wed", "4 Thu", "5 Fri", "6 Sat"]
    for number_, name in enumerate(names):
        expression = f'label_replace({expression}, "weekday", "{name}", "weekday", "{number_}")'
    return expression


def mean_of_hours(labels):
    """The mean of the arrivals of an hour, over all hours of the range that have the same labels."""
    return f"avg_over_time((({ARRIVALS}) * on () group_right () {labels})[$__range:1h])"


def build():
    built = board(
        "ticket-capacity",
        "Tickets / Capacity",
        "When does work come, does the desk keep up, and where will the backlog be?",
        since="now-28d",
        refresh="15m",
        variables=[
            team_variable(),
            priority_variable(),
            clock_variable(),
            window_variable(),
            choice(
                "utc",
                "Hours from UTC",
                "Shifts the hours and weekdays of arrivals to local time",
                "0",
                "-8",
                "-7",
                "-6",
                "-5",
                "-4",
                "-3",
                "1",
                "2",
                "3",
                "5.5",
                "7",
                "8",
                "9",
                "10",
            ),
        ],
        annotations=[breaches(False), deploys()],
        tags=["managers"],
    )
    return filled(built, load(), arrivals(), flow(), moves(), quality())


def load():
    backlog = gauge("ticket_backlog")
    solved = growth("ticket_solved_total", "7d")
    return [
        row("Load"),
        number(
            "Days of work in the backlog",
            "Unsolved tickets divided by what was solved a day over the"
            " last seven. More than a working week: new customers wait behind old ones; add people or"
            " close what nobody needs.",
            [query(f"{backlog} / ({solved} / 7 > 0)", "days")],
            "d",
            thresholds=DAYS_OF_WORK,
            width=6,
            decimals=1,
        ),
        number(
            "Backlog in a week",
            "Where the trend of the last seven days leads. A straight line and no"
            " promise: holidays and releases are not in it.",
            [
                query(f"clamp_min(predict_linear(({backlog})[7d:1h], 7 * 86400), 0)", "forecast"),
                query(backlog, "now"),
            ],
            "short",
            width=6,
            decimals=0,
            names=True,
        ),
        number(
            "Solved for each created",
            "Over the selected time range. Below 1 the backlog grows.",
            [
                query(
                    share(
                        growth("ticket_solved_total", "$__range"),
                        growth("ticket_created_total", "$__range"),
                    ),
                    "ratio",
                )
            ],
            "percentunit",
            thresholds=steps(RED, (0.95, ORANGE), (1, GREEN)),
            width=6,
            decimals=0,
        ),
        number(
            "Agent hours a day",
            "Handle time of finalised tickets, a day, over the last seven. Compare"
            " with the hours there are; reported or derived handle time is needed.",
            [query(f"{growth('ticket_handle_seconds_sum', '7d')} / 7", "handle time")],
            "s",
            width=6,
        ),
    ]


def arrivals():
    both = f"({HOUR} * on () group_left (weekday) {WEEKDAY})"
    return [
        row("When tickets come, in the selected time range"),
        calendar_grid(
            "Arrivals by weekday and hour",
            "Mean number of tickets created in each hour of the week. Put"
            " shifts where it is red. Choose a range of whole weeks, and your `Hours from UTC`.",
            query(named_weekday(mean_of_hours(both)), as_table=True),
        ),
        columns_chart(
            "By hour",
            "Mean tickets created in each hour of the day.",
            [query(mean_of_hours(HOUR), as_table=True)],
            "short",
            "hour",
        ),
        columns_chart(
            "By weekday",
            "Mean tickets created on each weekday.",
            [query(f"24 * {named_weekday(mean_of_hours(WEEKDAY))}", as_table=True)],
            "short",
            "weekday",
        ),
    ]


def flow():
    return [
        row("Keeping up"),
        lines(
            "Created and solved by day",
            "More created than solved for weeks: hire, deflect or simplify.",
            [
                query(growth("ticket_created_total", "1d"), "created", interval="1d"),
                query(growth("ticket_solved_total", "1d"), "solved", interval="1d"),
            ],
            "short",
            width=12,
            bars=True,
        ),
        lines(
            "Backlog",
            "Unsolved tickets, and where the trend of the week before each point leads a week" " later.",
            [
                query(gauge("ticket_backlog"), "unsolved", interval="1h"),
                query(
                    f"clamp_min(predict_linear(({gauge('ticket_backlog')})[7d:1h], 7 * 86400), 0)",
                    "forecast for a week later",
                    interval="6h",
                ),
            ],
            "short",
            width=12,
        ),
        lines(
            "Backlog by team",
            "Whose backlog grows.",
            [query(gauge("ticket_backlog", by="team"), "{{team}}", interval="1h")],
            "short",
            width=12,
            stacked=True,
        ),
        bars(
            "Days of work by team",
            "The same measure as above for each team. Very different: share work" " or people.",
            [
                query(
                    f"{gauge('ticket_backlog', by='team')}"
                    f" / ({growth('ticket_solved_total', '7d', by='team')} / 7 > 0)",
                    "{{team}}",
                )
            ],
            "d",
            thresholds=DAYS_OF_WORK,
            width=12,
        ),
    ]


def moves():
    return [
        row("Work that is passed on, in the selected time range"),
        bars(
            "Transfers by the team left",
            "Times a ticket left the team for another or for none. Many:"
            " tickets are routed to the wrong team first.",
            [query(growth("ticket_transferred_total", "$__range", by="team"), "{{team}}")],
            "short",
            width=8,
        ),
        number(
            "Transfers for each ticket",
            "Transfers divided by tickets created.",
            [
                query(
                    share(
                        growth("ticket_transferred_total", "$__range"),
                        growth("ticket_created_total", "$__range"),
                    ),
                    "transfers",
                )
            ],
            "short",
            width=4,
            height=8,
            decimals=2,
        ),
        number(
            "Escalated",
            "Escalations divided by tickets created.",
            [
                query(
                    share(
                        growth("ticket_escalated_total", "$__range"),
                        growth("ticket_created_total", "$__range"),
                    ),
                    "escalated",
                )
            ],
            "percentunit",
            width=4,
            height=8,
            decimals=1,
        ),
        bars(
            "Created by channel",
            "Where tickets come from. A channel that grows wants its own staffing.",
            [query(growth("ticket_created_total", "$__range", by="channel"), "{{channel}}")],
            "short",
            width=8,
        ),
    ]


def quality():
    return [
        row("Quality beside it, in the last $window"),
        percentage(
            "Satisfied",
            "Good ratings among good and bad ones. Falls first when people are too few.",
            satisfied(),
            "satisfied",
            width=8,
        ),
        percentage(
            "Reopened",
            "Reopenings for each solve: work that is done twice.",
            reopened(),
            "reopened",
            width=8,
        ),
        number(
            "Handle time",
            "Agent time for each finalised ticket over the last $window.",
            [query(range_mean("ticket_handle_seconds", "$window", more=""), "average")],
            "s",
            width=8,
        ),
    ]
