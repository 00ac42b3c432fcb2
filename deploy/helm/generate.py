#!/usr/bin/env python3
"""Writes generated files: the chart's copies of rules and dashboards, the table of values in
its README, and the plain manifests of ../kubernetes.

    deploy/helm/generate.py [--helm HELM] [FOLDER]

FOLDER is deploy/ unless given. Helm 3 or 4 is needed, and Python's own library.
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CHART = Path("helm/ticket-exporter")
# Kustomize makes the ConfigMap with a name that depends on its content, so a change restarts the pod.
MANIFESTS = {
    "existingConfigMap": "ticket-exporter",
    "restartOnConfigChange": "false",
    "image.repository": "ticket-exporter",
    "networkPolicy.enabled": "true",
    "serviceMonitor.enabled": "true",
    "prometheusRule.enabled": "true",
}
# Objects with types of the Prometheus Operator.
OPERATOR = {"servicemonitor.yaml", "prometheusrule.yaml"}
# Lines about Helm and the release.
HELMS_OWN = ("# Source:", "helm.sh/chart:", "app.kubernetes.io/managed-by:", "namespace: default")
NOTE = "# Written by deploy/helm/generate.py from the chart; change that rather than this.\n"
TABLE = ("<!-- generated: values -->\n", "<!-- end -->")


def copies(deploy: Path) -> None:
    """Helm reads nothing outside a chart."""
    files = deploy / CHART / "files"
    shutil.rmtree(files, ignore_errors=True)
    for name, sources in {
        "prometheus": ROOT.glob("deploy/prometheus/*.yml"),
        "dashboards": ROOT.glob("dashboards/*.json"),
    }.items():
        (files / name).mkdir(parents=True)
        for source in sorted(sources):
            shutil.copyfile(source, files / name / source.name)


def rows(values: str) -> list[tuple[str, str, str]]:
    """Path, default and meaning of every value that has a comment above it."""
    lines = values.split("\n\n", 1)[1].splitlines()  # the first comment is about the file
    found: list[tuple[str, str, str]] = []
    path: list[tuple[int, str]] = []
    comment: list[str] = []
    explained = None  # indentation of a value whose comment also covers the values below it
    for number, line in enumerate(lines):
        text = line.strip()
        indent = len(line) - len(line.lstrip())
        if not text:
            continue
        if explained is not None and indent > explained:
            continue
        explained = None
        if text.startswith("#"):
            comment.append(text.removeprefix("#").strip())
            continue
        key, _, default = text.partition(":")
        path = [part for part in path if part[0] < indent] + [(indent, key)]
        default = default.strip()
        name = ".".join(part[1] for part in path)
        if comment:
            below = "".join(lines[number + 1 : number + 2])
            if not default and len(below) - len(below.lstrip()) > indent:
                default = "see `values.yaml`"
                explained = indent
            else:
                default = f"`{default}`"
            found.append((name, default, " ".join(comment)))
        elif default:
            sys.exit(f"values.yaml: {name} has no comment")
        comment = []
    return found


def table(deploy: Path) -> None:
    readme = ROOT / "deploy" / CHART / "README.md"
    values = (ROOT / "deploy" / CHART / "values.yaml").read_text()
    begin, end = TABLE
    before, _, rest = readme.read_text().partition(begin)
    _, _, after = rest.partition(end)
    lines = ["| value | default | meaning |", "|---|---|---|"]
    lines += [f"| `{name}` | {default} | {meaning} |" for name, default, meaning in rows(values)]
    written = before + begin + "\n".join(lines) + "\n" + end + after
    (deploy / CHART / "README.md").write_text(written)


def manifests(deploy: Path, helm: str) -> None:
    settings = [f"--set={key}={value}" for key, value in MANIFESTS.items()]
    with tempfile.TemporaryDirectory() as folder:
        command = [helm, "template", "ticket-exporter", ROOT / "deploy" / CHART]
        command += ["--skip-tests", "--output-dir", folder, *settings]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        for source in sorted(Path(folder).rglob("*.yaml")):
            lines = source.read_text().splitlines(keepends=True)
            kept = [line for line in lines if not line.strip().startswith(HELMS_OWN)]
            text = "".join(kept).removeprefix("---\n")
            part = "prometheus-operator" if source.name in OPERATOR else "base"
            target = deploy / "kubernetes" / part
            target.mkdir(parents=True, exist_ok=True)
            (target / source.name).write_text(NOTE + text)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    arguments.add_argument("folder", nargs="?", type=Path, default=ROOT / "deploy")
    arguments.add_argument("--helm", default="helm", help="Helm's program")
    given = arguments.parse_args()
    copies(given.folder)
    table(given.folder)
    manifests(given.folder, given.helm)


main()
