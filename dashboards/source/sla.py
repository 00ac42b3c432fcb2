"""SLA: which policy and target uses up its error budget, where, and since when?"""

from parts import (
    COUNT,
    GREEN,
    ORANGE,
    RED,
    SECONDS,
    SHARE,
    attribute_variables,
    breaches,
    column,
    deploys,
    filled,
    grid,
    label_variable,
    lines,
    new_dashboard,
    priority_variable,
    query,
    row,
    steps,
    team_variable,
    to_team,
)
from queries import GROUP, HELD, by_attribute, by_group, growth, matchers, share

POLICY = 'policy=~"$policy", target=~"$target"'
SELECTED = matchers(HELD, GROUP, POLICY)
OBJECTIVE = f"max by (policy, target) (ticket_exporter_sla_objective_ratio{{{POLICY}}})"
MONTH = "30d"
BUDGET = steps(RED, (0, ORANGE), (0.25, GREEN))
# At 1 the budget lasts exactly for the month.
BURN = steps(GREEN, (1, ORANGE), (2, RED))


def goals(by, span=MONTH):
    return growth("ticket_sla_goals_total", span, by=by, held=SELECTED)


def broken(by, span=MONTH):
    return growth("ticket_sla_breaches_total", span, by=by, held=SELECTED)


def broken_share(by, span=MONTH):
    return share(broken(by, span), goals(by, span))


def burn(span):
    """The share of breached goals divided by the allowed share."""
    return f"({broken_share('policy, target', span)}) / on (policy, target) ((1 - {OBJECTIVE}) > 0)"


def build():
    built = new_dashboard(
        "ticket-sla",
        "Tickets / SLA",
        "Which policy and target uses up its error budget, where, and since when?",
        since="now-30d",
        refresh="5m",
        variables=[
            team_variable(),
            priority_variable(),
            *attribute_variables(),
            label_variable(
                "group",
                "Group",
                "Groups of policies to show; without several groups there is nothing to choose",
                "ticket_sla_goals_total",
            ),
            label_variable("policy", "Policy", "SLA policies to show", "ticket_sla_goals_total"),
            label_variable("target", "Target", "SLA targets to show", "ticket_sla_goals_total"),
        ],
        annotations=[breaches(), deploys()],
        tags=["sla"],
    )
    return filled(built, budgets(), places(), over_time())


def budgets():
    by = "policy, target"
    within = f"max by (policy, target) (ticket_sla_target_seconds{{{POLICY}}})"
    return [
        row("Error budgets of the last 30 days, whatever the time range"),
        grid(
            "Error budgets, the emptiest first",
            "Budget left: 100 % is untouched, below 0 the objective of the 30 days is missed. Burn: how fast"
            " the last day used it; 1 would use it up in just 30 days. Start at the top; a row with few goals"
            " can be chance. `suggest-targets` finds targets that past performance supports.",
            [
                query(f"1 - {burn(MONTH)}", as_table=True),
                query(burn("1d"), as_table=True),
                query(f"1 - {broken_share(by)}", as_table=True),
                query(f"{OBJECTIVE} and on (policy, target) {goals(by)}", as_table=True),
                query(goals(by), as_table=True),
                query(broken(by), as_table=True),
                query(f"{within} and on (policy, target) {goals(by)}", as_table=True),
            ],
            [
                column("policy", "Policy"),
                column("target", "Target"),
                column("Value #A", "Budget left", SHARE, thresholds=BUDGET, decimals=0),
                column("Value #B", "Burn 1 d", COUNT, thresholds=BURN, decimals=1),
                column("Value #C", "Met", SHARE, decimals=1),
                column("Value #D", "Objective", SHARE, decimals=0),
                column("Value #E", "Goals", COUNT, decimals=0),
                column("Value #F", "Breaches", COUNT, decimals=0),
                column("Value #G", "Within", SECONDS),
            ],
            height=15,
            sort="Budget left",
        ),
    ]


def places():
    def table(title, description, label, field="", labeled=lambda expression: expression, links=None):
        return grid(
            title,
            description,
            [
                query(labeled(f"1 - {broken_share(label)}"), as_table=True),
                query(labeled(goals(label)), as_table=True),
                query(labeled(broken(label)), as_table=True),
            ],
            [
                column(field or label, title.removeprefix("By ").capitalize(), links=links),
                column("Value #A", "Met", SHARE, decimals=1),
                column("Value #B", "Goals", COUNT, decimals=0),
                column("Value #C", "Breaches", COUNT, decimals=0),
            ],
            width=8,
            height=9,
            sort="Met",
        )

    return [
        row("Where goals were breached, in the last 30 days"),
        table(
            "By team",
            "The team of a ticket at its deadline: look at its earlier teams as well."
            " A click leads to the team's dashboard.",
            "team",
            links=to_team(),
        ),
        table(
            "By attribute",
            "Which customers the breaches meet: by the label that `Attribute` names, at first the priority.",
            "$attribute",
            "chosen",
            by_attribute,
        ),
        table(
            "By group",
            "Commitments to customers beside those between teams. A breach in one group is none in the others;"
            " `all` stands for policies in a single group.",
            "group",
            labeled=by_group,
        ),
    ]


def over_time():
    return [
        row("Since when"),
        lines(
            "Error budget left",
            "Of each policy and target, over the 30 days before each point. Steep: something breaks right now."
            " Below the dashed line at 0 the objective is missed.",
            [query(f"1 - {burn(MONTH)}", "{{policy}} {{target}}", interval="1d")],
            SHARE,
            thresholds=steps("transparent", (0, RED)),
            least=None,
            most=1,
            height=10,
        ),
        lines(
            "Breaches by day and target",
            "Goals breached in the 24 hours before each point.",
            [query(broken("target", "1d"), "{{target}}", interval="1d")],
            COUNT,
            bars=True,
            stacked=True,
            height=10,
            decimals=0,
        ),
    ]
