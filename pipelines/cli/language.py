"""`placard language`: learn the words that people search with."""

from __future__ import annotations

import typer

from pipelines.cli.output import emit, guarded

group = typer.Typer(no_args_is_help=True, help="The models of search: what queries mean, and texts as vectors.")


@group.command("train")
@guarded
def train(
    partition: str = typer.Option(..., "--partition", help="Day up to whose end searches are learned from, YYYY-MM-DD."),
    alias: str = typer.Option("challenger", help="challenger, or champion: serve what passes its gates."),
    as_json: bool = typer.Option(False, "--json", help="One JSON object."),
) -> None:
    """Learn the language model and the text encoder, measure them on later searches, register what passes (exit 3 when one does not).

    A new encoder serves from the next publication on: ads and queries must be encoded by the same.
    """
    from feature_repo.days import parse_day
    from pipelines.errors import PipelineError
    from pipelines.language.train import register as add
    from pipelines.language.train import train as learn
    from serving.settings import load

    if alias not in ("challenger", "champion"):
        raise PipelineError("alias", alias, "Use challenger or champion.")
    settings, day = load(), parse_day(partition)
    learned = learn(settings, day)
    versions = [add(settings, one, alias, day) for one in learned]
    lines = [
        f"{one.head} {version.version} is @{alias}: " + ", ".join(f"{name} {value:.4g}" for name, value in one.metrics.items())
        for one, version in zip(learned, versions, strict=True)
    ]
    emit({"day": day, "registered": versions}, as_json, lines)


def register(app: typer.Typer) -> None:
    app.add_typer(group, name="language")
