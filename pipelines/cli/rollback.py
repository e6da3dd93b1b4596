"""`placard rollback`: the champion before comes back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from pipelines.cli.options import Json, RegisteredHead, Why, example
from pipelines.cli.output import emit, prepared

if TYPE_CHECKING:
    from serving.settings import Settings


@prepared
def rollback(settings: Settings, head: RegisteredHead, why: Why = "rolled back", as_json: Json = False) -> None:
    """Bring the previous champion back."""
    from pipelines.registry.roles import rollback as bring_back

    change = bring_back(settings, head, why)
    emit({"change": change}, as_json, f"{head}: champion {change.before} → {change.version}")


def register(app: typer.Typer) -> None:
    app.command("rollback", epilog=example('placard rollback click --why "clicks fell"'))(rollback)
