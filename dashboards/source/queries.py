"""Parts of PromQL that the dashboards share.

Every metric is read through `one`: where two exporters serve the same tickets, for availability, their
series differ in `instance` and `pod` only, and one of the two is taken. `one` and `increase` come before
`sum`: a sum over counters that restart at different times hides the restarts. No query fills a gap
with 0: an unknown value is shown as no data.
"""

TEAM = 'team=~"$team"'
PRIORITY = 'priority=~"$priority"'
# The name of the label is a variable, because only the user knows the names of own attributes. By default it is
# `priority`, which every installation has.
ATTRIBUTE = '$attribute=~"$value"'
HELD = f"{TEAM}, {PRIORITY}, {ATTRIBUTE}"
# Present if policies are in several groups. `All` matches series without the label as well.
GROUP = 'group=~"$group"'
CLOCK = 'clock="$clock"'
WEEK = "7d"

# The event counted in a sliding window, and the counter of the same event.
COUNTERS = {
    "created": ("ticket_created_total", ""),
    "solved": ("ticket_solved_total", ""),
    "reopened": ("ticket_reopened_total", ""),
    "finalized": ("ticket_finalized_total", ""),
    "first_contact": ("ticket_finalized_total", 'first_contact="true"'),
    "sla_goal": ("ticket_sla_goals_total", ""),
    "sla_breach": ("ticket_sla_breaches_total", ""),
    "csat_good": ("ticket_csat_ratings_total", 'rating="good"'),
    "csat_good|csat_bad": ("ticket_csat_ratings_total", 'rating=~"good|bad"'),
}


def matchers(*some: str) -> str:
    return ", ".join(one for one in some if one)


def one(expression: str) -> str:
    """The series of one of the exporters that serve the same tickets."""
    return f"max without (instance, pod) ({expression})"


def total(expression: str, by: str = "") -> str:
    grouping = f" by ({by})" if by else ""
    return f"sum{grouping} ({one(expression)})"


def gauge(name: str, more: str = "", by: str = "", held: str = HELD, offset: str = "") -> str:
    """The sum of a gauge of tickets."""
    return total(f"{name}{{{matchers(held, more)}}}{past(offset)}", by)


def past(offset: str) -> str:
    return f" offset {offset}" if offset else ""


def growth(name: str, span: str, more: str = "", by: str = "", held: str = HELD, offset: str = "") -> str:
    """How much a counter grew in a span."""
    return total(f"increase({name}{{{matchers(held, more)}}}[{span}]{past(offset)})", by)


def share(part: str, whole: str) -> str:
    """A part of a whole; no result if the whole is 0."""
    return f"{part} / ({whole} > 0)"


def exact_or_counted(exact: str, counted: str) -> str:
    """The exact series of the sliding windows, which have no priority and no attributes; with one of these
    chosen, the counters.

    A matcher of a label that a series does not have compares with the empty text. `All` matches it, a
    priority does not. Counters would go on for the rest of the week after the exporter is gone, so they
    are shown only while there is a backlog.
    """
    return f"({exact} or ({counted}) and on () group (ticket_backlog{{{HELD}}}))"


def window(event: str, by: str = "", offset: str = "", held: str = HELD) -> str:
    """Exact number of events in the sliding window of a week, of one kind or several: `a|b`."""
    sign = "=~" if "|" in event else "="
    return total(f'ticket_window_events{{event{sign}"{event}", {held}, window="{WEEK}"}}{past(offset)}', by)


def events(event: str, by: str = "", offset: str = "") -> str:
    """Number of events in a week."""
    name, more = COUNTERS[event]
    return exact_or_counted(window(event, by, offset), growth(name, WEEK, more, by, offset=offset))


def events_share(part: str, whole: str, by: str = "", offset: str = "") -> str:
    def counted(event):
        name, more = COUNTERS[event]
        return growth(name, WEEK, more, by, offset=offset)

    exact = share(window(part, by, offset), window(whole, by, offset))
    return exact_or_counted(exact, share(counted(part), counted(whole)))


def met_share(by: str = "", offset: str = "") -> str:
    """Share of the SLA goals decided in the week that were met."""
    return f"(1 - {events_share('sla_breach', 'sla_goal', by, offset)})"


def satisfied(by: str = "", offset: str = "") -> str:
    """Good ratings among good and bad ones, without neutral ones."""
    return events_share("csat_good", "csat_good|csat_bad", by, offset)


def first_contact(by: str = "", offset: str = "") -> str:
    return events_share("first_contact", "finalized", by, offset)


def reopened(by: str = "", offset: str = "") -> str:
    return events_share("reopened", "solved", by, offset)


def team_quantile(kpi: str, quantile: str) -> str:
    """A quantile of each team over a week: quantiles of several teams cannot be combined.

    Exact from the window; with a priority or attribute chosen, an estimate from histogram buckets.
    """
    labels = matchers(f'kpi="{kpi}"', CLOCK, f'quantile="{quantile}"', HELD, f'window="{WEEK}"')
    exact = f"max by (team) (ticket_window_seconds{{{labels}}})"
    buckets = growth(f"ticket_{kpi}_seconds_bucket", WEEK, CLOCK, "team, le")
    return exact_or_counted(exact, f"histogram_quantile({quantile}, {buckets})")


def mean(histogram: str, span: str = WEEK, by: str = "", more: str = CLOCK, offset: str = "", held: str = HELD) -> str:
    """Mean of all observations of a span."""

    def grown(part):
        return growth(f"{histogram}_{part}", span, more, by, held, offset)

    return share(grown("sum"), grown("count"))


def usual(expression: str) -> str:
    """The mean of the week before now."""
    return f"avg_over_time(({expression})[{WEEK}:1h])"


def by_attribute(expression: str) -> str:
    """A query grouped by `$attribute`, with its values in the label `chosen`: a table needs a fixed name."""
    return f'max by (chosen) (label_replace({expression}, "chosen", "$1", "$attribute", "(.*)"))'


def by_group(expression: str) -> str:
    """A query grouped by `group`. Without the label there is one group, of all policies."""
    return f'label_replace({expression}, "group", "all", "group", "")'
