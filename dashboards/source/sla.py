"""SLA: which promises break, how much may still break, and what is due next."""

from parts import (
    ANY_IS_A_WARNING,
    ANY_IS_BAD,
    GREEN,
    ORANGE,
    RED,
    bars,
    board,
    breaches,
    column,
    deploys,
    filled,
    grid,
    label_variable,
    lines,
    number,
    percentage,
    priority_variable,
    query,
    row,
    steps,
    team_variable,
    window_variable,
    clock_variable,
)
from queries import HELD, first_contact, gauge, growth, reopened, satisfied, share

SELECTED = f'{HELD}, policy=~"$policy", target=~"$target"'
RUNNING = f'{HELD}, target=~"$target"'
OBJECTIVE = (
    'max by (policy, target) (ticket_exporter_sla_objective_ratio{policy=~"$policy", target=~"$target"})'
)
BUDGET = steps(RED, (0, ORANGE), (0.25, GREEN))
DETECTION = steps(GREEN, (60, ORANGE), (300, RED))


def goals(by, span="$__range"):
    return growth("ticket_sla_goals_total", span, by=by, held=SELECTED)


def broken(by, span="$__range"):
    return growth("ticket_sla_breaches_total", span, by=by, held=SELECTED)


def met(by, span="$__range"):
    return f"1 - {share(broken(by, span), goals(by, span))}"


def left(by, span="$__range"):
    """The part of the error budget that is not used up: breaches against those that are allowed."""
    allowed = f"(1 - {OBJECTIVE})"
    return f"1 - ({share(broken(by, span), goals(by, span))}) / on (policy, target) ({allowed} > 0)"


def build():
    built = board(
        "ticket-sla",
        "Tickets / SLA",
        "Which promises break, how much may still break, and what is due next?",
        since="now-30d",
        refresh="1m",
        variables=[
            team_variable(),
            priority_variable(),
            clock_variable(),
            window_variable(),
            label_variable("policy", "Policy", "SLA policies to show", "ticket_sla_goals_total"),
            label_variable("target", "Target", "SLA targets to show", "ticket_sla_goals_total"),
        ],
        annotations=[breaches(True), deploys()],
        tags=["sla"],
    )
    return filled(built, now(), budget(), over_time(), promises(), quality())


def now():
    return [
        row("Now"),
        number(
            "Overdue",
            "Goals that are breached and still wait.",
            [query(gauge("ticket_sla_overdue", held=RUNNING), "overdue")],
            "short",
            thresholds=ANY_IS_BAD,
            width=3,
        ),
        number(
            "At risk in 1 h",
            "Goals that will breach within an hour unless somebody acts.",
            [query(gauge("ticket_sla_at_risk", 'within="1h"', held=RUNNING), "at risk")],
            "short",
            thresholds=ANY_IS_A_WARNING,
            width=3,
        ),
        number(
            "Running",
            "Goals whose time runs: neither breached, paused nor ended.",
            [query(gauge("ticket_sla_running", held=RUNNING), "running")],
            "short",
            width=3,
        ),
        number(
            "Paused",
            "Goals that a status stops, such as pending. Many for long: the promise is kept by" " waiting.",
            [query(gauge("ticket_sla_paused", held=RUNNING), "paused")],
            "short",
            width=3,
        ),
        grid(
            "Next deadlines",
            "The first deadline of each team, priority and target.",
            [
                query(
                    "min by (team, priority, target) (ticket_sla_next_deadline_timestamp_seconds"
                    f"{{{RUNNING}}}) * 1000",
                    as_table=True,
                )
            ],
            [
                column("team", "Team"),
                column("priority", "Priority"),
                column("target", "Target"),
                column("Value", "Deadline", "dateTimeFromNow"),
            ],
            width=12,
            height=7,
            sort="Deadline",
        ),
    ]


def budget():
    by = "policy, target"
    return [
        row("Promises and error budgets, in the selected time range"),
        grid(
            "By policy and target",
            "Goals decided, breached, the share met against the objective, and the"
            " error budget left: 100 % is untouched, below 0 the objective is missed. Start with the"
            " lowest; one with few goals can be chance.",
            [
                query(goals(by), as_table=True),
                query(broken(by), as_table=True),
                query(met(by), as_table=True),
                query(OBJECTIVE, as_table=True),
                query(left(by), as_table=True),
            ],
            [
                column("policy", "Policy"),
                column("target", "Target"),
                column("Value #A", "Goals", "short", decimals=0),
                column("Value #B", "Breaches", "short", decimals=0),
                column("Value #C", "Met", "percentunit", decimals=1),
                column("Value #D", "Objective", "percentunit", decimals=1),
                column("Value #E", "Budget left", "percentunit", thresholds=BUDGET, decimals=0),
            ],
            width=14,
            height=9,
            sort="Budget left",
        ),
        bars(
            "Breaches by team",
            "Where goals were breached. Labels are the team that held the ticket at its"
            " deadline: look upstream as well, at who held it before.",
            [query(broken("team"), "{{team}}")],
            "short",
            width=5,
            height=9,
        ),
        bars(
            "Breaches by priority",
            "Which customers the breaches meet.",
            [query(broken("priority"), "{{priority}}")],
            "short",
            width=5,
            height=9,
        ),
    ]


def over_time():
    return [
        row("Over time"),
        lines(
            "Met, by target",
            "Share of goals met in the day before each point.",
            [query(met("target", "1d"), "{{target}}", interval="1h")],
            "percentunit",
            width=8,
            least=None,
            most=1,
        ),
        lines(
            "Goals and breaches",
            "Goals decided and goals breached in each hour.",
            [
                query(goals("", "1h"), "goals", interval="1h"),
                query(broken("", "1h"), "breaches", interval="1h"),
            ],
            "short",
            width=8,
            bars=True,
        ),
        lines(
            "Error budget left, 30 days",
            "Of each policy and target, over the 30 days before each point."
            " Steep: something breaks right now. At 0 the objective of the month is missed.",
            [query(left("policy, target", "30d"), "{{policy}} {{target}}", interval="1h")],
            "percentunit",
            width=8,
            thresholds=BUDGET,
            least=None,
            most=1,
        ),
    ]


def promises():
    detected = "sum by (le) (increase(ticket_exporter_sla_breach_detection_seconds_bucket[$__range]))"
    return [
        row("What is promised, and how soon a breach is known"),
        grid(
            "Targets",
            "What the configuration promises. Are they realistic? `suggest-targets` says what"
            " history would have kept.",
            [
                query(
                    'max by (policy, target, clock) (ticket_sla_target_seconds{policy=~"$policy",'
                    ' target=~"$target"})',
                    as_table=True,
                ),
                query(OBJECTIVE, as_table=True),
            ],
            [
                column("policy", "Policy"),
                column("target", "Target"),
                column("clock", "Clock"),
                column("Value #A", "Within", "s"),
                column("Value #B", "Objective", "percentunit"),
            ],
            width=12,
            height=8,
            sort="Policy",
        ),
        number(
            "Breach detection",
            "Time from a deadline to the breach being visible, while the exporter is"
            " caught up. Minutes: see the exporter's board.",
            [
                query(f"histogram_quantile(0.5, {detected})", "p50"),
                query(f"histogram_quantile(0.99, {detected})", "p99"),
            ],
            "s",
            thresholds=DETECTION,
            width=12,
            height=8,
            names=True,
        ),
    ]


def quality():
    return [
        row("Quality beside it, in the last $window"),
        percentage(
            "Satisfied",
            "Good ratings among good and bad ones: a promise kept with a bad answer is no" " service.",
            satisfied(),
            "satisfied",
            width=8,
        ),
        percentage(
            "First contact",
            "Finalised tickets that one answer solved.",
            first_contact(),
            "first contact",
            width=8,
        ),
        percentage(
            "Reopened",
            "Reopenings for each solve. Rising with SLA met: goals are met by closing early.",
            reopened(),
            "reopened",
            width=8,
        ),
    ]
