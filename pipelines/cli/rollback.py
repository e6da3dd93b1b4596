"""`placard rollback`: the champion is removed, and the one before in good standing comes back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.cli.options import Json, RegisteredHead, Why, example
from pipelines.cli.output import emit, prepared

if TYPE_CHECKING:
    from serving.settings import Settings


@prepared
def rollback(
    settings: Settings,
    head: RegisteredHead,
    version: Annotated[str, typer.Argument(help="The version that must go; default: the champion. Done again, nothing more happens.")] = "",
    why: Why = "rolled back",
    as_json: Json = False,
) -> None:
    """Remove the champion: the version that served last in good standing comes back. What was removed is refused until
    `placard registry admit` lets it in again."""
    from pipelines.registry.refusal import rollback as bring_back

    change = bring_back(settings, head, why, version)
    emit({"change": change}, as_json, f"{head}: champion {change.before} → {change.version}")


def register(app: typer.Typer) -> None:
    app.command("rollback", epilog=example('placard rollback click --why "clicks fell"', "placard rollback click 7"))(rollback)
