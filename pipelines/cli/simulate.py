"""`placard simulate`: make a market, or one more day of it."""

from __future__ import annotations

import typer

from pipelines.cli.output import emit, guarded, people


@guarded
def simulate(
    days: int = typer.Option(14, min=1, help="Days to make."),
    start: str = typer.Option("", help="First day, YYYY-MM-DD; default: so that the last day is yesterday."),
    users: int = typer.Option(20_000, help="People who appear within the horizon."),
    creatives: int = typer.Option(2_000, help="Ads that appear within the horizon."),
    impressions: int = typer.Option(300_000, min=100, help="Impressions over all days, about."),
    seed: int = typer.Option(7, help="The market is a function of its options and this."),
    images: bool = typer.Option(True, help="Draw each creative's picture."),
    partition: str = typer.Option("", help="Make this one day of the market that the state folder holds."),
    as_json: bool = typer.Option(False, "--json", help="One JSON object."),
) -> None:
    """Simulate a market with known truth: event logs, a catalogue, and (apart) the truth."""
    from rich.progress import Progress

    from feature_repo.sources import parse_day
    from pipelines.market.config import MarketConfig
    from pipelines.market.simulate import default_start, simulate, simulate_day
    from serving.settings import load

    home = load().home
    if partition:
        reports = [simulate_day(home, parse_day(partition))]
    else:
        config = MarketConfig(
            seed=seed, start=str(parse_day(start) if start else default_start(days)), users=users, creatives=creatives,
            impressions_per_day=impressions // days, horizon_days=max(days + 30, 90), images=images,
        )  # fmt: skip
        with Progress(console=people, transient=True) as bar:
            task = bar.add_task("simulating", total=days)
            reports = simulate(home, config, days, lambda r: bar.update(task, advance=1, description=f"simulated {r.day}"))
    shown, clicks = sum(r.impressions for r in reports), sum(r.clicks for r in reports)
    result = {
        "first": reports[0].day, "last": reports[-1].day, "days": len(reports), "requests": sum(r.requests for r in reports),
        "impressions": shown, "clicks": clicks, "ctr": clicks / max(shown, 1),
        "conversions": sum(r.conversions for r in reports), "new_users": sum(r.new_users for r in reports),
        "new_creatives": sum(r.new_creatives for r in reports), "home": home.root,
    }  # fmt: skip
    emit(
        result,
        as_json,
        f"{shown:,} shown, {clicks:,} clicks ({result['ctr']:.2%}), {reports[0].day} to {reports[-1].day}, in {home.root}",
    )


def register(app: typer.Typer) -> None:
    app.command("simulate")(simulate)
