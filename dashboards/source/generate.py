"""Writes the boards as JSON: `python generate.py [FOLDER]`, by default where they are committed."""

import json
import sys
from pathlib import Path

from grafana_foundation_sdk.cog.encoder import JSONEncoder

import capacity
import exporter
import service_quality
import sla
import team

BOARDS = (service_quality, team, sla, capacity, exporter)


def main():
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parents[1]
    for source in BOARDS:
        model = finished(source.build().build())
        path = folder / f"{model['uid']}.json"
        path.write_text(json.dumps(model, indent=2, sort_keys=True, ensure_ascii=False) + "\n")


def finished(board):
    """As plain JSON, with the number that each panel needs."""
    model = json.loads(json.dumps(board, cls=JSONEncoder))
    number = 0
    for panel in model["panels"]:
        for one in [panel, *panel.get("panels", [])]:
            number += 1
            one["id"] = number
    return model


if __name__ == "__main__":
    main()
