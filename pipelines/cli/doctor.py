"""`placard doctor`: what is wrong here, and what to do about it."""

from __future__ import annotations

import typer

from pipelines.cli.output import emit, guarded

MARKS = {"ok": "[green]ok  [/]", "warn": "[yellow]warn[/]", "bad": "[red]bad [/]"}


@guarded
def doctor(as_json: bool = typer.Option(False, "--json", help="One JSON object.")) -> None:
    """Check versions, ports, disk, the state folder, stores and fresh features. Exit 4 when one is bad."""
    from rich.markup import escape

    from pipelines.operations.doctor import examine
    from pipelines.operations.extras import absent
    from serving.settings import load

    settings = load()
    checks = list(examine(settings))
    if not absent("serving"):
        from pipelines.operations.doctor_stores import examine_stores

        checks += examine_stores(settings)
    lines = [f"{MARKS[c.verdict]} {c.name:12} {escape(c.seen)}{f'  → {escape(c.fix)}' if c.fix else ''}" for c in checks]
    emit({"checks": checks, "healthy": all(c.verdict != "bad" for c in checks)}, as_json, lines)
    if any(c.verdict == "bad" for c in checks):
        raise SystemExit(4)


def register(app: typer.Typer) -> None:
    app.command("doctor")(doctor)
