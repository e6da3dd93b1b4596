"""`placard config`: every setting, its value and where that value comes from."""

from __future__ import annotations

import typer

from pipelines.cli.options import Json, example
from pipelines.cli.output import emit, guarded

EXAMPLE = example("placard config show")
group = typer.Typer(no_args_is_help=True, epilog=EXAMPLE, help="Show the configuration.")


@group.command("show", epilog=EXAMPLE)
@guarded
def show(as_json: Json = False) -> None:
    """Every setting with its value, its origin and its meaning."""
    from rich.markup import escape

    from serving.settings import origins

    rows = origins()
    emit(
        {"settings": rows},
        as_json,
        [f"[bold]{r.name}[/] = {escape(r.value)}  [dim]{escape(r.origin)}[/]\n    {escape(r.meaning)}" for r in rows],
    )


def register(app: typer.Typer) -> None:
    app.add_typer(group, name="config")
