"""`placard simulate`: make a market, or one more day of it."""

from __future__ import annotations

from typing import Any

import typer

from pipelines.cli.output import emit, guarded, people


@guarded
def simulate(
    days: int = typer.Option(14, min=1, help="Days to make, from the market's first."),
    start: str = typer.Option("", help="First day, YYYY-MM-DD; default: the folder's market's, else so that the last day is yesterday."),
    users: int = typer.Option(None, help="People who appear within the horizon.", show_default="10000"),
    creatives: int = typer.Option(None, help="Ads that appear within the horizon.", show_default="1000"),
    impressions: int = typer.Option(None, min=100, help="Impressions over all days, about.", show_default="300000"),
    seed: int = typer.Option(None, help="The market is a function of its options and this.", show_default="7"),
    images: bool = typer.Option(None, "--images/--no-images", help="Draw each creative's picture.", show_default="images"),
    partition: str = typer.Option("", help="Make this one day, YYYY-MM-DD, of the market that the state folder holds."),
    as_json: bool = typer.Option(False, "--json", help="One JSON object."),
) -> None:
    """Simulate a market with known truth: event logs, a catalogue, and (apart) the truth.

    A state folder holds one market; run again, it makes the same days to the byte, and more of them with a larger --days.
    """
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from feature_repo.days import parse_day
    from pipelines.errors import PipelineError
    from pipelines.simulator.config import MarketConfig, load, path
    from pipelines.simulator.simulate import DayReport, SimulationReport, default_start, simulate, simulate_day
    from serving.settings import load as settings

    home = settings().home
    given: dict[str, Any] = {
        "seed": seed, "start": str(parse_day(start)) if start else None, "users": users, "creatives": creatives,
        "impressions_per_day": None if impressions is None else impressions // days, "images": images,
    }  # fmt: skip
    given = {name: value for name, value in given.items() if value is not None}
    if partition:
        if given:
            raise PipelineError("option", ", ".join(given), "--partition makes a day of the market that exists; leave these out.")
        report = SimulationReport((simulate_day(home, parse_day(partition)),))
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

            def done(day: DayReport) -> None:
                nonlocal shown
                shown += day.impressions
                bar.update(task, advance=1, description=f"simulated {day.day}", shown=shown)

            report = simulate(home, config, days, done)
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
    app.command("simulate")(simulate)
