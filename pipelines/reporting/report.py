"""A monitoring report: the JSON object that verbs print, and one HTML page that needs nothing else."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date
from html import escape
from pathlib import Path
from typing import Any

from feature_repo.home import Home
from pipelines.reporting.figure import Figure, report
from pipelines.reporting.page import page, write_page


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
    verdict = {True: '<span class="good">holds</span>', False: '<span class="bad">does not hold</span>', None: ""}[figure.holds]
    width = 0 if figure.value is None else max(0.0, min(figure.value / scale, 1.0)) * 8
    return (
        f"<tr><td>{escape(figure.name)}</td><td>{value} {escape(figure.unit)}</td>"
        f'<td class="l"><span class="bar" style="width:{width:.2f}rem"></span></td>'
        f"<td>{escape(figure.target or '')}</td><td>{verdict}</td></tr>"
    )


def render(shown: Report) -> str:
    """The report as HTML. Bars are scaled within figures of one unit."""
    scales: dict[str, float] = {}
    for f in shown.figures:
        scales[f.unit] = max(scales.get(f.unit, 0.0), abs(f.value or 0.0))
    setup = "".join(f"<tr><th>{escape(k)}</th><td class='l'>{escape(str(v))}</td></tr>" for k, v in shown.plain["setup"].items())
    figures = "".join(_row(f, scales[f.unit] or 1.0) for f in shown.figures)
    title = f"{shown.name.capitalize()} on {shown.day}"
    head = "<tr><th>figure</th><th>value</th><th></th><th>target</th><th></th></tr>"
    body = f"<h1>{title}</h1><p class='sub'>{escape(shown.about)}</p><table>{setup}</table><table>{head}{figures}</table>"
    return page(title, body)


def write_report(home: Home, shown: Report) -> Path:
    """reports/<name>/<day>.json and .html, each replaced whole; gives the page."""
    folder = home.reports / shown.name
    write_page(folder / f"{shown.day}.json", json.dumps(shown.plain, indent=1, default=str) + "\n")
    return write_page(folder / f"{shown.day}.html", render(shown))
