"""`placard ingest`: logs into the event tables, each row once."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from pipelines.cli.output import emit, guarded, people

if TYPE_CHECKING:
    from pipelines.ingest.collect import Ingested


def _lines(result: Ingested) -> list[str]:
    lines = [
        f"[bold]{result.source}[/]: {result.rows_in:,} rows in = {result.kept:,} kept + {result.quarantined:,} quarantined"
        f" + {result.duplicated:,} duplicated"
    ]
    if result.first_day:
        lines.append(f"days {result.first_day} to {result.last_day}")
    lines += [f"  + {rows:,} {table}" for table, rows in result.tables.items()]
    lines += [f"[yellow]quarantined[/] {f.quarantined:,} of {f.file}: {f.quarantine}" for f in result.files if f.quarantine]
    return lines


@guarded
def ingest(
    source: str = typer.Argument(..., help="A log format (talkingdata FILE, open-bandit DIR, landing-pages FILE), or serving, or day."),
    path: Path | None = typer.Argument(None, help="The log, for a log format."),
    partition: str = typer.Option("", "--partition", help="The day to collect, YYYY-MM-DD, for serving and day."),
    as_json: bool = typer.Option(False, "--json", help="One JSON object."),
) -> None:
    """Map a log to the event tables: raw copy kept, malformed rows quarantined, every row landed once.

    `serving` imports a day of decisions and events that were served; `day` collects a day from every source in the settings.
    """
    from feature_repo.days import parse_day
    from pipelines.ingest import format_named
    from pipelines.ingest.format import IngestError
    from serving.settings import load

    settings = load()
    if source in ("serving", "day"):
        if not partition:
            raise IngestError("option --partition", partition, f"`placard ingest {source}` needs a day: --partition YYYY-MM-DD.")
        if path is not None:
            raise IngestError("argument", str(path), f"`placard ingest {source}` reads no file; name the day with --partition.")
        from pipelines.ingest.day import collect_day

        collected = collect_day(settings, parse_day(partition), ("serving",) if source == "serving" else settings.ingest.sources)
        lines = [line for c in collected for line in (_lines(c.ingested) if c.ingested else [f"[bold]{c.source}[/]: {c.outcome}"])]
        if source == "serving":
            only = collected[0]
            emit({"outcome": only.outcome, **(asdict(only.ingested) if only.ingested else {})}, as_json, lines)
        else:
            totals = {n: sum(getattr(c.ingested, n) for c in collected if c.ingested) for n in COUNTS}
            emit({"partition": partition, **totals, "sources": [asdict(c) for c in collected]}, as_json, lines)
        return
    log = format_named(source)
    if path is None:
        raise IngestError("argument PATH", "", f"Name the log: `placard ingest {source} PATH`.")
    if partition:
        raise IngestError("option --partition", partition, f"`placard ingest {source}` reads the whole log; leave the option out.")
    from pipelines.ingest.collect import ingest as run

    with people.status(f"Reading {path}") as status:
        result = run(settings.home, log, path, lambda file, rows: status.update(f"{file}: {rows:,} rows read"))
    emit(asdict(result), as_json, _lines(result))


COUNTS = ("rows_in", "kept", "quarantined", "duplicated")


def register(app: typer.Typer) -> None:
    app.command("ingest")(ingest)
