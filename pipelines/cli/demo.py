"""`placard demo`: raw ad logs in, a priced and explained ad out, in one sitting."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.cli.options import Creatives, Impressions, Json, Users, example
from pipelines.cli.output import emit, people, prepared

if TYPE_CHECKING:
    from serving.settings import Settings


@prepared
def demo(
    settings: Settings,
    users: Users = 10_000,
    creatives: Creatives = 1_000,
    impressions: Impressions = 300_000,
    keep: Annotated[bool, typer.Option("--keep", help="Leave the API running.")] = False,
    scheduler: Annotated[
        bool,
        typer.Option("--scheduler/--no-scheduler", help="Run the last day under the real Airflow scheduler, or call its verbs directly."),
    ] = True,
    as_json: Json = False,
) -> None:
    """Simulate two weeks, build, train, promote, serve, explain: the whole loop.

    Run again with the same options on the same day, it goes on where it stopped.
    """
    from datetime import UTC, datetime

    from pipelines.demo.story import Size, Story
    from pipelines.demo.tour import Tour
    from pipelines.errors import PipelineError

    for option, value, least in (("--users", users, 100), ("--creatives", creatives, 50), ("--impressions", impressions, 5_000)):
        if value < least:
            raise PipelineError(option, value, f"The demo needs at least {least:,}: of less, rankers learn nothing.")
    size = Size(users=users, creatives=creatives, impressions=impressions)
    with Tour(people) as tour:
        outcome = Story(settings, size, datetime.now(UTC).date(), keep=keep, scheduler=scheduler, tour=tour).tell()
    emit({"name": "demo", "outcome": outcome}, as_json, outcome.lines)


def register(app: typer.Typer) -> None:
    app.command("demo", epilog=example("placard demo --users 2500 --creatives 300 --impressions 80000"))(demo)
