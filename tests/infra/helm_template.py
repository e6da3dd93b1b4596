"""Renders the chart with Helm's own engine, in a process of its own: the engine is Go's, and brings its own threads and signal handlers.

Reads a JSON list of values from standard input; prints a JSON list with, for each, {"objects": [...]} or {"refused": why}.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
CHART = ROOT / "infra" / "helm" / "placard"
RELEASE, NAMESPACE = "ads", "market"


@dataclass(frozen=True)
class Rendered:
    """objects: Kubernetes objects. refused: why there are none."""

    objects: tuple[dict[str, Any], ...] = ()
    refused: str = ""

    def all(self, kind: str, component: str = "") -> list[dict[str, Any]]:
        """The objects of a kind; component: of this one alone."""
        label = "app.kubernetes.io/component"
        return [o for o in self.objects if o["kind"] == kind and component in ("", o["metadata"]["labels"].get(label))]

    def pods(self) -> list[tuple[str, dict[str, Any]]]:
        """The name of each object that makes pods, and its pods' template."""
        out = []
        for one in self.objects:
            spec = one["spec"]["jobTemplate"]["spec"] if one["kind"] == "CronJob" else one.get("spec", {})
            if "template" in spec:
                out.append((one["metadata"]["name"], spec["template"]))
        return out


def helm_template(*values: dict[str, Any]) -> list[Rendered]:
    """The chart with each of the values on top of its own."""
    done = subprocess.run([sys.executable, __file__], input=json.dumps(values), capture_output=True, text=True, check=True)
    return [Rendered(tuple(one.get("objects", ())), one.get("refused", "")) for one in json.loads(done.stdout)]


def containers(pod: dict[str, Any]) -> list[dict[str, Any]]:
    """All containers of a pod's template, in the order in which they run."""
    return [*pod["spec"].get("initContainers", ()), *pod["spec"]["containers"]]


def main() -> None:
    import helm_python
    import yaml

    out: list[dict[str, Any]] = []
    with helm_python.Chart.load(str(CHART)) as chart:
        for values in json.load(sys.stdin):
            try:
                chart.validate_schema(values)
                texts = chart.render(values, name=RELEASE, namespace=NAMESPACE)
            except helm_python.HelmError as error:
                out.append({"refused": str(error)})
                continue
            out.append({"objects": [one for text in texts.values() for one in yaml.safe_load_all(text) if one]})
    print(json.dumps(out))


if __name__ == "__main__":
    main()
