"""Exporter: for those who run it. Can the numbers be trusted, and how is the process?"""

from parts import (
    ANY_IS_A_WARNING,
    ANY_IS_BAD,
    GREEN,
    ORANGE,
    RED,
    board,
    column,
    deploys,
    filled,
    grid,
    label_variable,
    lines,
    number,
    query,
    row,
    steps,
)

SELECTED = 'job=~"$job", instance=~"$instance"'
AGE = steps(GREEN, (120, ORANGE), (600, RED))
CHECKPOINT_AGE = steps(GREEN, (30, ORANGE), (120, RED))
MEMBER = f"ticket_exporter_build_info{{{SELECTED}}}"


def own(name, more=""):
    """A series of the selected instances."""
    return f"{name}{{{SELECTED}{', ' + more if more else ''}}}"


def process(name):
    """A series that every process has: of the selected instances that are exporters."""
    return f"{own(name)} and on (job, instance) {MEMBER}"


def rate(name, by):
    return f"sum by ({by}) (rate({own(name)}[$__rate_interval]))"


def build():
    built = board(
        "ticket-exporter",
        "Tickets / Exporter",
        "Can the numbers be trusted, and how is the process that makes them?",
        since="now-6h",
        refresh="30s",
        variables=[
            label_variable("job", "Job", "Scrape jobs of exporters", "ticket_exporter_build_info"),
            label_variable(
                "instance", "Instance", "Instances to show", 'ticket_exporter_build_info{job=~"$job"}'
            ),
        ],
        annotations=[deploys()],
        tags=["operations"],
    )
    return filled(built, trust(), reading(), records(), keeping(), process_row())


def trust():
    caught_up = steps(RED, (1, GREEN))
    return [
        row("Can the numbers be trusted?"),
        number(
            "Up",
            "Whether the last scrape went well. 0: see the log of the process, and /-/healthy.",
            [query(process("up"), "{{instance}}")],
            "short",
            thresholds=caught_up,
            width=3,
        ),
        number(
            "Ready",
            "Whether every partition is read to its end and KPIs are served. 0: /-/ready says"
            " why; no promise is watched meanwhile.",
            [query(own("ticket_exporter_caught_up"), "{{instance}}")],
            "short",
            thresholds=caught_up,
            width=3,
        ),
        number(
            "Age of the numbers",
            "Since the stream clock of the partition furthest behind. About half a"
            " minute is normal on a quiet topic; above ten minutes alerts on KPIs are silent.",
            [
                query(
                    f"max by (instance) (time() - {own('ticket_exporter_watermark_timestamp_seconds')})",
                    "{{instance}}",
                )
            ],
            "s",
            thresholds=AGE,
            width=3,
        ),
        number(
            "Lag",
            "Records that are in Kafka and in no number yet.",
            [query(f"sum by (instance) ({own('ticket_exporter_consumer_lag')})", "{{instance}}")],
            "short",
            thresholds=steps(GREEN, (1000, ORANGE), (100000, RED)),
            width=3,
        ),
        number(
            "Rejected, 1 h",
            "Records of the last hour that are no ticket event: what they tell is in no"
            " KPI. See the dead-letter topic and the log.",
            [query(f"sum (increase({own('ticket_exporter_rejected_total')}[1h]))", "rejected")],
            "short",
            thresholds=ANY_IS_A_WARNING,
            width=3,
            decimals=0,
        ),
        number(
            "Records lost",
            "Times records were gone before they were read. Above 0: the numbers are"
            " withheld until checkpoint.on_lost_records says what to do.",
            [query(f"sum ({own('ticket_exporter_lost_records_total')})", "lost")],
            "short",
            thresholds=ANY_IS_BAD,
            width=3,
            decimals=0,
        ),
        number(
            "Last checkpoint",
            "Age of the state that is kept, and shown. It is made every second; old:"
            " the disk is full, slow or broken.",
            [query(f"time() - {own('ticket_exporter_last_checkpoint_timestamp_seconds')}", "{{instance}}")],
            "s",
            thresholds=CHECKPOINT_AGE,
            width=3,
        ),
        number(
            "Configuration loaded",
            "Whether the last load of the configuration succeeded. 0: the one"
            " before is in force; check-config says what is wrong.",
            [query(own("ticket_exporter_config_last_reload_successful"), "{{instance}}")],
            "short",
            thresholds=caught_up,
            width=3,
        ),
        grid(
            "Instances",
            "Versions that run. Two versions for long: a roll-out is stuck.",
            [query(MEMBER, as_table=True)],
            [
                column("instance", "Instance"),
                column("version", "Version"),
                column("revision", "Revision"),
                column("rustc", "Compiler"),
                column("job", "Job"),
            ],
            width=24,
            height=4,
        ),
    ]


def reading():
    return [
        row("Reading"),
        lines(
            "Lag by partition",
            "Records to go. One partition far above the others: a key with many"
            " events, or a stuck leader.",
            [
                query(
                    f"sum by (topic, partition) ({own('ticket_exporter_consumer_lag')})",
                    "{{topic}} {{partition}}",
                )
            ],
            "short",
            width=8,
        ),
        lines(
            "Age of the stream clock",
            "By partition. Rising in a straight line: nothing is read.",
            [
                query(
                    "max by (topic, partition) (time() -"
                    f" {own('ticket_exporter_watermark_timestamp_seconds')})",
                    "{{topic}} {{partition}}",
                )
            ],
            "s",
            width=8,
        ),
        lines(
            "Records",
            "Records a second, by what became of them.",
            [query(rate("ticket_exporter_events_total", "result"), "{{result}}")],
            "cps",
            width=8,
        ),
        lines(
            "Since the last event",
            "Age of the newest event. A desk at night is quiet; a desk at noon is"
            " not: look at the producer.",
            [query(f"time() - {own('ticket_exporter_last_event_timestamp_seconds')}", "{{instance}}")],
            "s",
            width=12,
        ),
        lines(
            "Partitions",
            "Partitions assigned. Fewer than the topics have: another member of the group"
            " reads them, and KPIs are withheld.",
            [query(own("ticket_exporter_partitions_assigned"), "{{instance}}")],
            "short",
            width=12,
        ),
    ]


def records():
    return [
        row("Records that are not counted"),
        lines(
            "Rejected",
            "Records an hour that are no ticket event, by reason. Each is in the dead-letter"
            " topic, if there is one.",
            [
                query(
                    f"sum by (reason) (increase({own('ticket_exporter_rejected_total')}[1h]))",
                    "{{reason}}",
                    interval="5m",
                )
            ],
            "short",
            width=8,
        ),
        lines(
            "Ignored",
            "Valid events an hour without effect, by reason.",
            [
                query(
                    f"sum by (reason) (increase({own('ticket_exporter_ignored_total')}[1h]))",
                    "{{reason}}",
                    interval="5m",
                )
            ],
            "short",
            width=8,
        ),
        lines(
            "Disorder",
            "Events an hour that came late, tickets seen in two partitions, and names beyond"
            " their limit. Misrouted: the producer has to key by ticket id. Overflow: raise `limits`, or"
            " find who invents names.",
            [
                query(
                    f"sum (increase({own('ticket_exporter_out_of_order_total')}[1h]))",
                    "out of order",
                    interval="5m",
                ),
                query(
                    f"sum (increase({own('ticket_exporter_misrouted_total')}[1h]))",
                    "misrouted",
                    interval="5m",
                ),
                query(
                    f"sum by (label) (increase({own('ticket_exporter_overflow_total')}[1h]))",
                    "overflow {{label}}",
                    interval="5m",
                ),
            ],
            "short",
            width=8,
        ),
    ]


def keeping():
    def took(quantile):
        bucket = rate("ticket_exporter_checkpoint_duration_seconds_bucket", "le")
        return f"histogram_quantile({quantile}, {bucket})"

    detected = rate("ticket_exporter_sla_breach_detection_seconds_bucket", "le")
    return [
        row("State and timers"),
        lines(
            "Checkpoint duration",
            "From the last record applied to the series published. Seconds: the"
            " disk is slow, and numbers are as old.",
            [query(took(0.5), "p50"), query(took(0.99), "p99")],
            "s",
            width=6,
        ),
        lines(
            "Checkpoint failures",
            "Failed attempts and dead letters that were refused, an hour.",
            [
                query(
                    f"sum (increase({own('ticket_exporter_checkpoint_failures_total')}[1h]))",
                    "failures",
                    interval="5m",
                ),
                query(
                    f"sum (increase({own('ticket_exporter_dead_letters_lost_total')}[1h]))",
                    "dead letters lost",
                    interval="5m",
                ),
            ],
            "short",
            width=6,
        ),
        lines(
            "Checkpoint size",
            "Bytes on disk. It rises and falls as old parts are written anew.",
            [query(own("ticket_exporter_checkpoint_bytes"), "{{instance}}")],
            "bytes",
            width=6,
        ),
        lines(
            "Breach detection",
            "Time from a deadline to the breach being visible.",
            [query(f"histogram_quantile(0.99, {detected})", "p99")],
            "s",
            width=6,
        ),
        lines(
            "Tickets in memory",
            "By state. Finalised and withdrawn ones are forgotten after" " tickets.retain.",
            [query(f"sum by (state) ({own('ticket_exporter_tickets')})", "{{state}}")],
            "short",
            width=12,
            stacked=True,
        ),
        lines(
            "Timers",
            "Deadlines and other things that happen without an event.",
            [query(own("ticket_exporter_timers"), "{{instance}}")],
            "short",
            width=12,
        ),
    ]


def process_row():
    return [
        row("Process and scrapes"),
        lines(
            "Memory",
            "Resident memory. It follows the number of tickets in memory.",
            [query(process("process_resident_memory_bytes"), "{{instance}}")],
            "bytes",
            width=6,
        ),
        lines(
            "CPU",
            "Processors in use. Much of one while records come is a catch-up.",
            [
                query(
                    f"rate({own('process_cpu_seconds_total')}[$__rate_interval]) and on (job, instance)"
                    f" {MEMBER}",
                    "{{instance}}",
                )
            ],
            "short",
            width=6,
        ),
        lines(
            "File descriptors",
            "Open files and connections, and how many there may be.",
            [
                query(process("process_open_fds"), "{{instance}} open"),
                query(process("process_max_fds"), "{{instance}} most"),
            ],
            "short",
            width=6,
        ),
        lines(
            "Scrapes",
            "How long a scrape takes. Near the scrape timeout: fewer teams, priorities or"
            " buckets, or a longer timeout.",
            [query(process("scrape_duration_seconds"), "{{instance}}")],
            "s",
            width=6,
        ),
        lines(
            "Series",
            "Samples in each scrape. It grows with teams, priorities and policies; steps are" " new names.",
            [query(process("scrape_samples_scraped"), "{{instance}}")],
            "short",
            width=12,
        ),
        lines(
            "Uptime",
            "Since the process began.",
            [query(f"time() - ({process('process_start_time_seconds')})", "{{instance}}")],
            "s",
            width=12,
        ),
    ]
