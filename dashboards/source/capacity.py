"""Capacity: when does work come, and do the teams keep up with it?

Windows count by team and not by priority or attribute, so this dashboard has no choice of these.
"""

from parts import (
    COUNT,
    DAYS,
    GREEN,
    HOURS,
    LESS_IS_BETTER,
    ORANGE,
    RED,
    SHARE,
    Value,
    bars,
    breaches,
    calendar_grid,
    column,
    deploys,
    drawn_as,
    filled,
    grid,
    lines,
    new_dashboard,
    numbers,
    query,
    row,
    steps,
    team_variable,
    to_team,
)
from queries import TEAM, WEEK, gauge, growth, share, window

DAYS_OF_WORK = steps(GREEN, (5, ORANGE), (10, RED))
# PromQL knows only UTC. Grafana writes the start of the range in the viewer's zone and in UTC: the difference
# is the zone's offset from UTC in minutes, between half a day behind and half a day ahead.
LOCAL = "(${__from:date:H} * 60 + ${__from:date:m})"
AHEAD = f"(({LOCAL} - ($__from - $__from % 60000) / 60000 % 1440 + 2160) % 1440 - 720)"
# The middle of the hour that ends at an instant.
THEN = f"vector(time() - 1800 + 60 * {AHEAD})"
# With fewer solved tickets in seven days, a team's days of work are chance.
ENOUGH = 20
ARRIVALS = growth("ticket_created_total", "1h", held=TEAM)
# `count_values` is the only way to turn a value into a label. Two digits, so that hours sort.
HOUR = f'label_replace(count_values("hour", hour({THEN})), "hour", "0$1", "hour", "(.)")'
# Monday is 1 and Sunday is 7.
WEEKDAY = f'count_values("weekday", (day_of_week({THEN}) + 6) % 7 + 1)'


def backlog(by="", offset=""):
    return gauge("ticket_backlog", by=by, held=TEAM, offset=offset)


def in_week(event, by=""):
    """Exact from the first minute on. An increase would only cover the samples in Prometheus."""
    return window(event, by, held=TEAM)


def days_of_work(by=""):
    return f"{backlog(by)} / ({in_week('solved', by)} / 7 > 0)"


def hours_a_day(by=""):
    """Agent time for each final ticket, times final tickets a day."""
    each = share(
        growth("ticket_handle_seconds_sum", WEEK, by=by, held=TEAM),
        growth("ticket_finalized_total", WEEK, by=by, held=TEAM),
    )
    return f"{each} * {in_week('finalized', by)} / 7 / 3600"


def build():
    built = new_dashboard(
        "ticket-capacity",
        "Tickets / Capacity",
        "When does work come, and do the teams keep up with it?",
        since="now-28d",
        refresh="15m",
        variables=[team_variable()],
        annotations=[breaches(TEAM), deploys()],
        tags=["managers"],
    )
    return filled(built, load(), arrivals(), flow(), teams())


def load():
    return [
        row("Load"),
        numbers(
            "Days of work in the backlog",
            "Unsolved tickets divided by the tickets solved a day over the last seven days. More than a working"
            " week: new customers wait behind old ones; add people or close what no one needs.",
            Value(days_of_work(), "days", DAYS, DAYS_OF_WORK, 1),
            width=5,
        ),
        numbers(
            "Backlog",
            "Unsolved tickets now, and the change against the same time a week ago, so that a Monday is"
            " compared with a Monday.",
            Value(backlog(), "now", COUNT, decimals=0),
            Value(f"{backlog()} / ({backlog(offset=WEEK)} > 0) - 1", "change", SHARE, LESS_IS_BETTER, 0),
            width=5,
        ),
        numbers(
            "Created and solved, 7 days",
            "Solved divided by created. Below 100 % for weeks: the backlog grows; hire, deflect or simplify.",
            Value(in_week("created"), "created", COUNT, decimals=0),
            Value(in_week("solved"), "solved", COUNT, decimals=0),
            Value(
                share(in_week("solved"), in_week("created")),
                "solved of created",
                SHARE,
                steps(RED, (0.9, ORANGE), (0.97, GREEN)),
                0,
            ),
            width=6,
        ),
        numbers(
            "Agent hours a day",
            "Handle time of final tickets, a day of the last seven, weekends included: compare it with the hours"
            " there are. Reported or derived handle time is needed.",
            Value(hours_a_day(), "handle time", HOURS, decimals=1),
            width=4,
        ),
        numbers(
            "Handed on",
            "Transfers for each ticket created, over the selected time range. Many: tickets are routed to the"
            " wrong team first.",
            Value(
                share(
                    growth("ticket_transferred_total", "$__range", held=TEAM),
                    growth("ticket_created_total", "$__range", held=TEAM),
                ),
                "transfers",
                SHARE,
                decimals=1,
            ),
            width=4,
        ),
    ]


def arrivals():
    both = f"({HOUR} * on () group_left (weekday) {WEEKDAY})"
    mean_of_hours = f"avg_over_time((({ARRIVALS}) * on () group_right () {both})[$__range:1h])"
    return [
        row("When tickets come"),
        calendar_grid(
            "Arrivals by weekday and hour",
            "Mean number of tickets created in each hour of the week, over the selected time range and in the"
            " time zone of your browser. Put shifts where the color is strongest. Choose a range of whole weeks.",
            query(mean_of_hours, as_table=True),
            height=9,
        ),
    ]


def flow():
    # With a step of a day, Grafana puts the points at the viewer's midnight: a day begins at its point.
    def by_day(event):
        return total_of_day(f"ticket_{event}_total")

    def total_of_day(name):
        return growth(name, "1d", held=TEAM, offset="-1d")

    created, solved = by_day("created"), by_day("solved")
    kept_up = lines(
        "Created and solved by day",
        "Days of your time zone, each at the midnight it begins with; today is not over. Bars above 0: more was"
        " created than solved, and the backlog grew by that, reopened tickets apart.",
        [
            query(created, "created", interval="1d"),
            query(solved, "solved", interval="1d"),
            query(f"{created} - {solved}", "difference", interval="1d"),
        ],
        COUNT,
        least=None,
        decimals=0,
    )
    kept_up = drawn_as(drawn_as(kept_up, "created", color=ORANGE), "solved", color=GREEN)
    against = lines(
        "Backlog against a week before",
        "Unsolved tickets, and as many as there were at the same time a week before: above it for days, the"
        " backlog grows.",
        [
            query(backlog(), "unsolved", interval="1h"),
            query(backlog(offset=WEEK), "a week before", interval="1h"),
        ],
        COUNT,
        decimals=0,
    )
    return [
        row("Keeping up"),
        drawn_as(kept_up, "difference", color="text", as_bars=True),
        drawn_as(drawn_as(against, "unsolved", color="blue"), "a week before", color="text", dashed=True),
    ]


def teams():
    older = gauge("ticket_backlog_older_than", 'age="7d"', "team", held=TEAM)
    before = f"{backlog('team')} / ({backlog('team', WEEK)} > 0) - 1"
    return [
        row("Who needs help, and who can give it"),
        grid(
            "Teams by days of work",
            "Very different days of work: share work or people; a team that solved fewer than 20 tickets in 7 days has"
            " none. Older: a part of the backlog that waits for more"
            " than 7 days is a second, hidden backlog; take one of it a day. Handed on: times a ticket left the"
            " team in the last 7 days. A click on a team leads to its dashboard.",
            [
                query(f"{days_of_work('team')} and on (team) {in_week('solved', 'team')} >= {ENOUGH}", as_table=True),
                query(backlog("team"), as_table=True),
                query(before, as_table=True),
                query(f"{older} / ({backlog('team')} > 0)", as_table=True),
                query(in_week("created", "team"), as_table=True),
                query(in_week("solved", "team"), as_table=True),
                query(growth("ticket_transferred_total", WEEK, by="team", held=TEAM), as_table=True),
                query(hours_a_day("team"), as_table=True),
            ],
            [
                column("team", "Team", links=to_team(priority=False)),
                column("Value #A", "Days of work", DAYS, thresholds=DAYS_OF_WORK, decimals=1),
                column("Value #B", "Backlog", COUNT, decimals=0),
                column("Value #C", "In a week", SHARE, thresholds=LESS_IS_BETTER, decimals=0),
                column("Value #D", "Older 7 d", SHARE, decimals=0),
                column("Value #E", "Created", COUNT, decimals=0),
                column("Value #F", "Solved", COUNT, decimals=0),
                column("Value #G", "Handed on", COUNT, decimals=0),
                column("Value #H", "Hours a day", HOURS, decimals=1),
            ],
            width=18,
            height=10,
            sort="Days of work",
            descending=True,
        ),
        bars(
            "Created by channel",
            "In the selected time range. A channel that grows wants its own staffing.",
            [query(growth("ticket_created_total", "$__range", by="channel", held=TEAM) + " > 0", "{{channel}}")],
            COUNT,
            label="channel",
            width=6,
            height=10,
            decimals=0,
        ),
    ]
