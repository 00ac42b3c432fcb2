"""Writes the dashboards as JSON: `python generate.py [FOLDER]`, by default to their place in the repository."""

import json
import sys
from pathlib import Path

from grafana_foundation_sdk.cog.encoder import JSONEncoder

import capacity
import exporter
import service_quality
import sla
import team

# Pixels.
LEAST_COLUMN = 60
BOARDS = (service_quality, team, sla, capacity, exporter)


def main():
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parents[1]
    for source in BOARDS:
        model = finished(source.build().build())
        path = folder / f"{model['uid']}.json"
        path.write_text(json.dumps(model, indent=2, sort_keys=True, ensure_ascii=False) + "\n")


def finished(dashboard):
    """As plain JSON, with corrections for the SDK."""
    model = json.loads(json.dumps(dashboard, cls=JSONEncoder))
    for number, panel in enumerate(model["panels"], start=1):
        panel["id"] = number
        if panel["type"] == "table":
            # With Grafana's default of 150 pixels, columns do not fit.
            panel["fieldConfig"]["defaults"].setdefault("custom", {})["minWidth"] = LEAST_COLUMN
    for variable in model["templating"]["list"]:
        # The SDK sets the same id for all of them, and settings of another kind of variable.
        for name in ("id", "auto", "auto_count", "auto_min"):
            variable.pop(name, None)
    return model


if __name__ == "__main__":
    main()
