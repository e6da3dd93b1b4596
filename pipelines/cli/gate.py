"""`placard gate`: each condition for serving, the champion's value, the candidate's, the verdict."""

from __future__ import annotations

import typer

from pipelines.cli.output import emit, guarded


@guarded
def gate(
    partition: str = typer.Option(..., "--partition", help="Day the candidate was trained on."),
    head: str = typer.Option("click", help="click or conversion."),
    ranker: str = typer.Option("xgboost", help="Which candidate."),
    as_json: bool = typer.Option(False, "--json", help="One JSON object."),
) -> None:
    """Show the gates of an evaluated candidate; exit 3 when one fails."""
    from feature_repo.days import parse_day
    from pipelines.cli.promote import gate_lines
    from pipelines.evaluate.assess import evidence_of
    from serving.settings import load

    verdicts = evidence_of(load().home, head, parse_day(partition), ranker).verdicts()
    passed = all(v.passed for v in verdicts)
    emit({"head": head, "passed": passed, "verdicts": verdicts}, as_json, gate_lines(verdicts))
    if not passed:
        raise SystemExit(3)


def register(app: typer.Typer) -> None:
    app.command("gate")(gate)
