"""`placard compare`: any two models on the same rows, paired."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.cli.options import Day, Head, Json, example
from pipelines.cli.output import emit, prepared
from pipelines.reporting.figure import Figure, report

if TYPE_CHECKING:
    from pipelines.evaluate.paired import Difference
    from pipelines.evaluate.paired_comparison import PairedComparison
    from serving.settings import Settings

Model = Annotated[str, typer.Argument(metavar="MODEL", help="A family with a candidate of the day, a registered version, or champion.")]


def _figures(d: Difference) -> list[Figure]:
    parts = {"first": d.first, "second": d.second, "difference": d.difference, "low": d.low, "high": d.high}
    return [Figure(f"{d.metric}.{name}", value, "") for name, value in parts.items()]


def _line(found: PairedComparison, d: Difference) -> str:
    if d.first is None or d.second is None:
        return f"{d.metric:20} is not defined on these rows"
    ahead = found.ahead(d)
    word = f"{ahead} is ahead" if ahead else "not told apart"
    return f"{d.metric:20} {d.first:.5f} {d.second:.5f}  {d.difference:+.5f}, {d.low:+.5f} to {d.high:+.5f}  {word}"


@prepared
def compare(settings: Settings, first: Model, second: Model, day: Day, head: Head = "click", as_json: Json = False) -> None:
    """Compare two models on the same rows, paired: each metric, the difference with its interval, and who is ahead beyond noise.

    On the test rows of the day's training set; a model that learned from them is refused (exit 3).
    """
    from rich.markup import escape

    from pipelines.evaluate.paired_comparison import compared

    found = compared(settings, head, day, first, second)
    setup = {
        "head": head, "day": day, "first": first, "second": second, "rows": found.rows, "positives": found.positives,
        "users": found.users, "ahead": {d.metric: found.ahead(d) for d in found.differences},
    }  # fmt: skip
    title = f"{head} on {found.rows:,} rows of {day} ({found.positives:,} positive, {found.users:,} users): {first}, {second}"
    lines = [escape(f"{title}; second minus first, 95 % interval"), *(escape(_line(found, d)) for d in found.differences)]
    emit(report("compare", setup, [f for d in found.differences for f in _figures(d)]), as_json, lines)


def register(app: typer.Typer) -> None:
    app.command("compare", epilog=example("placard compare xgboost champion --partition 2026-01-31"))(compare)
