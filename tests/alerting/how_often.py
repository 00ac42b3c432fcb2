#!/usr/bin/env python3
"""Measures how often each alert fires for the simulated helpdesk. It is not part of the tests.

    target/test-tools/deployment/bin/python tests/alerting/how_often.py target/debug/ticket-exporter target/test-tools [DAYS]

It needs the exporter and the tools of tests/setup: Python with YAML, Prometheus, promtool. The simulation
covers DAYS (30) and the time before them that the alerts look back at. `backfill` writes its past, promtool
evaluates the recording rules over it, and Prometheus the alerts with their `for`, every five minutes. The
measurement takes some twenty minutes and 20 GB of disk.
"""

import datetime
import json
import re
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request
from collections import Counter
from pathlib import Path

import yaml

DAY = 86_400
STEP = 300
# Rules check the age of the exporter's own series.
SCRAPE = 60
# Four weeks before the week of a window, and the week.
BEFORE = 35
# The series that the alerts on KPIs use; the rest of a backfill is histograms.
USED = re.compile(
    r"(# [A-Z]+ )?ticket_(sla_(at_risk|overdue|goals|breaches)|backlog[ {_]|backlog_oldest|window_|exporter_sla)"
)
# The series of a healthy exporter as far as the rules use them, since `backfill` writes none of these.
WELL = {
    "up": lambda at: 1,
    "ticket_exporter_caught_up": lambda at: 1,
    "ticket_exporter_watermark_timestamp_seconds": lambda at: at - 30,
    "ticket_exporter_last_checkpoint_timestamp_seconds": lambda at: at,
}
LABELS = 'job="ticket-exporter",instance="exporter:10047"'


def main():
    binary, tools = Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve() / "prometheus"
    days = int(sys.argv[3]) if len(sys.argv) > 3 else 30
    today = datetime.datetime.now(datetime.UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    end = int(today.timestamp())
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        rules = history(place, binary, tools, end - (days + BEFORE) * DAY, end)
        recordings = [rule for group in rules for rule in group["rules"] if "record" in rule]
        for level in levels(recordings):
            with Server(place, tools) as server:
                record(place, tools, server, level, end - (days + BEFORE) * DAY, end)
        with Server(place, tools) as server:
            report(server, rules, end - days * DAY, end)


def history(place, binary, tools, start, end):
    """Blocks of the past in `place`/data, and the rules of the helpdesk's configuration."""

    def run(*arguments):
        return subprocess.run([binary, *arguments], check=True, capture_output=True, text=True).stdout

    def at(seconds):
        return datetime.datetime.fromtimestamp(seconds, datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

    config = place / "helpdesk.yaml"
    # One window is enough for the alerts, and saves most of the series.
    config.write_text(run("simulate", "--print-config") + "windows: [7d]\n")
    events, texts, data = place / "events.jsonl", place / "texts", place / "data"
    run("simulate", "--seed", "7", "--from", at(start - 14 * DAY), "--for", f"{(end - start) // DAY + 14}d", "--output", events)
    texts.mkdir()
    data.mkdir()
    labels = ["--label", "job=ticket-exporter", "--label", "instance=exporter:10047"]
    window = ["--from", at(start), "--until", at(end), "--step", "5m"]
    run("backfill", "--config.file", config, *window, *labels, "--output", texts, events)
    well = texts / "well.om"
    with well.open("w") as written:
        for name, value in WELL.items():
            written.write(f"# TYPE {name} gauge\n")
            for instant in range(start, end + 1, SCRAPE):
                written.write(f"{name}{{{LABELS}}} {value(instant)} {instant}\n")
        written.write("# EOF\n")
    for text in sorted(texts.glob("*.om")):
        if text != well:
            lines = text.read_text().splitlines(keepends=True)
            text.write_text("".join(line for line in lines if USED.match(line)) + "# EOF\n")
        length = "--max-block-duration=" + ("48h" if text == well else "6h")
        create = [tools / "promtool", "tsdb", "create-blocks-from", "openmetrics", "--quiet", length]
        subprocess.run([*create, text, data], check=True)
        text.unlink()
    return yaml.safe_load(run("rules", "--config.file", config))["groups"]


def levels(recordings):
    """Recording rules in the order in which they build on each other."""
    left, known = list(recordings), set()
    while left:
        names = {rule["record"] for rule in left}
        ready = [rule for rule in left if not any(name in rule["expr"] for name in names - {rule["record"]})]
        assert ready, "the recording rules form a circle"
        yield ready
        known |= {rule["record"] for rule in ready}
        left = [rule for rule in left if rule["record"] not in known]


def record(place, tools, server, rules, start, end):
    file = place / "level.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "level", "rules": rules}]}))
    create = [tools / "promtool", "tsdb", "create-blocks-from", "rules", "--eval-interval", f"{STEP}s"]
    window = ["--start", str(start), "--end", str(end), "--url", server.url]
    output = ["--output-dir", str(place / "data")]
    subprocess.run([*create, *window, *output, file], check=True, capture_output=True)


def report(server, groups, start, end):
    rows = {}
    for rule in (rule for group in groups for rule in group["rules"] if "alert" in rule):
        pending = seconds(rule.get("for"))
        row = rows.setdefault((rule["alert"], rule["labels"]["severity"]), [0, set(), 0, Counter()])
        for labels, instants in server.true(rule["expr"], start, end).items():
            for first, last in stretches(sorted(instants)):
                if last - first >= pending:
                    row[0] += 1
                    row[1].update(range(first + pending, last + 1, STEP))
                    row[2] += last - first - pending + STEP
                    row[3][" ".join(value for name, value in labels if name in ("team", "priority", "target"))] += 1
    print(f"{'alert':38} {'severity':9} {'fired':>6} {'time on':>8} {'mean':>8}  most often")
    for (name, severity), (fired, on, length, by) in sorted(rows.items(), key=lambda row: -row[1][0]):
        share, mean = len(on) * STEP / (end - start), length / max(1, fired) / 3600
        most = ", ".join(f"{place} ({number})" for place, number in by.most_common(3))
        print(f"{name:38} {severity:9} {fired:6} {share:8.1%} {mean:6.1f} h  {most}")


def seconds(duration):
    units = {"s": 1, "m": 60, "h": 3600, "d": DAY}
    return sum(int(number) * units[unit] for number, unit in re.findall(r"(\d+)([smhd])", duration or ""))


def stretches(instants):
    """The first and last instants of each stretch without a gap."""
    found = []
    for instant in instants:
        if found and instant - found[-1][1] <= STEP:
            found[-1][1] = instant
        else:
            found.append([instant, instant])
    return found


class Server:
    """A Prometheus that serves the blocks."""

    url = "http://127.0.0.1:19090"

    def __init__(self, place, tools):
        self.place, self.tools = place, tools

    def __enter__(self):
        config = self.place / "prometheus.yml"
        config.write_text("global: {}\n")
        address = self.url.removeprefix("http://")
        options = {
            "config.file": config,
            "storage.tsdb.path": self.place / "data",
            "storage.tsdb.retention.time": "36500d",
            "web.listen-address": address,
            "query.max-samples": 500_000_000,
            "query.timeout": "10m",
        }
        flags = [f"--{name}={value}" for name, value in options.items()]
        log = (self.place / "prometheus.log").open("w")
        self.process = subprocess.Popen([self.tools / "prometheus", *flags], stdout=log, stderr=log)
        for _ in range(600):
            try:
                urllib.request.urlopen(f"{self.url}/-/ready")
                return self
            except OSError:
                time.sleep(0.1)
        raise TimeoutError((self.place / "prometheus.log").read_text())

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()

    def true(self, expression, start, end):
        """The instants at which an expression has a result, by its labels."""
        found = {}
        for begin in range(start, end, 10 * DAY):
            until = min(begin + 10 * DAY, end) - STEP
            asked = urllib.parse.urlencode({"query": expression, "start": begin, "end": until, "step": STEP})
            with urllib.request.urlopen(f"{self.url}/api/v1/query_range", asked.encode()) as answer:
                for series in json.load(answer)["data"]["result"]:
                    labels = tuple(sorted(series["metric"].items()))
                    found.setdefault(labels, set()).update(int(at) for at, _ in series["values"])
        return found


if __name__ == "__main__":
    main()
