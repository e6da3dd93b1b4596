"""`placard evaluate`: metrics with intervals, slices, distance to truth, and a one-file report."""

from __future__ import annotations

import sys
import webbrowser

import typer

from pipelines.cli.output import emit, guarded
from pipelines.reporting.figure import Figure, report


@guarded
def evaluate(
    partition: str = typer.Option(..., "--partition", help="Day the candidate was trained on."),
    head: str = typer.Option("click", help="click or conversion."),
    ranker: str = typer.Option("xgboost", help="Which candidate."),
    show: bool = typer.Option(False, "--report", help="Print the place of the one-file report alone; at a terminal, also open it."),
    as_json: bool = typer.Option(False, "--json", help="One JSON object."),
) -> None:
    """Evaluate a candidate on later rows beside the champion, the baseline and (on simulated logs) the truth."""
    from feature_repo.days import parse_day
    from pipelines.evaluate.assess import assess
    from pipelines.evaluate.contest import LEAST_GAP_CLOSED
    from serving.settings import load

    settings, day = load(), parse_day(partition)
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
    app.command("evaluate")(evaluate)
