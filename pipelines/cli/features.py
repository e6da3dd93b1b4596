"""`placard features`: build, check and publish the feature tables of a day or a range."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from pipelines.cli.output import emit, guarded, people

if TYPE_CHECKING:
    from feature_repo.table import FeatureTable

group = typer.Typer(no_args_is_help=True, help="Build, check and publish feature tables.")
PARTITION = typer.Option(..., "--partition", help="Day, YYYY-MM-DD.")
TABLE = typer.Option("", "--table", help="One table; default: all.")
JSON = typer.Option(False, "--json", help="One JSON object.")


def _tables(name: str) -> tuple[FeatureTable, ...]:
    from feature_repo.tables import TABLES
    from pipelines.errors import PipelineError

    chosen = tuple(t for t in TABLES if not name or t.name == name)
    if not chosen:
        raise PipelineError("feature table", name, f"Known: {', '.join(t.name for t in TABLES)}.")
    return chosen


@group.command("build")
@guarded
def build(partition: str = PARTITION, table: str = TABLE, as_json: bool = JSON) -> None:
    """Build tables as of the day's end, into staging."""
    import pyarrow.parquet as pq

    from feature_repo.days import parse_day
    from pipelines.features.build import build as build_table
    from serving.settings import load

    settings, day = load(), parse_day(partition)
    rows = {
        t.name: pq.read_metadata(build_table(settings.home, t, day, settings.threads, settings.features.embeddings)).num_rows
        for t in _tables(table)
    }
    emit({"day": day, "rows": rows}, as_json, [f"{name}: {n:,} rows" for name, n in rows.items()])


@group.command("validate")
@guarded
def validate(partition: str = PARTITION, table: str = TABLE, as_json: bool = JSON) -> None:
    """Check staged tables; set bad rows aside; stop when more than 5 % are bad (exit 3)."""
    from feature_repo.days import parse_day
    from pipelines.features.validate import validate as check
    from serving.settings import load

    home, day = load().home, parse_day(partition)
    found = [check(home, t, day) for t in _tables(table)]
    lines = [f"{v.table}: {v.rows:,} rows, {v.bad} set aside" for v in found]
    emit({"day": day, "tables": found, "data_docs": home.data_docs / "index.html"}, as_json, lines)


@group.command("publish")
@guarded
def publish(partition: str = PARTITION, as_json: bool = JSON) -> None:
    """Publish a day: offline store, online store, snapshot. Tables that have not passed the gate are checked first (exit 3)."""
    from feature_repo.days import parse_day
    from pipelines.features.publish import publish as make_live
    from pipelines.features.validate import passed
    from pipelines.features.validate import validate as check
    from serving.settings import load

    settings, day = load(), parse_day(partition)
    for table in _tables(""):
        if not passed(settings.home, table, day):
            check(settings.home, table, day)
    done = make_live(settings, [day])
    emit({"published": done}, as_json, f"live as of {done.live}, snapshot {done.snapshot}")


@group.command("history")
@guarded
def history(
    first: str = typer.Option(..., "--from", help="First day."),
    last: str = typer.Option(..., "--to", help="Last day."),
    as_json: bool = JSON,
) -> None:
    """Build, check and publish every day of a range; the online store and the snapshot are written once."""
    from rich.progress import Progress

    from feature_repo.days import days_between, parse_day
    from feature_repo.tables import TABLES
    from pipelines.features.build import build as build_table
    from pipelines.features.publish import publish as make_live
    from pipelines.features.validate import validate as check
    from serving.settings import load

    settings = load()
    days = list(days_between(parse_day(first), parse_day(last)))
    bad = 0
    with Progress(console=people, transient=True) as bar:
        task = bar.add_task("features", total=len(days) * len(TABLES) + 1)
        for day in days:
            for table in TABLES:
                bar.update(task, description=f"{day} {table.name}")
                build_table(settings.home, table, day, settings.threads, settings.features.embeddings)
                bad += check(settings.home, table, day).bad
                bar.advance(task)
        bar.update(task, description="publish")
        done = make_live(settings, days)
    emit(
        {"published": done, "set_aside": bad},
        as_json,
        f"{len(days)} days published, {bad} rows set aside, live as of {done.live}, snapshot {done.snapshot}",
    )


@group.command("hash")
@guarded
def content(as_json: bool = JSON) -> None:
    """The content hash of all that is published: equal hashes, equal features."""
    from pipelines.features.content import content_hash
    from serving.settings import load

    value = content_hash(load().home)
    emit({"content": value}, as_json, value)


def register(app: typer.Typer) -> None:
    app.add_typer(group, name="features")
