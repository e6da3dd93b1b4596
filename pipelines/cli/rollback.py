"""`placard rollback`: the champion before comes back."""

from __future__ import annotations

import typer

from pipelines.cli.output import emit, guarded


@guarded
def rollback(
    head: str = typer.Argument(..., help="click, conversion, language or encoder."),
    why: str = typer.Option("rolled back", help="For the history."),
    as_json: bool = typer.Option(False, "--json", help="One JSON object."),
) -> None:
    """Bring the previous champion back."""
    from pipelines.registry.roles import rollback as bring_back
    from serving.settings import load

    change = bring_back(load(), head, why)
    emit({"change": change}, as_json, f"{head}: champion {change.before} → {change.version}")


def register(app: typer.Typer) -> None:
    app.command("rollback")(rollback)
