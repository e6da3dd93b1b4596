"""`placard simulate`: make a market, or one more day of it."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipelines.cli import arguments
from pipelines.cli.options import MOST_DAYS, Json, SomeCreatives, SomeDay, SomeImpressions, SomeUsers, example
from pipelines.cli.output import emit, people, prepared

if TYPE_CHECKING:
    from serving.settings import Settings


@prepared
def simulate(
    settings: Settings,
    days: Annotated[int, typer.Option("--days", min=1, max=MOST_DAYS, help="Days to make, from the market's first.")] = 14,
    start: Annotated[
        date | None,
        typer.Option(
            "--start", parser=arguments.day, metavar="DAY",
            help="First day, YYYY-MM-DD; default: the folder's market's, else so that the last day is yesterday.",
        ),
    ] = None,
    users: SomeUsers = None,
    creatives: SomeCreatives = None,
    impressions: SomeImpressions = None,
    seed: Annotated[
        int | None, typer.Option("--seed", min=0, max=2**63 - 1, help="The market is a function of its options and this.")
    ] = None,
    images: Annotated[bool | None, typer.Option("--images/--no-images", help="Draw each creative's picture.")] = None,
    day: SomeDay = None,
    as_json: Json = False,
) -> None:  # fmt: skip
    """Simulate a market with known truth: event logs, a catalogue, and (apart) the truth.

    A state folder holds one market; run again, it makes the same days to the byte, and more of them with a larger --days. Where nothing
    is said, the market is the folder's, else one of 10,000 people, 1,000 ads, 300,000 impressions and seed 7, with pictures. With
    --partition: only that day of the folder's market is made.
    """
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from pipelines.errors import PipelineError
    from pipelines.simulator.config import MarketConfig, load, path
    from pipelines.simulator.simulate import DayReport, SimulationReport, default_start, simulate_day
    from pipelines.simulator.simulate import simulate as make

    home = settings.home
    given: dict[str, Any] = {
        "seed": seed, "start": str(start) if start else None, "users": users, "creatives": creatives,
        "impressions_per_day": None if impressions is None else impressions // days, "images": images,
    }  # fmt: skip
    given = {name: value for name, value in given.items() if value is not None}
    if day:
        if given:
            raise PipelineError("option", ", ".join(given), "--partition makes a day of the market that exists; leave these out.")
        report = SimulationReport((simulate_day(home, day),))
    else:
        if path(home).exists():
            existing = load(home)
            config = MarketConfig(**{**{f: getattr(existing, f) for f in existing.__dataclass_fields__}, **given})
        else:
            given.setdefault("start", str(default_start(days)))
            given.setdefault("impressions_per_day", 300_000 // days)
            config = MarketConfig(horizon_days=max(days + 30, 90), **given)
        columns = (
            TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[shown]:,} shown"),
            TimeRemainingColumn(),
        )  # fmt: skip
        with Progress(*columns, console=people, transient=True) as bar:
            task, shown = bar.add_task("drawing the world", total=days, shown=0), 0

            def done(made: DayReport) -> None:
                nonlocal shown
                shown += made.impressions
                bar.update(task, advance=1, description=f"simulated {made.day}", shown=shown)

            report = make(home, config, days, done)
    first, last = report.days[0].day, report.days[-1].day
    result = {
        "first": first, "last": last, "days": len(report.days), "requests": sum(d.requests for d in report.days),
        "impressions": report.impressions, "clicks": report.clicks, "ctr": report.ctr,
        "conversions": sum(d.conversions for d in report.days), "new_users": sum(d.new_users for d in report.days),
        "new_creatives": sum(d.new_creatives for d in report.days), "home": home.root,
    }  # fmt: skip
    emit(
        result,
        as_json,
        f"{report.impressions:,} shown, {report.clicks:,} clicks ({report.ctr:.2%}), {first} to {last}, in {home.root}",
    )


def register(app: typer.Typer) -> None:
    app.command("simulate", epilog=example("placard simulate --days 10 --users 3000 --creatives 1200 --impressions 160000"))(simulate)
