"""`placard eventlog`: what was served, a day as files, and days that are kept no longer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from pipelines.cli.options import Day, Json, example
from pipelines.cli.output import emit, prepared

if TYPE_CHECKING:
    from serving.settings import Settings

group = typer.Typer(
    no_args_is_help=True,
    help="What was served: export a day, and remove days that are kept no longer.",
    epilog=example("placard eventlog export --partition 2026-01-31", "placard eventlog trim"),
    rich_markup_mode=None,
)


@group.command("export", epilog=example("placard eventlog export --partition 2026-01-31"))
@prepared
def export(settings: Settings, day: Day, as_json: Json = False) -> None:
    """Write a day's decisions and events as JSON lines, under eventlog_exports/ of the state folder."""
    from dataclasses import asdict
    from datetime import UTC, datetime

    from pipelines.served.log_export import export_day
    from serving.eventlog.opening import served_log

    with served_log(settings) as log:
        folder, counts = export_day(settings.home, log, day, datetime.now(UTC).date())
    said = f"{counts.decisions:,} decisions, {counts.events:,} events and {counts.late:,} late events of {day} are in {folder}"
    emit({"day": day, "folder": folder, **asdict(counts)}, as_json, said)


@group.command("trim", epilog=example("placard eventlog trim"))
@prepared
def trim(settings: Settings, as_json: Json = False) -> None:
    """Export the days that are older than the setting eventlog_days, where they are not exported yet, then remove them.

    SQLite keeps the room for what comes: the file stops growing, and does not shrink.
    """
    from datetime import UTC, datetime

    from pipelines.served.log_export import trim_log
    from serving.eventlog.opening import served_log

    with served_log(settings) as log:
        days, removed = trim_log(settings.home, log, settings.eventlog.eventlog_days, datetime.now(UTC).date())
    said = f"{removed:,} decisions and events of {len(days)} days are removed" if days else "nothing is older than what is kept"
    emit({"days": days, "removed": removed, "kept_days": settings.eventlog.eventlog_days}, as_json, said)


def register(app: typer.Typer) -> None:
    app.add_typer(group, name="eventlog")
