"""`placard gate`: each condition for serving, the champion's value, the candidate's, the verdict."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from pipelines.cli.options import Day, Head, Json, RankerOrAuto, example
from pipelines.cli.output import emit, prepared

if TYPE_CHECKING:
    from serving.settings import Settings


@prepared
def gate(settings: Settings, day: Day, head: Head = "click", ranker: RankerOrAuto = "xgboost", as_json: Json = False) -> None:
    """Show the gates of an evaluated candidate; exit 3 when one fails. The day is the one that the candidate was trained on."""
    from pipelines.cli.promote import gate_lines
    from pipelines.evaluate.assess import evidence_of
    from pipelines.training.choice import named

    verdicts = evidence_of(settings.home, head, day, named(settings.home, head, day, ranker)).verdicts()
    passed = all(v.passed for v in verdicts)
    emit({"head": head, "passed": passed, "verdicts": verdicts}, as_json, gate_lines(verdicts))
    if not passed:
        raise SystemExit(3)


def register(app: typer.Typer) -> None:
    app.command("gate", epilog=example("placard gate --partition 2026-01-31 --head click"))(gate)
