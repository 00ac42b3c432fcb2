"""Pieces of PromQL that the boards share.

Every metric is read through `one`: where two exporters show the same desk, for availability, their
series differ in `instance` and `pod` only, and one of the two is taken. No query fills a gap with 0:
what is not known is shown as no data.
"""

TEAM = 'team=~"$team"'
PRIORITY = 'priority=~"$priority"'
HELD = f"{TEAM}, {PRIORITY}"
CLOCK = 'clock="$clock"'
WINDOW = f'{TEAM}, window="$window"'


def one(expression: str) -> str:
    """The series of one of the exporters that show the same desk."""
    return f"max without (instance, pod) ({expression})"


def total(expression: str, by: str = "") -> str:
    """Sums over tickets of all that is selected, or by labels."""
    grouping = f" by ({by})" if by else ""
    return f"sum{grouping} ({one(expression)})"


def gauge(name: str, more: str = "", by: str = "", held: str = HELD) -> str:
    """A gauge by team and priority, added up."""
    return total(f"{name}{{{matchers(held, more)}}}", by)


def growth(name: str, span: str, more: str = "", by: str = "", held: str = HELD) -> str:
    """How much a counter by team and priority grew in a span."""
    return total(f"increase({name}{{{matchers(held, more)}}}[{span}])", by)


def events(event: str, by: str = "", window: str = WINDOW, offset: str = "") -> str:
    """Exact number of events in the sliding window, of one kind or several: `a|b`."""
    sign = "=~" if "|" in event else "="
    past = f" offset {offset}" if offset else ""
    return total(f'ticket_window_events{{event{sign}"{event}", {window}}}{past}', by)


def share(part: str, whole: str) -> str:
    """Part of a whole; nothing where the whole is nothing."""
    return f"{part} / ({whole} > 0)"


def events_share(part: str, whole: str, by: str = "", offset: str = "", window: str = WINDOW) -> str:
    return share(events(part, by, window, offset), events(whole, by, window, offset))


def met_share(by: str = "", offset: str = "") -> str:
    """Share of the SLA goals decided in the window that were met."""
    return f"1 - {events_share('sla_breach', 'sla_goal', by, offset)}"


def satisfied(by: str = "", offset: str = "") -> str:
    """Good ratings among good and bad ones; neutral ones say neither."""
    return events_share("csat_good", "csat_good|csat_bad", by, offset)


def first_contact(by: str = "", offset: str = "") -> str:
    return events_share("first_contact", "finalized", by, offset)


def reopened(by: str = "", offset: str = "") -> str:
    return events_share("reopened", "solved", by, offset)


def window_quantile(kpi: str, quantile: str) -> str:
    """Exact quantile of the window, by team: quantiles of several teams cannot be put together."""
    labels = f'kpi="{kpi}", {CLOCK}, quantile="{quantile}", {WINDOW}'
    return f"max by (team) (ticket_window_seconds{{{labels}}})"


def window_mean(kpi: str, clock: str = CLOCK) -> str:
    return f'max by (team) (ticket_window_seconds_mean{{kpi="{kpi}", {clock}, {WINDOW}}})'


# Handle time is reported by agents, or derived in business time: there is one of the two.
HANDLE_CLOCK = 'clock=~"calendar|business"'


def range_quantile(histogram: str, quantile: float, span: str, by: str = "", more: str = CLOCK) -> str:
    """Estimate of a quantile of everything selected, from the classic buckets."""
    grouping = f"{by}, le" if by else "le"
    grown = growth(f"{histogram}_bucket", span, more, grouping)
    return f"histogram_quantile({quantile}, {grown})"


def range_mean(histogram: str, span: str, by: str = "", more: str = CLOCK) -> str:
    """Mean of everything selected; exact but for the edges of the span."""
    return share(growth(f"{histogram}_sum", span, more, by), growth(f"{histogram}_count", span, more, by))


def matchers(*some: str) -> str:
    return ", ".join(one for one in some if one)
