"""`placard ingest`: logs into the event tables, each row once."""

from __future__ import annotations

from dataclasses import asdict
from glob import glob
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from pipelines.cli import arguments
from pipelines.cli.options import Json, SomeDay, example
from pipelines.cli.output import emit, people, prepared

if TYPE_CHECKING:
    from pipelines.ingest.collect import Ingested
    from pipelines.ingest.format import Format
    from pipelines.ingest.table.mapping import TableMapping
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
            help="A log format (talkingdata FILE, open-bandit DIR, landing-pages FILE), or table, or serving, or day.",
        ),
    ],
    paths: Annotated[
        list[Path] | None, typer.Argument(metavar="[PATH]...", help="The log, for a log format: all files of one delivery together.")
    ] = None,
    day: SomeDay = None,
    table: Annotated[
        str | None,
        typer.Option("--as", parser=arguments.mapped_table, metavar="TABLE", help="Of a table: what a row is, impressions or users, say."),
    ] = None,
    columns: Annotated[
        list[str] | None, typer.Option("--map", metavar="FIELD=COLUMN,...", help="Of a table: which column is what: user=member_id.")
    ] = None,
    constants: Annotated[
        list[str] | None, typer.Option("--set", metavar="FIELD=WORD,...", help="Of a table: fields that no column holds: surface=feed.")
    ] = None,
    mapping: Annotated[
        Path | None, typer.Option("--mapping", metavar="FILE", help="Of a table: all this and more, in YAML; with --guess, it is written.")
    ] = None,
    log: Annotated[
        str | None, typer.Option("--source", metavar="NAME", help="Of a table: the name of the log that it is part of; default: table.")
    ] = None,
    time: Annotated[
        str | None,
        typer.Option("--time", metavar="FORM", help="Of a table: iso, epoch_s, epoch_ms, epoch_us or a pattern; default: iso."),
    ] = None,
    zone: Annotated[
        str | None, typer.Option("--zone", metavar="ZONE", help="Of a table: of times without an offset: Europe/Berlin.")
    ] = None,
    guess: Annotated[bool, typer.Option("--guess", help="Of a table: look at the file and write a mapping to edit.")] = False,
    as_json: Json = False,
) -> None:  # fmt: skip
    """Map a log to the event tables: raw copy kept, malformed rows quarantined, every row landed once. Exit 3, with nothing landed, when
    more rows are malformed than the setting most_bad_share allows. Files that are named together are one delivery: of rows that are alike
    each counts, as in one file; those of another delivery are taken for the same ones, delivered again.

    `table` reads any delimited text, JSON lines or Parquet by a mapping: --as and --map, or --mapping FILE, which --guess writes.

    `serving` imports a day of decisions and events that were served; `day` collects a day from every source in the settings, and exits with
    4 where the day has ended and inputs that its sources declare have not come: nothing can be built of it.
    """
    from pipelines.errors import Missing
    from pipelines.ingest import format_named
    from pipelines.ingest.format import IngestError

    said = {"--as": table, "--map": columns, "--set": constants, "--mapping": mapping, "--source": log, "--time": time, "--zone": zone}
    given = [option for option, value in said.items() if value] + (["--guess"] if guess else [])
    if source != "table" and given:
        raise IngestError(f"option {given[0]}", source, "It is for `placard ingest table` alone; leave it out.")
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
    if not paths:
        raise IngestError("argument PATH", "", f"Name the log: `placard ingest {source} PATH`.")
    if day:
        raise IngestError("option --partition", str(day), f"`placard ingest {source}` reads the whole log; leave the option out.")
    paths = [found for path in paths for found in _found(path, source == "table")]
    if guess:
        _guess(paths, table, mapping, as_json)
        return
    if source == "table":
        from pipelines.ingest.table.mapped_table import MappedTable

        form: Format = MappedTable(_mapping(table, columns, constants, mapping, log, time, zone))
    else:
        form = format_named(source)
    from pipelines.ingest.collect import ingest as run
    from pipelines.ingest.printable import printable

    with people.status(f"Reading {escape(printable(str(paths[0])))}") as status:
        bad = settings.ingest.most_bad_share
        result = run(settings.home, form, paths, lambda file, rows: status.update(f"{escape(file)}: {rows:,} rows read"), bad)
    emit(asdict(result), as_json, _lines(result))


def _mapping(
    table: str | None,
    columns: list[str] | None,
    constants: list[str] | None,
    file: Path | None,
    log: str | None,
    time: str | None,
    zone: str | None,
) -> TableMapping:
    """The mapping of a file with what options add to it, or of options alone."""
    from pipelines.ingest.format import IngestError
    from pipelines.ingest.table.mapping import mapping_of, pairs_of, read_mapping
    from pipelines.ingest.table.shipped import shipped_or_own

    said = {"as": table, "columns": pairs_of(columns or [], "--map"), "constants": pairs_of(constants or [], "--set")}
    said |= {"source": log, "time": time, "zone": zone}
    further = {key: value for key, value in said.items() if value}
    if file:
        return read_mapping(shipped_or_own(file), further)
    if not (table and columns):
        need = "--as and --map say what a row is and which column is what; or --mapping FILE, which `--guess` writes."
        raise IngestError("option --as" if not table else "option --map", "", need)
    return mapping_of(further, "of the options")


def _guess(paths: list[Path], table: str | None, into: Path | None, as_json: bool) -> None:
    """Writes a mapping that fits the first of the files, or shows it."""
    from feature_repo.whole_file import write_whole
    from pipelines.ingest.format import IngestError
    from pipelines.ingest.table.guess import guessed

    if into is not None and _there(into):
        raise IngestError("option --mapping", str(into), "There is such a file: name one to be written, or leave --guess out to use it.")
    look = guessed(paths[0], table)
    if into is not None:
        write_whole(into, look.text)
    lines = [f"[bold]{escape(look.table)}[/]: {len(look.found)} fields found in {len(look.columns)} columns"]
    lines += [f"[yellow]not found[/] {field}: edit the mapping" for field in look.missing]
    lines += [f"mapping: {escape(str(into))}"] if into is not None else ["", escape(look.text)]
    emit(asdict(look), as_json, lines)


def _found(path: Path, pattern: bool) -> list[Path]:
    """The file or folder, or the files of a pattern that no shell has filled in. Raises IngestError where there is none."""
    from pipelines.ingest.format import IngestError

    if _there(path):
        return [path]
    if pattern and any(mark in str(path) for mark in "*?["):
        if matching := sorted(Path(name) for name in glob(str(path), recursive=True) if Path(name).is_file()):
            return matching
        raise IngestError("log", str(path), "No file matches.")
    raise IngestError("log", str(path), "There is no such file or folder.")


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
    app.command(
        "ingest",
        epilog=example(
            "placard ingest talkingdata train_sample.csv",
            "placard ingest day --partition 2026-01-31",
            "placard ingest table log.csv --as impressions --map user=member_id,item=sku,ts=event_time,clicked=clicked",
            "placard ingest table log.csv --guess --mapping log.yaml",
        ),
    )(ingest)
