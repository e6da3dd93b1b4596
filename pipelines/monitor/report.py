"""A monitoring report: the JSON object that verbs print, and one HTML page that needs nothing else."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from datetime import date
from html import escape
from pathlib import Path
from typing import Any

from feature_repo.sources import Home
from pipelines.cli.output import Figure, report

STYLE = """
body{font:15px/1.5 system-ui,sans-serif;max-width:64rem;margin:2rem auto;padding:0 1rem;color:#1d2430}
h1{font-size:1.4rem}table{border-collapse:collapse;width:100%;margin:1rem 0}
td,th{padding:.25rem .6rem;border-bottom:1px solid #e3e6ea;text-align:left;vertical-align:top}
td.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
.bad{color:#b3261e}.ok{color:#1b7f4d}.bar{background:#7aa7e0;height:.7rem;display:inline-block}p{color:#4a5362}
"""


@dataclass(frozen=True)
class Report:
    """name: drift, calibration, skew or shadow. about: one paragraph on how to read it. setup: what was compared."""

    name: str
    day: date
    about: str
    setup: dict[str, Any]
    figures: list[Figure]

    @property
    def plain(self) -> dict[str, Any]:
        return report(self.name, {"partition": self.day.isoformat(), **self.setup}, self.figures)

    def failing(self) -> list[Figure]:
        return [f for f in self.figures if f.holds is False]


def _row(figure: Figure, scale: float) -> str:
    value = "–" if figure.value is None else f"{figure.value:,.4g}"
    verdict = {True: '<span class="ok">holds</span>', False: '<span class="bad">does not hold</span>', None: ""}[figure.holds]
    width = 0 if figure.value is None else max(0.0, min(figure.value / scale, 1.0)) * 8
    return (
        f"<tr><td>{escape(figure.name)}</td><td class=n>{value} {escape(figure.unit)}</td>"
        f'<td><span class=bar style="width:{width:.2f}rem"></span></td>'
        f"<td>{escape(figure.target or '')}</td><td>{verdict}</td></tr>"
    )


def page(shown: Report) -> str:
    """The report as HTML. Bars are scaled within figures of one unit."""
    scales: dict[str, float] = {}
    for f in shown.figures:
        scales[f.unit] = max(scales.get(f.unit, 0.0), abs(f.value or 0.0))
    setup = "".join(f"<tr><th>{escape(k)}</th><td>{escape(str(v))}</td></tr>" for k, v in shown.plain["setup"].items())
    figures = "".join(_row(f, scales[f.unit] or 1.0) for f in shown.figures)
    title = f"{shown.name.capitalize()} on {shown.day}"
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title><style>{STYLE}</style>'
        f"<h1>{title}</h1><p>{escape(shown.about)}</p><table>{setup}</table>"
        f"<table><tr><th>figure</th><th>value</th><th></th><th>target</th><th></th></tr>{figures}</table></html>\n"
    )


def write_report(home: Home, shown: Report) -> Path:
    """reports/<name>/<day>.json and .html, each replaced whole; gives the page."""
    folder = home.reports / shown.name
    folder.mkdir(parents=True, exist_ok=True)
    for suffix, text in ((".json", json.dumps(shown.plain, indent=1, default=str) + "\n"), (".html", page(shown))):
        path = folder / f"{shown.day}{suffix}"
        temporary = path.with_name(f".{path.name}.{os.getpid()}")
        temporary.write_text(text, encoding="utf-8")
        os.replace(temporary, path)
    return folder / f"{shown.day}.html"
