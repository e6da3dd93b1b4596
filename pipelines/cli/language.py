"""`placard language`: learn the words that people search with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.cli import arguments
from pipelines.cli.options import Day, Json, example
from pipelines.cli.output import emit, prepared

if TYPE_CHECKING:
    from serving.settings import Settings

EXAMPLE = example("placard language train --partition 2026-01-31 --alias champion")
group = typer.Typer(no_args_is_help=True, epilog=EXAMPLE, help="The models of search: what queries mean, and texts as vectors.")


@group.command("train", epilog=EXAMPLE)
@prepared
def train(
    settings: Settings,
    day: Day,
    alias: Annotated[
        str,
        typer.Option(
            "--alias", parser=arguments.language_alias, metavar="ROLE", help="challenger, or champion: serve what passes its gates."
        ),
    ] = "challenger",
    as_json: Json = False,
) -> None:
    """Learn the language model and the text encoder, measure them on later searches, register what passes (exit 3 when one does not).

    Searches up to the day's end are learned from. The same searches teach the same version; a champion or challenger that learned from
    later days keeps its role. A new encoder serves from the next publication on: ads and queries must be encoded by
    the same.
    """
    from pipelines.language.train import register as add
    from pipelines.language.train import train as learn

    learned = learn(settings, day)
    versions = [add(settings, one, alias, day) for one in learned]
    lines = [
        f"{one.head} {version.version} is {f'@{alias}' if alias in version.aliases else f'registered; @{alias} stays where it is'}: "
        + ", ".join(f"{name} {value:.4g}" for name, value in one.metrics.items())
        for one, version in zip(learned, versions, strict=True)
    ]
    emit({"day": day, "registered": versions}, as_json, lines)


def register(app: typer.Typer) -> None:
    app.add_typer(group, name="language")
