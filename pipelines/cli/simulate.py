"""`placard simulate`: make a market, or one more day of it."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from pipelines.cli import arguments
from pipelines.cli.options import MOST_DAYS, Json, Ranker, SomeCreatives, SomeDay, SomeImpressions, SomeUsers, example
from pipelines.cli.output import emit, people, prepared, tell

if TYPE_CHECKING:
    from pipelines.closed_loop.arm_day import ArmDay
    from pipelines.simulator.config import MarketConfig
    from pipelines.simulator.simulate import DayReport, SimulationReport
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
    closed_loop: Annotated[
        bool,
        typer.Option(
            "--closed-loop",
            help="Serve --days days with the real engine after --warm-days that the simulator's own policy made: each day's log is"
            " learned from before the next.",
        ),
    ] = False,
    warm_days: Annotated[
        int, typer.Option("--warm-days", min=3, max=MOST_DAYS, help="Closed loop: days made before, in a folder without a market.")
    ] = 7,
    exploration: Annotated[
        str,
        typer.Option(
            "--exploration", parser=arguments.exploration, metavar="ON|OFF|BOTH",
            help="Closed loop: with explored slates (as many as the setting explore_share says), without, or each in an arm of its own.",
        ),
    ] = "both",
    ranker: Ranker = "xgboost",
    as_json: Json = False,
) -> None:  # fmt: skip
    """Simulate a market with known truth: event logs, a catalogue, and (apart) the truth.

    A state folder holds one market; run again, it makes the same days to the byte, and more of them with a larger --days. Where nothing
    is said, the market is the folder's, else one of 10,000 people, 1,000 ads, 300,000 impressions and seed 7, with pictures. With
    --partition: only that day of the folder's market is made. With --closed-loop: a report on every served day against the oracle; an
    interrupted run goes on where it stopped.
    """
    from pipelines.errors import PipelineError
    from pipelines.simulator.simulate import SimulationReport, simulate_day

    home = settings.home
    given: dict[str, Any] = {
        "seed": seed, "start": str(start) if start else None, "users": users, "creatives": creatives, "images": images,
        "impressions_per_day": None if impressions is None else impressions // (days + warm_days * closed_loop),
    }  # fmt: skip
    given = {name: value for name, value in given.items() if value is not None}
    if day:
        if given or closed_loop:
            said = ", ".join([*given, *(["closed-loop"] if closed_loop else [])])
            raise PipelineError("option", said, "--partition makes a day of the market that exists; leave these out.")
        report = SimulationReport((simulate_day(home, day),))
    elif closed_loop:
        from pipelines.closed_loop.loop import days_made

        warm_days = days_made(home) or warm_days
        config = _market(settings, given, days + warm_days)
        _loop(settings, config, warm_days, days, exploration, ranker, as_json)
        return
    else:
        report = _make(settings, _market(settings, given, days), days)
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


def _market(settings: Settings, given: dict[str, Any], days: int) -> MarketConfig:
    """The folder's market, but for what is given; a new one ends yesterday."""
    from pipelines.simulator.config import MarketConfig, load, path
    from pipelines.simulator.simulate import default_start

    if path(settings.home).exists():
        existing = load(settings.home)
        return MarketConfig(**{**{f: getattr(existing, f) for f in existing.__dataclass_fields__}, **given})
    given.setdefault("start", str(default_start(days)))
    given.setdefault("impressions_per_day", 300_000 // days)
    return MarketConfig(horizon_days=max(days + 30, 90), **given)


def _make(settings: Settings, config: MarketConfig, days: int) -> SimulationReport:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from pipelines.simulator.simulate import simulate as make

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

        return make(settings.home, config, days, done)


def _loop(settings: Settings, config: MarketConfig, warm_days: int, days: int, exploration: str, ranker: str, as_json: bool) -> None:
    from dataclasses import asdict

    from pipelines.closed_loop.loop import Loop
    from pipelines.closed_loop.report import figures, lines, write_picture
    from pipelines.reporting.figure import report

    loop = Loop(settings, config, warm_days, days, exploration, ranker)
    with people.status("The closed loop") as status:
        arms = loop.run(lambda word: status.update(word), lambda arm, day: tell(f"{arm} {day.day}: {_told(day)}"))
    plot = write_picture(settings.home, arms)
    setup = {
        "market": asdict(config), "warm_days": warm_days, "days": days, "explore_share": settings.delivery.explore_share, "ranker": ranker,
        "homes": {name: str(loop.home_of(name).root) for name in arms}, "picture": str(plot),
    }  # fmt: skip
    by_day = {name: [asdict(day) for day in done] for name, done in arms.items()}
    refused = [
        f"[yellow]{arm} {d.day}, {head} not promoted[/]: {escape(why)}"
        for arm, done in arms.items()
        for d in done
        for head, why in d.refused.items()
    ]
    emit({**report("closed_loop", setup, figures(arms)), "arms": by_day}, as_json, [*lines(arms), *refused, f"picture: {plot}"])


def _told(day: ArmDay) -> str:
    regret = "no regret known" if day.regret_share is None else f"regret {day.regret_share:.1%}"
    return f"{day.shown:,} ads shown, {day.events.get('click', 0)} clicks, {regret}, promoted: {', '.join(day.promoted) or 'nobody'}."


def register(app: typer.Typer) -> None:
    examples = (
        "placard simulate --days 10 --users 3000 --creatives 1200 --impressions 160000",
        "placard simulate --closed-loop --days 14 --users 800 --creatives 400 --impressions 168000 --no-images",
    )
    app.command("simulate", epilog=example(*examples))(simulate)
