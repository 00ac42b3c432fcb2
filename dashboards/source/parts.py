"""Parts of all dashboards: panels with their defaults, variables, links and annotations."""

from dataclasses import dataclass, field

from grafana_foundation_sdk.builders import bargauge, common, dashboard, prometheus
from grafana_foundation_sdk.builders import stat, table, timeseries
from grafana_foundation_sdk.models import common as shapes
from grafana_foundation_sdk.models import dashboard as models
from grafana_foundation_sdk.models import prometheus as prometheus_models

from queries import HELD

DATASOURCE = models.DataSourceRef(type_val="prometheus", uid="${datasource}")
TAG = "ticket-exporter"
# Charts have no text for missing data: Grafana would draw it on an axis where it omits a label.
NO_DATA = "No data"
GREEN, ORANGE, RED, BLUE, GRAY = "green", "orange", "red", "blue", "text"

# Units. Counts are written out: "2782" and not "2.78 K".
COUNT = "none"
SHARE = "percentunit"
SECONDS = "s"
HOURS = "suffix: h"
DAYS = "suffix: d"
POINTS = "suffix: pp"


# Queries


def query(expression: str, legend: str = "", *, as_table: bool = False, interval: str = ""):
    """One query; `interval` is the smallest step, for counts in steps of a fixed length."""
    built = prometheus.Dataquery().expr(expression).datasource(DATASOURCE)
    built = built.editor_mode(prometheus_models.QueryEditorMode.CODE)
    # By default Grafana names series by all their labels.
    built = built.legend_format(legend or "__auto")
    if as_table:
        built = built.instant().format(prometheus_models.PromQueryFormat.TABLE)
    else:
        built = built.range()
    return built.interval(interval) if interval else built


# Thresholds: a color, and its first value


def steps(first: str, *others: tuple[float, str]):
    every = [models.Threshold(value=None, color=first)]
    every += [models.Threshold(value=value, color=color) for value, color in others]
    return dashboard.ThresholdsConfig().mode(models.ThresholdsMode.ABSOLUTE).steps(every)


NEUTRAL = steps(BLUE)
PLAIN = steps(GRAY)
ANY_IS_BAD = steps(GREEN, (1, RED))
ANY_IS_A_WARNING = steps(GREEN, (1, ORANGE))
# Changes of a share in percentage points, and relative changes of a number. Small ones are noise.
MORE_POINTS_ARE_BETTER = steps(RED, (-1, GRAY), (1, GREEN))
FEWER_POINTS_ARE_BETTER = steps(GREEN, (-1, GRAY), (1, RED))
LESS_IS_BETTER = steps(GREEN, (-0.1, GRAY), (0.1, ORANGE), (0.25, RED))
# A number against its own mean of the week before.
OF_USUAL = steps(GREEN, (1.25, GRAY), (1.5, ORANGE), (2, RED))


def mapped(*words: tuple[str, str, str]):
    """Words and colors for values."""
    options = {value: models.ValueMappingResult(text=text, color=color) for value, text, color in words}
    return models.ValueMap(options=options)


def no_data_is_gray():
    """Otherwise no data would have the color of 0: green, if 0 is good."""
    result = models.ValueMappingResult(text=NO_DATA, color=GRAY)
    options = models.DashboardSpecialValueMapOptions(match=models.SpecialValueMatch.NULL_AND_NAN, result=result)
    return models.SpecialValueMap(options=options)


# Panels


@dataclass
class Value:
    """One large number of a panel."""

    expression: str
    name: str
    unit: str
    thresholds: object = field(default_factory=lambda: PLAIN)
    decimals: int | None = None


def common_parts(panel, title, description, targets, unit, width, height):
    panel = panel.title(title).description(description).datasource(DATASOURCE)
    panel = panel.span(width).height(height)
    for number, target in enumerate(targets):
        panel = panel.with_target(target.ref_id(chr(ord("A") + number)))
    return panel.unit(unit) if unit else panel


def numbers(title, description, *values: Value, width=6, height=4):
    """Large numbers side by side. The queries are instant queries: a range query would
    show the last value for hours after the series has ended."""
    targets = [query(value.expression, value.name).instant() for value in values]
    first = values[0]
    panel = common_parts(stat.Panel(), title, description, targets, first.unit, width, height)
    panel = panel.thresholds(first.thresholds).color_mode(shapes.BigValueColorMode.VALUE)
    if first.decimals is not None:
        panel = panel.decimals(first.decimals)
    panel = panel.graph_mode(shapes.BigValueGraphMode.NONE).orientation(shapes.VizOrientation.VERTICAL)
    panel = panel.reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]).values(False))
    panel = panel.mappings([no_data_is_gray()]).no_value(NO_DATA)
    named = len(values) > 1
    panel = panel.text_mode(shapes.BigValueTextMode.VALUE_AND_NAME if named else shapes.BigValueTextMode.VALUE)
    for value in values[1:]:
        properties = display(unit=value.unit, decimals=value.decimals)
        properties.append(models.DynamicConfigValue(id_val="thresholds", value=value.thresholds.build()))
        panel = panel.override_by_name(value.name, properties)
    return panel


def display(*, unit=None, decimals=None):
    properties = []
    if unit:
        properties.append(models.DynamicConfigValue(id_val="unit", value=unit))
    if decimals is not None:
        properties.append(models.DynamicConfigValue(id_val="decimals", value=decimals))
    return properties


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
    decimals=None,
    no_value=None,
):
    """Series over time, with the last value of each in a table at the right."""
    panel = common_parts(timeseries.Panel(), title, description, targets, unit, width, height)
    if no_value:
        panel = panel.no_value(no_value)
    legend = common.VizLegendOptions().show_legend(True).placement(shapes.LegendPlacement.RIGHT)
    legend = legend.display_mode(shapes.LegendDisplayMode.TABLE).calcs(["lastNotNull"])
    tooltip = common.VizTooltipOptions().mode(shapes.TooltipDisplayMode.MULTI)
    panel = panel.legend(legend).tooltip(tooltip.sort(shapes.SortOrder.DESCENDING))
    panel = panel.line_width(1).fill_opacity(0).show_points(shapes.VisibilityMode.AUTO)
    panel = panel.color_scheme(dashboard.FieldColor().mode(models.FieldColorModeId.PALETTE_CLASSIC))
    # Gaps stay visible.
    panel = panel.span_nulls(False)
    if decimals is not None:
        panel = panel.decimals(decimals)
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


def drawn_as(panel, name, *, color=None, dashed=False, as_bars=False):
    """How one series of `lines` is drawn."""
    properties = []
    if color:
        fixed = {"mode": "fixed", "fixedColor": color}
        properties.append(models.DynamicConfigValue(id_val="color", value=fixed))
    if dashed:
        style = {"fill": "dash", "dash": [8, 6]}
        properties.append(models.DynamicConfigValue(id_val="custom.lineStyle", value=style))
    if as_bars:
        properties.append(models.DynamicConfigValue(id_val="custom.drawStyle", value="bars"))
        properties.append(models.DynamicConfigValue(id_val="custom.fillOpacity", value=40))
    return panel.override_by_name(name, properties)


def bars(title, description, targets, unit, *, label, thresholds=NEUTRAL, width=8, height=8, decimals=None):
    """A bar for the present value of each label."""
    targets = [target.instant() for target in targets]
    panel = common_parts(bargauge.Panel(), title, description, targets, unit, width, height)
    panel = panel.thresholds(thresholds).display_mode(shapes.BarGaugeDisplayMode.GRADIENT)
    panel = panel.orientation(shapes.VizOrientation.HORIZONTAL).min(0)
    # Grafana's default size of the names is too large to fit.
    panel = panel.text(common.VizTextDisplayOptions().title_size(14).value_size(16))
    panel = panel.reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]).values(False))
    # A single bar needs an explicit name.
    panel = panel.mappings([no_data_is_gray()]).no_value(NO_DATA).display_name(f"${{__field.labels.{label}}}")
    return panel if decimals is None else panel.decimals(decimals)


def grid(
    title, description, targets, columns, *, width=24, height=9, sort=None, descending=False, without=()
):
    """A table: a row for each set of labels, a column for each query.

    `columns`: in their order, labels and queries. `without`: what else the queries give and is not shown.
    """
    panel = common_parts(table.Panel(), title, description, targets, "", width, height).show_header(True)
    renamed = {column["field"]: column["name"] for column in columns}
    order = {column["field"]: place for place, column in enumerate(columns)}
    panel = panel.thresholds(PLAIN).no_value(NO_DATA)
    panel = panel.with_transformation(models.DataTransformerConfig(id_val="merge", options={}))
    organize = {
        "excludeByName": {"Time": True} | {name: True for name in without},
        "indexByName": order,
        "renameByName": renamed,
    }
    panel = panel.with_transformation(models.DataTransformerConfig(id_val="organize", options=organize))
    for column in columns:
        properties = display(unit=column["unit"], decimals=column["decimals"])
        more = []
        if column["thresholds"]:
            more.append(("thresholds", column["thresholds"].build()))
        if column["thresholds"] or column["mappings"]:
            more.append(("mappings", [*(column["mappings"] or []), no_data_is_gray()]))
            more.append(("custom.cellOptions", {"type": "color-text"}))
        if column["links"]:
            more.append(("links", column["links"]))
        if column["width"]:
            more.append(("custom.width", column["width"]))
        properties += [models.DynamicConfigValue(id_val=name, value=value) for name, value in more]
        if properties:
            panel = panel.override_by_name(column["name"], properties)
    if sort:
        panel = panel.sort_by([common.TableSortByFieldState().display_name(sort).desc(descending)])
    return panel


def column(field, name, unit=None, *, thresholds=None, decimals=None, links=None, mappings=None, width=None):
    return {
        "field": field,
        "name": name,
        "unit": unit,
        "thresholds": thresholds,
        "decimals": decimals,
        "links": links,
        "mappings": mappings,
        "width": width,
    }


WEEKDAYS = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]


def calendar_grid(title, description, target, *, width=24, height=9):
    """Weekdays down, hours across, colored by the value. The results of a query are not sorted,
    and `groupingToMatrix` keeps their order, so two transformations sort them."""
    panel = common_parts(table.Panel(), title, description, [target], COUNT, width, height).show_header(True)
    panel = panel.decimals(0).thresholds(NEUTRAL).no_value(NO_DATA)
    panel = panel.color_scheme(dashboard.FieldColor().mode(models.FieldColorModeId.CONTINUOUS_BLUES))
    transformations = [
        ("sortBy", {"sort": [{"field": "hour"}]}),
        ("groupingToMatrix", {"columnField": "hour", "rowField": "weekday", "valueField": "Value"}),
        ("sortBy", {"sort": [{"field": "weekday\\hour"}]}),
        ("organize", {"renameByName": {"weekday\\hour": "Day"}, "excludeByName": {}, "indexByName": {}}),
    ]
    for name, options in transformations:
        panel = panel.with_transformation(models.DataTransformerConfig(id_val=name, options=options))
    background = {"type": "color-background", "mode": "basic"}
    hours = [("custom.cellOptions", background), ("custom.minWidth", 36), ("custom.align", "center")]
    names = mapped(*((str(number + 1), name, GRAY) for number, name in enumerate(WEEKDAYS)))
    days = [("mappings", [names]), ("custom.minWidth", 50)]
    properties = [models.DynamicConfigValue(id_val=name, value=value) for name, value in hours]
    panel = panel.override_by_regexp("^[0-9]+$", properties)
    properties = [models.DynamicConfigValue(id_val=name, value=value) for name, value in days]
    return panel.override_by_name("Day", properties)


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


def label_variable(name, title, description, metric, label=None):
    built = dashboard.QueryVariable(name).label(title).description(description)
    built = built.datasource(DATASOURCE).query(f"label_values({metric}, {label or name})")
    built = built.refresh(models.VariableRefresh.ON_TIME_RANGE_CHANGED)
    built = built.sort(models.VariableSort.ALPHABETICAL_CASE_INSENSITIVE_ASC)
    everything = models.VariableOption(selected=True, text=["All"], value=["$__all"])
    return built.multi(True).include_all(True).all_value(".*").current(everything)


def team_variable():
    return label_variable("team", "Team", "Teams to show; `none` are tickets without one", "ticket_created_total")


def priority_variable():
    return label_variable("priority", "Priority", "Priorities to show", "ticket_created_total")


def attribute_variables():
    """The name of a label, and its values. Two of Grafana's own means do not fit: ad hoc filters also apply to the
    objectives, which have no attributes, and a variable for each attribute needs its name. The text has a default,
    so that nothing is filtered on an installation without attributes."""
    return [
        words(
            "attribute",
            "Attribute",
            "Label to filter and to compare by: the name of one of your attributes, or priority",
            "priority",
        ),
        label_variable(
            "value",
            "Value",
            "Values of the attribute to show; `none` are tickets without one",
            "ticket_created_total",
            "$attribute",
        ),
    ]


def choice(name, title, description, *words):
    options = [models.VariableOption(selected=word == words[0], text=word, value=word) for word in words]
    built = dashboard.CustomVariable(name).label(title).description(description)
    return built.values(",".join(words)).options(options).current(current(words[0]))


def words(name, title, description, first):
    """Text that the viewer may change."""
    return dashboard.TextBoxVariable(name).label(title).description(description).default_value(first)


def clock_variable():
    return choice(
        "clock",
        "Clock",
        "Durations in business hours of the team, or in elapsed time",
        "business",
        "calendar",
    )


# Dashboards


class Annotation(models.AnnotationQuery):
    """Members of Prometheus' annotations that the SDK lacks."""

    def __init__(self, name, expression, title, words, color, enabled, step):
        super().__init__(
            name=name, datasource=DATASOURCE, enable=enabled, icon_color=color, expr=expression
        )
        self.title, self.words, self.step = title, words, step

    def to_json(self):
        return super().to_json() | {
            "step": self.step,
            "titleFormat": self.title,
            "textFormat": self.words,
            "useValueForTime": False,
        }

    def build(self):
        return self


def breaches(held=HELD):
    """Off by default: on a usual day there are dozens, which cover every chart. Backfilled samples are five
    minutes apart, so the span has three of them."""
    return Annotation(
        "SLA breaches",
        "sum by (team, target) (max without (instance, pod) (increase("
        f"ticket_sla_breaches_total{{{held}}}[15m]))) > 0.5",
        "SLA breach",
        "{{team}}: {{target}}",
        "red",
        False,
        "15m",
    )


def deploys():
    """A start or a reload of the exporter, with its version."""
    return Annotation(
        "Exporter deploys",
        "(time() - ticket_exporter_config_last_reload_success_timestamp_seconds < 60)"
        " * on (job, instance) group_left (version, revision) ticket_exporter_build_info",
        "Exporter started or reloaded",
        "{{instance}} version {{version}} ({{revision}})",
        "blue",
        True,
        "60s",
    )


def new_dashboard(uid, title, description, *, since, refresh, variables, annotations, tags=()):
    built = dashboard.Dashboard(title).uid(uid).description(description)
    built = built.tags([TAG, *tags]).timezone("browser").refresh(refresh).time(since, "now")
    built = built.tooltip(models.DashboardCursorSync.CROSSHAIR).editable()
    for variable in [datasource_variable(), *variables]:
        built = built.with_variable(variable)
    for annotation in annotations:
        built = built.annotation(annotation)
    others = dashboard.DashboardLink("Ticket dashboards").type(models.DashboardLinkType.DASHBOARDS)
    others = others.tags([TAG]).as_dropdown(False).include_vars(True).keep_time(True)
    tooltip = "The other dashboards, with the same time and selection"
    return built.link(others.icon("external link").tooltip(tooltip))


def row(title):
    return dashboard.Row(title)


def filled(built, *sections):
    """Lays out lists of panels, each beginning with its row."""
    for head, *panels in sections:
        built = built.with_row(head)
        for panel in panels:
            built = built.with_panel(panel)
    return built


def to_team(*, priority=True):
    """A link from a cell with a team to the team's dashboard. It includes priority and attribute only if the
    dashboard has these variables: Grafana would leave the name of an unknown variable in the address."""
    chosen = "${priority:queryparam}&${attribute:queryparam}&${value:queryparam}&" if priority else ""
    variables = f"${{datasource:queryparam}}&{chosen}var-team=${{__value.text:percentencode}}"
    url = f"/d/ticket-team?${{__url_time_range}}&{variables}"
    return [{"title": "Work of team ${__value.text}", "url": url}]
