"""`placard plan`: from users and traffic to a configuration, and where a key lies in it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.cli import arguments
from pipelines.cli.options import Json, example
from pipelines.cli.output import emit, prepared, tell

if TYPE_CHECKING:
    from pipelines.planning.plan import CapacityPlan
    from serving.settings import Settings

PLAN = example("placard plan --users 2e9 --qps 1e6 --p99-ms 100 --regions eu=30,us=50,asia=20", "placard plan where user-7 --region eu")
group = typer.Typer(epilog=PLAN, help="Plan shards, tiers, servers and their settings for so many users and requests; where a key lies.")
Name = Annotated[str, typer.Option("--name", metavar="NAME", help="The plan's name: its folder under PLACARD_HOME/plans.")]


@group.callback(invoke_without_command=True)
@prepared
def plan(
    settings: Settings,
    context: typer.Context,
    users: Annotated[int, typer.Option("--users", parser=arguments.count, metavar="N", help="People; 2e9 is read too.")] = 1_000_000,
    qps: Annotated[float, typer.Option("--qps", help="Requests a second of all regions in the busiest hour.")] = 100.0,
    p99_ms: Annotated[float, typer.Option("--p99-ms", help="Latency that 99 of 100 requests keep.")] = 100.0,
    regions: Annotated[str, typer.Option("--regions", metavar="NAME=PERCENT,...", help="Shares of users and traffic.")] = "all=100",
    users_per_shard: Annotated[
        int, typer.Option("--users-per-shard", parser=arguments.count, metavar="N", help="Users of a shard, before growth.")
    ] = 10_000_000,
    ads: Annotated[int, typer.Option("--ads", parser=arguments.count, metavar="N", help="Ads of the catalogue.")] = 1_000_000,
    hot_hours: Annotated[int, typer.Option("--hot-hours", help="How long memory keeps.")] = 24,
    warm_days: Annotated[int, typer.Option("--warm-days", help="How long disks keep.")] = 30,
    cold_days: Annotated[int, typer.Option("--cold-days", help="How long object storage keeps.")] = 365,
    prices: Annotated[Path | None, typer.Option("--prices", help="A price file: prices.toml of any plan, changed.")] = None,
    worker_qps: Annotated[
        float | None, typer.Option("--worker-qps", help="Requests a second of a serving process; default: see --bench.")
    ] = None,
    bench: Annotated[
        Path | None, typer.Option("--bench", help="What `placard bench serve --json` printed, for the rate; default: a rate of our own.")
    ] = None,
    measure: Annotated[bool, typer.Option("--measure", help="Row sizes of this state folder, in place of the demo's.")] = False,
    name: Name = "default",
    as_json: Json = False,
) -> None:  # fmt: skip
    """Plan shards, tiers, servers and their settings for so many users and requests.

    Writes plan.json, plan.html, Helm values by region, Redis and PostgreSQL settings and the serving settings.
    """
    if context.invoked_subcommand is not None:
        return
    from pipelines.planning.demand import Demand, read_regions
    from pipelines.planning.kept import write
    from pipelines.planning.plan import plan as made
    from pipelines.planning.prices import EXAMPLE, read_prices
    from pipelines.planning.rate import rate
    from pipelines.planning.row_sizes import ON_THE_DEMO, measured

    demand = Demand(users, qps, p99_ms, read_regions(regions), users_per_shard, ads, hot_hours, warm_days, cold_days)
    measured_rate, rate_from = rate(worker_qps, bench)
    costs = read_prices(prices) if prices else EXAMPLE
    sizes = measured(settings.home) if measure else ON_THE_DEMO
    found = made(demand, measured_rate, rate_from, name, costs, sizes, settings)
    page = write(settings.home, found)
    if prices is None:
        tell("[yellow]Prices are round figures to try the planner with[/]; give your own with --prices.")
    emit({**found.plain, "page": page}, as_json, [*_lines(found), f"report: {page}"])


def _lines(plan: CapacityPlan) -> list[str]:
    money = plan.prices.currency
    out = [
        f"{plan.sharding.shards:,} shards, up to {plan.sharding.virtual_nodes:,} virtual nodes each; {plan.servers:,} machines of "
        f"{plan.server_qps:,.4g} requests/s; {money} {plan.cost_a_month:,.0f} a month, {plan.cost_a_million:,.2f} a million requests "
        f"({plan.serving_a_million:,.2f} for servers and memory)"
    ]
    for shards, servers in zip(plan.sharding.regions, plan.fleet, strict=True):
        out.append(
            f"  {shards.region}: {shards.shards:,} shards, the fullest {shards.measured:.3f} times the mean; {servers.servers:,} machines; "
            f"{shards.moved:.2%} of keys move for {shards.added:,} shards more"
        )
    out.append("  " + ", ".join(f"{stage} {ms:g} ms" for stage, ms in plan.stage_ms.items()))
    return out


@group.command("where", epilog=example("placard plan where user-7 --region eu"))
@prepared
def where(
    settings: Settings,
    key: Annotated[str, typer.Argument(metavar="KEY", help="A user's id.")],
    region: Annotated[str | None, typer.Option("--region", metavar="NAME", help="Only this region; default: each of the plan's.")] = None,
    name: Name = "default",
    as_json: Json = False,
) -> None:  # fmt: skip
    """Which shard of a plan holds a key."""
    from pipelines.planning.kept import read

    sharding = read(settings.home, name).sharding
    asked = [region] if region else [r.region for r in sharding.regions]
    places = {one: sharding.ring(one).place(key) for one in asked}
    emit({"key": key, "shards": places}, as_json, [f"{one}: {shard}" for one, shard in places.items()])


@group.command("simulate", epilog=example("placard plan simulate --json"))
@prepared
def simulate(
    settings: Settings,
    name: Name = "default",
    seed: Annotated[int, typer.Option("--seed", min=0, max=2**32 - 1, help="Of arrivals and service times.")] = 7,
    against_real: Annotated[
        bool, typer.Option("--against-real", help="Also measure a real server here at 30, 60 and 90 % load, and use its service times.")
    ] = False,
    as_json: Json = False,
) -> None:  # fmt: skip
    """A machine of a plan through a day, a failed region, a cache flush, a slow shard and a burst: latency, share without ads, recovery."""
    from pipelines.bench.serving.simulated import compare
    from pipelines.planning.kept import folder, read
    from pipelines.planning.simulation.simulation import figures, machine_of, render, run
    from pipelines.reporting.figure import report
    from pipelines.reporting.page import write_page

    plan = read(settings.home, name)
    times, real = compare(tell) if against_real else (None, [])
    machine = machine_of(plan, settings, times)
    outcomes = run(plan, machine, seed)
    page = write_page(folder(settings.home, name) / "simulation.html", render(plan, machine, outcomes))
    setup = {"plan": name, "seed": seed, "workers": machine.workers, "rate": machine.rate, "service_ms": machine.times.mean_ms}
    lines = []
    for o in outcomes:
        slow = "-" if o.p50_ms is None else f"{o.p50_ms:.1f} / {o.p99_ms:.1f}"
        after = "never" if o.recovery_s is None else f"{o.recovery_s:.0f} s"
        lines.append(f"{o.scenario:17} p50 / p99 {slow:>14} ms   without ads {o.shed:7.2%}   as before after {after}")
    lines += [f"{f.name}: {f.value:.3g} {f.unit} ({f.target}: {'holds' if f.holds else 'MISSED'})" for f in real if f.target]
    emit({**report("plan_simulate", setup, [*figures(plan, outcomes), *real]), "page": page}, as_json, [*lines, f"report: {page}"])


def register(app: typer.Typer) -> None:
    app.add_typer(group, name="plan")
