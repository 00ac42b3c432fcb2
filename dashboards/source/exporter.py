"""Exporter, for its operators. Can the numbers be trusted?"""

from parts import (
    ANY_IS_A_WARNING,
    ANY_IS_BAD,
    COUNT,
    GREEN,
    ORANGE,
    RED,
    SECONDS,
    SHARE,
    column,
    deploys,
    filled,
    grid,
    label_variable,
    lines,
    mapped,
    new_dashboard,
    query,
    row,
    steps,
)

SELECTED = 'job=~"$job", instance=~"$instance"'
AGE = steps(GREEN, (120, ORANGE), (600, RED))
# The last scrape may be a minute old, and the checkpoint looks older by that.
AGE_OF_CHECKPOINT = steps(GREEN, (90, ORANGE), (180, RED))
LAG = steps(GREEN, (1000, ORANGE), (100_000, RED))
BUILD = f"ticket_exporter_build_info{{{SELECTED}}}"
# The build of an exporter that is down comes from its last samples.
KNOWN = f"last_over_time({BUILD}[1d])"
INSTANCE = "job, instance"


def own(name, more=""):
    """A series of the selected instances."""
    return f"{name}{{{SELECTED}{', ' + more if more else ''}}}"


def process(name):
    """A series that other processes have too, of the selected instances that are exporters."""
    return f"{own(name)} and on ({INSTANCE}) {BUILD}"


def rate(name, by):
    return f"sum by ({by}) (rate({own(name)}[$__rate_interval]))"


def by_instance(expression, how="sum"):
    return f"{how} by ({INSTANCE}) ({expression})"


def clock_behind(by, how="max"):
    return f"{how} by ({by}) (time() - {own('ticket_exporter_watermark_timestamp_seconds')})"


def build():
    built = new_dashboard(
        "ticket-exporter",
        "Tickets / Exporter",
        "Can the numbers be trusted?",
        since="now-6h",
        refresh="30s",
        variables=[
            label_variable("job", "Job", "Scrape jobs of exporters", "ticket_exporter_build_info"),
            label_variable(
                "instance", "Instance", "Instances to show", 'ticket_exporter_build_info{job=~"$job"}'
            ),
            label_variable(
                "gateway", "Gateway", "Gateways for webhooks to show, if there are any", "ticket_gateway_ready", "instance"
            ),
        ],
        annotations=[deploys()],
        tags=["operations"],
    )
    return filled(built, trust(), reading(), state(), processes(), gateway())


def state_words(good, bad):
    return [mapped(("1", good, GREEN), ("0", bad, RED))]


def topics(name, by):
    return f"max by ({by}) ({own(name)}) > 0"


def trust():
    def hour(name):
        return by_instance(f"increase({own(name)}[1h])")

    return [
        row("Can the numbers be trusted?"),
        grid(
            "Instances",
            "Up: the last scrape went well; if not, see the log of the process. Ready: every partition is read to its"
            " end and KPIs are served; /-/ready says why not. Configuration: whether the last load succeeded; if"
            " not, the one before is in force, and check-config says what is wrong. Behind: how far the slowest"
            " stream clock is behind; half a minute is usual on a quiet topic. Lag: records in Kafka that are in"
            " no number yet. Rejected: records of the last hour that are no ticket event. Lost: times records were"
            " gone before they were read. Checkpoint: age of what survives a crash. Two versions for long: a"
            " roll-out is stuck.",
            [
                query(f"{own('up')} and on ({INSTANCE}) {KNOWN}", as_table=True),
                query(by_instance(own("ticket_exporter_caught_up"), "max"), as_table=True),
                query(by_instance(process("ticket_exporter_config_last_reload_successful"), "max"), as_table=True),
                query(clock_behind(INSTANCE), as_table=True),
                query(by_instance(own("ticket_exporter_consumer_lag")), as_table=True),
                query(hour("ticket_exporter_rejected_total"), as_table=True),
                query(by_instance(own("ticket_exporter_lost_records_total")), as_table=True),
                query(
                    by_instance(f"time() - {own('ticket_exporter_last_checkpoint_timestamp_seconds')}", "max"),
                    as_table=True,
                ),
                query(f"max by ({INSTANCE}, version) ({KNOWN})", as_table=True),
            ],
            [
                column("instance", "Instance"),
                column("version", "Version"),
                column("Value #A", "Up", COUNT, mappings=state_words("Up", "Down")),
                column("Value #B", "Ready", COUNT, mappings=state_words("Ready", "Not ready")),
                column("Value #C", "Config", COUNT, mappings=state_words("Loaded", "Refused")),
                column("Value #D", "Behind", SECONDS, thresholds=AGE, decimals=0),
                column("Value #E", "Lag", COUNT, thresholds=LAG, decimals=0),
                column("Value #F", "Rejected 1 h", COUNT, thresholds=ANY_IS_A_WARNING, decimals=0),
                column("Value #G", "Lost", COUNT, thresholds=ANY_IS_BAD, decimals=0),
                column("Value #H", "Checkpoint", SECONDS, thresholds=AGE_OF_CHECKPOINT, decimals=0),
            ],
            height=5,
            without=("__name__", "job", "Value #I"),
        ),
        lines(
            "Topics with a problem",
            "A topic or partition is listed while its line is at 1. Missing: the topic does not exist, and no KPI is"
            " served. Unusable: no record of the topic could be used; correct the mapping. Open transaction: a"
            " producer neither commits nor aborts, and nothing behind its transaction can be read.",
            [
                query(topics("ticket_exporter_topic_missing", "topic"), "{{topic}}: missing"),
                query(topics("ticket_exporter_topic_useless", "topic"), "{{topic}}: unusable"),
                query(
                    topics("ticket_exporter_open_transaction", "topic, partition"),
                    "{{topic}} {{partition}}: open transaction",
                ),
            ],
            COUNT,
            width=24,
            height=5,
            most=1,
            decimals=0,
            no_value="None in this time range, or no data",
        ),
    ]


def reading():
    dropped = [
        ("rejected", "ticket_exporter_rejected_total", "reason"),
        ("ignored", "ticket_exporter_ignored_total", "reason"),
        ("overflow", "ticket_exporter_overflow_total", "label"),
    ]
    more = [
        ("out of order", "ticket_exporter_out_of_order_total"),
        ("misrouted", "ticket_exporter_misrouted_total"),
    ]
    not_counted = [
        query(f"sum by ({by}) (increase({own(name)}[1h])) > 0", f"{word}: {{{{{by}}}}}", interval="5m")
        for word, name, by in dropped
    ] + [query(f"sum (increase({own(name)}[1h])) > 0", word, interval="5m") for word, name in more]
    return [
        row("Reading"),
        lines(
            "Stream clock behind",
            "Of the partition that is furthest behind. Below the first line is usual; above the second, ten minutes,"
            " alerts on KPIs are silent. Rising in a straight line: nothing is read.",
            [query(clock_behind("instance"), "{{instance}}")],
            SECONDS,
            thresholds=steps("transparent", (120, ORANGE), (600, RED)),
            most=660,
        ),
        lines(
            "Lag by partition, zeros left out",
            "Records to go. One partition far above the others: a key with many events, or a stuck leader.",
            [
                query("sum (" + own("ticket_exporter_consumer_lag") + ")", "all"),
                query(
                    f"sum by (topic, partition) ({own('ticket_exporter_consumer_lag')}) > 0",
                    "{{topic}} {{partition}}",
                ),
            ],
            COUNT,
            decimals=0,
        ),
        lines(
            "Records a second, zeros left out",
            "By result. None while agents work: look at the producer.",
            [
                query("sum (" + rate("ticket_exporter_events_total", "result") + ")", "all"),
                query(f"{rate('ticket_exporter_events_total', 'result')} > 0", "{{result}}"),
            ],
            "cps",
        ),
        lines(
            "Records that are not counted, an hour",
            "Rejected: no ticket event; see the dead-letter topic and the log. Ignored: without effect. Overflow:"
            " names beyond their limit; raise `limits`, or find who invents names. Misrouted: the producer has to"
            " key by ticket id. Reasons that did not occur are left out.",
            not_counted,
            COUNT,
            no_value="None in this time range, or no data",
        ),
    ]


def state():
    bucket = rate("ticket_exporter_checkpoint_duration_seconds_bucket", "le")
    detected = f"sum by (le) (increase({own('ticket_exporter_sla_breach_detection_seconds_bucket')}[1h]))"

    def hour(name):
        return f"sum (increase({own(name)}[1h]))"

    return [
        row("State"),
        lines(
            "Checkpoint duration",
            "From the last record applied to the series published. Seconds: the disk is slow, and the numbers are"
            " as old.",
            [
                query(f"histogram_quantile(0.5, {bucket})", "p50"),
                query(f"histogram_quantile(0.99, {bucket})", "p99"),
            ],
            SECONDS,
        ),
        lines(
            "Breach detection, p99",
            "Time from a deadline to the breach being visible, of the hour before each point. Minutes: the stream"
            " clock is behind. No data: nothing was breached.",
            # Without a breach the quantile is NaN.
            [query(f"histogram_quantile(0.99, {detected}) >= 0", "p99")],
            SECONDS,
            no_value="No breach in this time range, or no data",
        ),
        lines(
            "Failures, an hour",
            "Checkpoints that could not be written, and dead letters that were refused. Above 0: see the log; the"
            " disk is full, slow or broken, or the topic does not take them.",
            [
                query(hour("ticket_exporter_checkpoint_failures_total"), "checkpoints"),
                query(hour("ticket_exporter_dead_letters_lost_total"), "dead letters"),
            ],
            COUNT,
            decimals=0,
        ),
        lines(
            "Tickets in memory",
            "By state. Final and withdrawn ones are forgotten after tickets.retain.",
            [query(f"sum by (state) ({own('ticket_exporter_tickets')})", "{{state}}")],
            COUNT,
            stacked=True,
            decimals=0,
        ),
    ]


def processes():
    descriptors = (
        f"({own('process_open_fds')} / {own('process_max_fds')}) and on ({INSTANCE}) {BUILD}"
    )
    cpu = f"rate({own('process_cpu_seconds_total')}[$__rate_interval]) and on ({INSTANCE}) {BUILD}"
    return [
        row("Processes"),
        lines(
            "Memory",
            "Resident memory. It follows the number of tickets in memory.",
            [query(process("process_resident_memory_bytes"), "{{instance}}")],
            "bytes",
        ),
        lines(
            "CPU",
            "Processors in use. Much of one while records come is a catch-up.",
            [query(cpu, "{{instance}}")],
            COUNT,
            decimals=2,
        ),
        lines(
            "File descriptors in use",
            "Open files and connections, as a part of as many as there may be.",
            [query(descriptors, "{{instance}}")],
            SHARE,
            thresholds=steps("transparent", (0.7, ORANGE), (0.9, RED)),
            most=1,
        ),
        lines(
            "Scrapes",
            "How long a scrape takes. Near the scrape timeout: fewer teams, priorities or buckets, or a longer"
            " timeout.",
            [query(process("scrape_duration_seconds"), "{{instance}}")],
            SECONDS,
        ),
    ]


def gateway():
    without = "No gateway, or no data"
    selected = 'instance=~"$gateway"'
    requests = f"ticket_gateway_requests_total{{{selected}}}"
    refused = f'ticket_gateway_requests_total{{{selected}, code=~"4..", code!="499"}}'

    def quantile(share, name):
        # Without a webhook the quantile is NaN.
        buckets = f"rate({name}_bucket{{{selected}}}[$__rate_interval])"
        return f"histogram_quantile({share}, sum by (le) ({buckets})) >= 0"

    return [
        row("Gateways for webhooks"),
        lines(
            "Webhooks a second",
            "By the status of the answer. 200: Kafka has acknowledged it. 503: Kafka is away or slow, and most senders"
            " try again. 499: the sender left before the answer.",
            [query(f"sum by (code) (rate({requests}[$__rate_interval]))", "{{code}}")],
            "cps",
            no_value=without,
        ),
        lines(
            "Refused webhooks, an hour",
            "By hook and status; most senders give up. 401 and 403: compare the secret with that of the sender, and the"
            " clocks. 413: raise the limits of the hook. 400 and 415: the sender does not send JSON. 404: no such"
            " hook. Reasons that did not occur are left out.",
            [query(f"sum by (hook, code) (increase({refused}[1h])) > 0", "{{hook}}: {{code}}")],
            COUNT,
            no_value=without,
        ),
        lines(
            "Time to the answer",
            "Kafka: until it has acknowledged the records. Answer: all of it, with the sender's body. Near"
            " `gateway.timeout`: look at the brokers. Some senders give up after 5 s.",
            [
                query(quantile(0.5, "ticket_gateway_produce_duration_seconds"), "Kafka p50"),
                query(quantile(0.99, "ticket_gateway_produce_duration_seconds"), "Kafka p99"),
                query(quantile(0.99, "ticket_gateway_request_duration_seconds"), "answer p99"),
            ],
            SECONDS,
            no_value=without,
        ),
        lines(
            "Webhooks in progress",
            "Requests without an answer. Growing: Kafka is away, or senders are slow; beyond"
            " `gateway.max_buffered_bytes` they get 503.",
            [query(f"sum by (instance) (ticket_gateway_requests_in_flight{{{selected}}})", "{{instance}}")],
            COUNT,
            decimals=0,
            no_value=without,
        ),
    ]
