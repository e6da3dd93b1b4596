"""`placard ingest`: logs into the event tables, each row once."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from pipelines.cli import arguments
from pipelines.cli.options import Json, SomeDay, example
from pipelines.cli.output import emit, people, prepared

if TYPE_CHECKING:
    from pipelines.ingest.collect import Ingested
    from serving.settings import Settings


def _lines(result: Ingested) -> list[str]:
    lines = [
        f"[bold]{escape(result.source)}[/]: {result.rows_in:,} rows in = {result.kept:,} kept + {result.quarantined:,} quarantined"
        f" + {result.duplicated:,} duplicated"
    ]
    if result.first_day:
        lines.append(f"days {result.first_day} to {result.last_day}")
    lines += [f"  + {rows:,} {table}" for table, rows in result.tables.items()]
    lines += [f"  {result.corrected:,} corrected; what stood before is under replaced/"] if result.corrected else []
    if result.alike:
        lines += [f"  {result.alike:,} duplicated rows came in files that are new here: {ALIKE}"]
    lines += [f"[yellow]quarantined[/] {f.quarantined:,} of {escape(f.file)}: {escape(f.quarantine)}" for f in result.files if f.quarantine]
    return lines


@prepared
def ingest(
    settings: Settings,
    source: Annotated[
        str,
        typer.Argument(
            parser=arguments.log_source, metavar="SOURCE",
            help="A log format (talkingdata FILE, open-bandit DIR, landing-pages FILE), or serving, or day.",
        ),
    ],
    paths: Annotated[
        list[Path] | None, typer.Argument(metavar="[PATH]...", help="The log, for a log format: all files of one delivery together.")
    ] = None,
    day: SomeDay = None,
    as_json: Json = False,
) -> None:  # fmt: skip
    """Map a log to the event tables: raw copy kept, malformed rows quarantined, every row landed once. Exit 3, with nothing landed, when
    more rows are malformed than the setting most_bad_share allows. Files that are named together are one delivery: of rows that are alike
    each counts, as in one file; those of another delivery are taken for the same ones, delivered again.

    `serving` imports a day of decisions and events that were served; `day` collects a day from every source in the settings, and exits with
    4 where the day has ended and inputs that its sources declare have not come: nothing can be built of it.
    """
    from pipelines.errors import Missing
    from pipelines.ingest import format_named
    from pipelines.ingest.format import IngestError

    if source in ("serving", "day"):
        if day is None:
            raise IngestError("option --partition", "", f"`placard ingest {source}` needs a day: --partition YYYY-MM-DD.")
        if paths:
            raise IngestError("argument", str(paths[0]), f"`placard ingest {source}` reads no file; name the day with --partition.")
        from pipelines.ingest.day import collect_day

        collected = collect_day(settings, day, ("serving",) if source == "serving" else settings.ingest.sources)
        lines = [line for c in collected for line in (_lines(c.ingested) if c.ingested else [f"[bold]{c.source}[/]: {escape(c.outcome)}"])]
        if source == "serving":
            only = collected[0]
            emit({"outcome": only.outcome, **(asdict(only.ingested) if only.ingested else {})}, as_json, lines)
        else:
            from pipelines.features.day_gate import nothing_to_build

            totals = {n: sum(getattr(c.ingested, n) for c in collected if c.ingested) for n in COUNTS}
            without = nothing_to_build(settings, day)
            emit({"partition": day, **totals, "lacking": without, "sources": [asdict(c) for c in collected]}, as_json, lines)
            if without:
                raise Missing(f"inputs of {day}", ", ".join(without), NOT_BUILT)
        return
    log = format_named(source)
    if not paths:
        raise IngestError("argument PATH", "", f"Name the log: `placard ingest {source} PATH`.")
    if day:
        raise IngestError("option --partition", str(day), f"`placard ingest {source}` reads the whole log; leave the option out.")
    for path in paths:
        if not _there(path):
            raise IngestError("log", str(path), "There is no such file or folder.")
    from pipelines.ingest.collect import ingest as run
    from pipelines.ingest.printable import printable

    with people.status(f"Reading {escape(printable(str(paths[0])))}") as status:
        bad = settings.ingest.most_bad_share
        result = run(settings.home, log, paths, lambda file, rows: status.update(f"{escape(file)}: {rows:,} rows read"), bad)
    emit(asdict(result), as_json, _lines(result))


def _there(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # a name that is too long, say
        return False


ALIKE = "rows that are alike count once over all deliveries; name the files of one delivery in one command"
COUNTS = ("rows_in", "kept", "quarantined", "duplicated")
NOT_BUILT = (
    "Nothing of the day can be built. A scheduler tries to collect it twice more, then leaves the day; the next one begins at midnight."
    " Once its logs are there, clear its task `ingest`: what follows runs as well."
)


def register(app: typer.Typer) -> None:
    app.command("ingest", epilog=example("placard ingest talkingdata train_sample.csv", "placard ingest day --partition 2026-01-31"))(
        ingest
    )
