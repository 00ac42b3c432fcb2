"""What all boards are made of: panels with their defaults, variables, links and annotations."""

from grafana_foundation_sdk.builders import barchart, bargauge, common, dashboard, heatmap, prometheus
from grafana_foundation_sdk.builders import stat, table, text, timeseries
from grafana_foundation_sdk.models import common as shapes
from grafana_foundation_sdk.models import dashboard as models
from grafana_foundation_sdk.models import prometheus as queries
from grafana_foundation_sdk.models import text as text_models

DATASOURCE = models.DataSourceRef(type_val="prometheus", uid="${datasource}")
TAG = "ticket-exporter"
GREEN, ORANGE, RED, BLUE, GREY = "green", "orange", "red", "blue", "text"


# Queries


def query(
    expression: str,
    legend: str = "",
    *,
    as_table: bool = False,
    as_heatmap: bool = False,
    interval: str = "",
):
    """One query; `interval` is the least step, for counts in steps of a fixed length."""
    built = prometheus.Dataquery().expr(expression).datasource(DATASOURCE)
    built = built.editor_mode(queries.QueryEditorMode.CODE)
    # Grafana names series by all their labels unless told otherwise.
    built = built.legend_format(legend or "__auto")
    if as_table:
        built = built.instant().format(queries.PromQueryFormat.TABLE)
    elif as_heatmap:
        built = built.range().format(queries.PromQueryFormat.HEATMAP)
    else:
        built = built.range()
    return built.interval(interval) if interval else built


# Thresholds: a colour, and the value it begins at


def steps(first: str, *others: tuple[float, str]):
    every = [models.Threshold(value=None, color=first)]
    every += [models.Threshold(value=value, color=color) for value, color in others]
    return dashboard.ThresholdsConfig().mode(models.ThresholdsMode.ABSOLUTE).steps(every)


NEUTRAL = steps(BLUE)
ANY_IS_BAD = steps(GREEN, (1, RED))
ANY_IS_A_WARNING = steps(GREEN, (1, ORANGE))


# Panels


def common_parts(panel, title, description, targets, unit, width, height):
    panel = panel.title(title).description(description).datasource(DATASOURCE)
    panel = panel.span(width).height(height)
    for number, target in enumerate(targets):
        panel = panel.with_target(target.ref_id(chr(ord("A") + number)))
    if unit:
        panel = panel.unit(unit)
    return panel.no_value("No data")


def number(
    title,
    description,
    targets,
    unit,
    *,
    thresholds=NEUTRAL,
    width=4,
    height=4,
    decimals=None,
    sparkline=False,
    names=False,
):
    """Large numbers; with `names` where there are several. Asked for at one instant, so that nothing
    old is shown for what is gone; with a `sparkline` over the range."""
    if not sparkline:
        targets = [target.instant() for target in targets]
    panel = common_parts(stat.Panel(), title, description, targets, unit, width, height)
    panel = panel.thresholds(thresholds).color_mode(shapes.BigValueColorMode.VALUE)
    mode = shapes.BigValueGraphMode.AREA if sparkline else shapes.BigValueGraphMode.NONE
    panel = panel.graph_mode(mode).orientation(shapes.VizOrientation.AUTO)
    panel = panel.reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]).values(False))
    shown = shapes.BigValueTextMode.VALUE_AND_NAME if names else shapes.BigValueTextMode.VALUE
    panel = panel.text_mode(shown)
    return panel if decimals is None else panel.decimals(decimals)


def percentage(title, description, expression, legend, *, thresholds=NEUTRAL, width=4):
    """One share, as a large number."""
    targets = [query(expression, legend)]
    return number(
        title, description, targets, "percentunit", thresholds=thresholds, width=width, decimals=1
    )


def lines(
    title,
    description,
    targets,
    unit,
    *,
    thresholds=None,
    width=12,
    height=8,
    stacked=False,
    bars=False,
    least=0.0,
    most=None,
    table_legend=False,
):
    """Series over time."""
    panel = common_parts(timeseries.Panel(), title, description, targets, unit, width, height)
    legend = common.VizLegendOptions().show_legend(True).placement(shapes.LegendPlacement.BOTTOM)
    if table_legend:
        legend = legend.display_mode(shapes.LegendDisplayMode.TABLE).calcs(["lastNotNull", "max"])
    else:
        legend = legend.display_mode(shapes.LegendDisplayMode.LIST)
    tooltip = common.VizTooltipOptions().mode(shapes.TooltipDisplayMode.MULTI)
    panel = panel.legend(legend).tooltip(tooltip.sort(shapes.SortOrder.DESCENDING))
    panel = panel.line_width(1).fill_opacity(10).show_points(shapes.VisibilityMode.AUTO)
    panel = panel.color_scheme(dashboard.FieldColor().mode(models.FieldColorModeId.PALETTE_CLASSIC))
    # A gap is a gap: nothing is drawn over what is not known.
    panel = panel.span_nulls(False)
    if least is not None:
        panel = panel.axis_soft_min(least)
    if most is not None:
        panel = panel.axis_soft_max(most)
    if bars:
        panel = panel.draw_style(shapes.GraphDrawStyle.BARS).fill_opacity(70)
    if stacked:
        stacking = common.StackingConfig().mode(shapes.StackingMode.NORMAL).group("A")
        panel = panel.stacking(stacking).fill_opacity(70)
    if thresholds is None:
        return panel.thresholds(NEUTRAL)
    style = common.GraphThresholdsStyleConfig().mode(shapes.GraphTresholdsStyleMode.DASHED)
    return panel.thresholds(thresholds).thresholds_style(style)


def bars(title, description, targets, unit, *, thresholds=NEUTRAL, width=8, height=8, most=None):
    """One bar for each series, of its value now."""
    targets = [target.instant() for target in targets]
    panel = common_parts(bargauge.Panel(), title, description, targets, unit, width, height)
    panel = panel.thresholds(thresholds).display_mode(shapes.BarGaugeDisplayMode.GRADIENT)
    panel = panel.orientation(shapes.VizOrientation.HORIZONTAL).min(0)
    panel = panel.reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]).values(False))
    return panel if most is None else panel.max(most)


def grid(title, description, targets, columns, *, width=24, height=9, sort=None, descending=False):
    """A table: a row for each set of labels, a column for each query.

    `columns`: names, each with its unit or None, and thresholds where the number has a meaning; a
    name that is a label comes first.
    """
    panel = common_parts(table.Panel(), title, description, targets, "", width, height)
    renamed = {column["field"]: column["name"] for column in columns}
    order = {column["field"]: place for place, column in enumerate(columns)}
    panel = panel.thresholds(NEUTRAL)
    panel = panel.with_transformation(models.DataTransformerConfig(id_val="merge", options={}))
    organize = {
        # Where only labels matter the value is always 1.
        "excludeByName": {"Time": True}
        | ({} if any("Value" in field for field in order) else {"Value": True}),
        "indexByName": order,
        "renameByName": renamed,
    }
    panel = panel.with_transformation(models.DataTransformerConfig(id_val="organize", options=organize))
    for column in columns:
        properties = []
        if column.get("unit"):
            properties.append(models.DynamicConfigValue(id_val="unit", value=column["unit"]))
        if column.get("decimals") is not None:
            properties.append(models.DynamicConfigValue(id_val="decimals", value=column["decimals"]))
        if column.get("thresholds"):
            properties.append(
                models.DynamicConfigValue(id_val="thresholds", value=column["thresholds"].build())
            )
            properties.append(
                models.DynamicConfigValue(id_val="custom.cellOptions", value={"type": "color-text"})
            )
        if column.get("links"):
            properties.append(models.DynamicConfigValue(id_val="links", value=column["links"]))
        if properties:
            panel = panel.override_by_name(column["name"], properties)
    if sort:
        panel = panel.sort_by([common.TableSortByFieldState().display_name(sort).desc(descending)])
    return panel


def column(field, name, unit=None, *, thresholds=None, decimals=None, links=None):
    return {
        "field": field,
        "name": name,
        "unit": unit,
        "thresholds": thresholds,
        "decimals": decimals,
        "links": links,
    }


def warmth(title, description, target, unit, *, width=12, height=9):
    """A heatmap of a histogram over time."""
    panel = common_parts(heatmap.Panel(), title, description, [target], "", width, height)
    panel = panel.calculate(False).show_legend().show_value(shapes.VisibilityMode.NEVER)
    panel = panel.y_axis(heatmap.YAxisConfig().unit(unit))
    panel = panel.cell_values(heatmap.CellValues().unit("short"))
    # What is 0 is left blank: colour is tickets.
    panel = panel.filter_values(heatmap.FilterValueRange().le(1e-9))
    return panel.thresholds(NEUTRAL)


def calendar_grid(title, description, target, *, width=24, height=9):
    """Weekdays down, hours across, coloured by the value."""
    panel = common_parts(table.Panel(), title, description, [target], "short", width, height)
    panel = panel.decimals(1).thresholds(NEUTRAL)
    panel = panel.color_scheme(dashboard.FieldColor().mode(models.FieldColorModeId.CONTINUOUS_GR_YL_RD))
    panel = panel.with_transformation(
        models.DataTransformerConfig(
            id_val="groupingToMatrix",
            options={"columnField": "hour", "rowField": "weekday", "valueField": "Value"},
        )
    )
    return panel.override_by_regexp(
        "^[0-9]+$",
        [models.DynamicConfigValue(id_val="custom.cellOptions", value={"type": "color-background"})],
    )


def columns_chart(title, description, targets, unit, label, *, width=12, height=8):
    """A column for each value of a label."""
    panel = common_parts(barchart.Panel(), title, description, targets, unit, width, height)
    legend = common.VizLegendOptions().show_legend(False).display_mode(shapes.LegendDisplayMode.LIST)
    panel = panel.legend(legend.placement(shapes.LegendPlacement.BOTTOM))
    panel = panel.thresholds(NEUTRAL).x_field(label).min(0)
    panel = panel.with_transformation(
        models.DataTransformerConfig(id_val="sortBy", options={"sort": [{"field": label, "desc": False}]})
    )
    return panel


def remark(title, description, words, *, width=24, height=3):
    panel = text.Panel().title(title).description(description).span(width).height(height)
    return panel.mode(text_models.TextMode.MARKDOWN).content(words)


# Variables


def current(word):
    return models.VariableOption(selected=True, text=word, value=word)


def datasource_variable():
    return (
        dashboard.DatasourceVariable("datasource")
        .label("Data source")
        .type("prometheus")
        .description("The Prometheus that scrapes the exporter")
    )


def label_variable(name, title, description, metric, label=None, *, multi=True):
    built = dashboard.QueryVariable(name).label(title).description(description)
    built = built.datasource(DATASOURCE).query(f"label_values({metric}, {label or name})")
    built = built.refresh(models.VariableRefresh.ON_TIME_RANGE_CHANGED)
    built = built.sort(models.VariableSort.ALPHABETICAL_CASE_INSENSITIVE_ASC)
    if not multi:
        return built
    everything = models.VariableOption(selected=True, text=["All"], value=["$__all"])
    return built.multi(True).include_all(True).all_value(".*").current(everything)


def team_variable():
    return label_variable(
        "team", "Team", "Teams to show; `none` are tickets without one", "ticket_created_total"
    )


def priority_variable():
    return label_variable(
        "priority",
        "Priority",
        "Priorities to show; panels of event-time windows have no priority and ignore it",
        "ticket_created_total",
    )


def choice(name, title, description, *words):
    options = [models.VariableOption(selected=word == words[0], text=word, value=word) for word in words]
    built = dashboard.CustomVariable(name).label(title).description(description)
    return built.values(",".join(words)).options(options).current(current(words[0]))


def clock_variable():
    return choice(
        "clock",
        "Clock",
        "Durations in business hours of the team, or in elapsed time",
        "business",
        "calendar",
    )


def window_variable(first="7d"):
    built = label_variable(
        "window", "Window", "Length of the sliding event-time windows", "ticket_window_events", multi=False
    )
    return built.current(current(first))


# Boards


class Annotation(models.AnnotationQuery):
    """What Prometheus' annotations have besides the SDK's members."""

    def __init__(self, name, expression, title, words, color, enabled):
        super().__init__(
            name=name, datasource=DATASOURCE, enable=enabled, icon_color=color, expr=expression
        )
        self.title, self.words = title, words

    def to_json(self):
        return super().to_json() | {
            "step": "60s",
            "titleFormat": self.title,
            "textFormat": self.words,
            "useValueForTime": False,
        }

    def build(self):
        return self


def breaches(enabled):
    return Annotation(
        "SLA breaches",
        "sum by (team, target) (max without (instance, pod) (increase("
        'ticket_sla_breaches_total{team=~"$team", priority=~"$priority"}[2m]))) > 0.5',
        "SLA breach",
        "{{team}}: {{target}}",
        "red",
        enabled,
    )


def deploys():
    """A start or a reload of the exporter, with the version that runs."""
    return Annotation(
        "Exporter deploys",
        "(time() - ticket_exporter_config_last_reload_success_timestamp_seconds < 60)"
        " * on (job, instance) group_left (version, revision) ticket_exporter_build_info",
        "Exporter started or reloaded",
        "{{instance}} version {{version}} ({{revision}})",
        "blue",
        True,
    )


def board(uid, title, description, *, since, refresh, variables, annotations, tags=()):
    built = dashboard.Dashboard(title).uid(uid).description(description)
    built = built.tags([TAG, *tags]).timezone("browser").refresh(refresh).time(since, "now")
    built = built.tooltip(models.DashboardCursorSync.CROSSHAIR).editable()
    for variable in [datasource_variable(), *variables]:
        built = built.with_variable(variable)
    for annotation in annotations:
        built = built.annotation(annotation)
    others = dashboard.DashboardLink("Ticket boards").type(models.DashboardLinkType.DASHBOARDS)
    others = others.tags([TAG]).as_dropdown(False).include_vars(True).keep_time(True)
    return built.link(others.icon("external link").tooltip("The other boards, same time and selection"))


def row(title):
    return dashboard.Row(title)


def filled(built, *sections):
    """Lays out lists of panels, each beginning with its row."""
    for head, *panels in sections:
        built = built.with_row(head)
        for panel in panels:
            built = built.with_panel(panel)
    return built


def to_team():
    """A link from a cell with a team to its board."""
    return [
        {
            "title": "Board of team ${__value.text}",
            "url": "/d/ticket-team?${__url_time_range}&${datasource:queryparam}&var-team=${__value.text:percentencode}",
        }
    ]
