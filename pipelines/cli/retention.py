"""`placard retention`: old days move to the cold tier, and one comes back."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.cli import arguments
from pipelines.cli.options import Day, Json, example
from pipelines.cli.output import emit, prepared
from pipelines.errors import PipelineError

if TYPE_CHECKING:
    from pipelines.warehouse.retention import Retention
    from serving.settings import Settings

ABANDONED_SECONDS = 24 * 3600
"""A part that is older has no writer any more: no task may take so long."""
RUN = example("placard retention run --partition 2026-01-31", "placard retention restore --partition 2025-11-02")
group = typer.Typer(
    no_args_is_help=True, epilog=RUN, help="Days of events, features and training sets: move old ones to the cold tier, bring one back."
)


def _tiers(settings: Settings) -> Retention:
    from pathlib import Path

    from pipelines.warehouse.retention import Retention

    kept = settings.retention
    cold = Path(kept.cold_path).absolute() if kept.cold_path else settings.home.root / "cold"
    return Retention(settings.home, cold, kept.warm_days, kept.cold_days, settings.training.history_days)


@group.command("run", epilog=example("placard retention run --partition 2026-01-31"))
@prepared
def run(settings: Settings, day: Day, as_json: Json = False) -> None:
    """Move days that are older than the setting warm_days, counted from the partition, and remove those older than cold_days.

    Days that were brought back stay until their time is over. What killed processes left half written, and nobody has written to for a day,
    is removed. Safe to run again, and after a kill.
    """
    import time
    from dataclasses import asdict

    from feature_repo.whole_file import remove_abandoned
    from pipelines.warehouse.retention import run

    tiers, before = _tiers(settings), time.time() - ABANDONED_SECONDS
    done, roots = run(tiers, day), {settings.home.root, tiers.cold}
    left = sorted({str(path) for root in roots for path in remove_abandoned(root, before)})
    said = (
        f"{len(done.moved)} partitions moved, {len(done.expired)} removed for good, {len(done.kept)} kept as they were brought back, "
        f"{len(left)} half-written files and folders of killed processes removed"
    )
    emit({"partition": day, **asdict(done), "abandoned": left}, as_json, said)


@group.command(
    "restore",
    epilog=example(
        "placard retention restore --partition 2025-11-02", "placard retention restore --since 2025-10-01 --partition 2025-10-31"
    ),
)
@prepared
def restore(
    settings: Settings,
    day: Day,
    since: Annotated[
        date | None,
        typer.Option("--since", parser=arguments.any_day, metavar="DAY", help="Also every day from this one to the partition."),
    ] = None,
    stays: Annotated[int, typer.Option("--days", min=1, max=3660, help="How many days it stays, from today.")] = 7,
    as_json: Json = False,
) -> None:
    """Bring partitions of a day, or of several, back, checked against their hashes; the cold copies stay."""
    from feature_repo.days import days_between, today
    from pipelines.warehouse.retention import restore

    if since is not None and since > day:
        raise PipelineError("since", str(since), f"It lies after the partition, {day}.")
    brought = restore(_tiers(settings), [*days_between(since or day, day)], today(), stays)
    named = f"{since} to {day}" if since else str(day)
    said = f"{len(brought)} partitions of {named} are back for {stays} days" if brought else f"{named} was there already"
    emit({"partition": day, "since": since or day, "brought": brought, "days": stays}, as_json, said)


@group.command("list", epilog=example("placard retention list"))
@prepared
def listed(settings: Settings, as_json: Json = False) -> None:
    """Every day, and in which tier its partitions lie."""
    from dataclasses import asdict

    from pipelines.warehouse.retention import listed

    days = listed(_tiers(settings))
    lines = [f"{d.day}  warm {d.warm:3} ({d.warm_bytes / 1e6:,.1f} MB)  cold {d.cold:3} ({d.cold_bytes / 1e6:,.1f} MB)" for d in days]
    emit({"days": [asdict(d) for d in days]}, as_json, lines or ["no day in either tier"])


def register(app: typer.Typer) -> None:
    app.add_typer(group, name="retention")
