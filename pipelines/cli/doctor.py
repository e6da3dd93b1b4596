"""`placard doctor`: what is wrong here, and what to do about it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from pipelines.cli.options import Json, example
from pipelines.cli.output import emit, prepared

if TYPE_CHECKING:
    from serving.settings import Settings

MARKS = {"ok": "[green]ok  [/]", "warn": "[yellow]warn[/]", "bad": "[red]bad [/]"}


@prepared
def doctor(settings: Settings, as_json: Json = False) -> None:
    """Check versions, ports, disk, the state folder, stores, fresh features, models and the catalogue. Exit 4 when one is bad."""
    from rich.markup import escape

    from pipelines.operations.doctor import examine
    from pipelines.operations.extras import absent

    checks = list(examine(settings))
    if not absent("serving"):
        from pipelines.operations.doctor_models import examine_models
        from pipelines.operations.doctor_stores import examine_stores

        checks += [*examine_stores(settings), *examine_models(settings)]
    if not absent("platform"):
        from pipelines.features.doctor_days import days
        from pipelines.features.doctor_logs import logs

        checks += [logs(settings), days(settings)]
    lines = [f"{MARKS[c.verdict]} {c.name:12} {escape(c.seen)}{f'  → {escape(c.fix)}' if c.fix else ''}" for c in checks]
    emit({"checks": checks, "healthy": all(c.verdict != "bad" for c in checks)}, as_json, lines)
    if any(c.verdict == "bad" for c in checks):
        raise SystemExit(4)


def register(app: typer.Typer) -> None:
    app.command("doctor", epilog=example("placard doctor"))(doctor)
