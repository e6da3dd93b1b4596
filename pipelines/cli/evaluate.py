"""`placard evaluate`: metrics with intervals, slices, distance to truth, and a one-file report."""

from __future__ import annotations

import sys
import webbrowser
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.cli.options import Day, Head, Json, RankerOrAuto, example
from pipelines.cli.output import emit, prepared
from pipelines.reporting.figure import Figure, report

if TYPE_CHECKING:
    from serving.settings import Settings


@prepared
def evaluate(
    settings: Settings,
    day: Day,
    head: Head = "click",
    ranker: RankerOrAuto = "xgboost",
    show: Annotated[
        bool, typer.Option("--report", help="Print the place of the one-file report alone; at a terminal, also open it.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Evaluate a candidate on later rows beside the champion, the baseline and (on simulated logs) the truth.

    The day is the one that the candidate was trained on.
    """
    from pipelines.evaluate.assess import assess
    from pipelines.evaluate.contest import LEAST_GAP_CLOSED
    from pipelines.training.choice import named

    ranker = named(settings.home, head, day, ranker)
    done = assess(settings, head, day, ranker)
    e = done.evaluation
    figures = [Figure(name, value, "") for name, value in e.metrics.items()]
    for contender, by in e.intervals.items():
        for name, i in by.items():
            figures += [
                Figure(f"{contender}.{name}.low", i.low, ""),
                Figure(f"{contender}.{name}", i.value, ""),
                Figure(f"{contender}.{name}.high", i.high, ""),
            ]
    figures += [Figure(f"normalised_entropy_without_{name}", value, "") for name, value in e.without.items() if name]
    if e.gap_closed:
        closed = e.gap_closed[ranker]
        figures.append(Figure("ne_gap_closed", closed, "share", f"≥ {LEAST_GAP_CLOSED}", closed >= LEAST_GAP_CLOSED))
    setup = {"head": head, "day": day, "ranker": ranker, "test_rows": len(e.rows), "report": done.report, "passed": done.passed}
    figures = [Figure(f.name, None if f.value != f.value else f.value, f.unit, f.target, f.holds) for f in figures]
    lines = [f"{m}: {v:.4f}" for m, v in e.metrics.items()]
    if e.gap_closed:
        lines.append(f"NE gap to the truth closed: {e.gap_closed[ranker]:.1%}")
    emit(report("evaluate", setup, figures), as_json, str(done.report) if show else [*lines, f"report: {done.report}"])
    if show and not as_json and sys.stdout.isatty():
        webbrowser.open(done.report.resolve().as_uri())


def register(app: typer.Typer) -> None:
    app.command("evaluate", epilog=example("placard evaluate --partition 2026-01-31 --head click --report"))(evaluate)
