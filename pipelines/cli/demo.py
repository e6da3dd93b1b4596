"""`placard demo`: raw ad logs in, a priced and explained ad out, in one sitting."""

from __future__ import annotations

import typer

from pipelines.cli.output import emit, guarded, people


@guarded
def demo(
    users: int = typer.Option(10_000, min=100, help="Simulated users."),
    creatives: int = typer.Option(1_000, min=50, help="Simulated ads."),
    impressions: int = typer.Option(300_000, min=5_000, help="Simulated impressions over two weeks."),
    keep: bool = typer.Option(False, "--keep", help="Leave the API running."),
    scheduler: bool = typer.Option(True, help="Run the last day under the real Airflow scheduler, or call its verbs directly."),
    as_json: bool = typer.Option(False, "--json", help="One JSON object."),
) -> None:
    """Simulate two weeks, build, train, promote, serve, explain: the whole loop, at most 8 minutes."""
    from datetime import UTC, datetime

    from pipelines.demo.story import Size, story
    from pipelines.demo.tour import Tour
    from serving.settings import load

    settings = load()
    size = Size(users=users, creatives=creatives, impressions=impressions)
    with Tour(people) as tour:
        outcome = story(settings, size, datetime.now(UTC).date(), keep=keep, scheduler=scheduler, tour=tour)
    emit({"name": "demo", "outcome": outcome}, as_json, outcome.lines)


def register(app: typer.Typer) -> None:
    app.command("demo")(demo)
