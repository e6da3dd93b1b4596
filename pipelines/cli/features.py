"""`placard features`: build, check and publish the feature tables of a day or a range."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.cli import arguments
from pipelines.cli.options import MOST_DAYS, Day, Json, example
from pipelines.cli.output import emit, people, prepared

if TYPE_CHECKING:
    from feature_repo.table import FeatureTable
    from serving.settings import Settings

HISTORY = example("placard features history --from 2026-01-18 --to 2026-01-31")
group = typer.Typer(no_args_is_help=True, epilog=HISTORY, help="Build, check and publish feature tables.")
Table = Annotated[
    str | None, typer.Option("--table", parser=arguments.feature_table, metavar="NAME", help="One feature table; default: all.")
]


def _tables(name: str | None) -> tuple[FeatureTable, ...]:
    from feature_repo.tables import TABLES

    return tuple(t for t in TABLES if name is None or t.name == name)


@group.command("build", epilog=example("placard features build --partition 2026-01-31 --table user_profile"))
@prepared
def build(settings: Settings, day: Day, table: Table = None, as_json: Json = False) -> None:
    """Build tables as of the day's end, into staging."""
    import pyarrow.parquet as pq

    from pipelines.features.build import build_each

    built = build_each(settings.home, _tables(table), day, settings.threads, settings.features.embeddings)
    rows = {t.name: pq.read_metadata(path).num_rows for t, path in built}
    emit({"day": day, "rows": rows}, as_json, [f"{name}: {n:,} rows" for name, n in rows.items()])


@group.command("validate", epilog=example("placard features validate --partition 2026-01-31 --table user_profile"))
@prepared
def validate(settings: Settings, day: Day, table: Table = None, as_json: Json = False) -> None:
    """Check staged tables; set bad rows aside; stop when more than 5 % are bad (exit 3)."""
    from pipelines.features.validate import validate as check

    home = settings.home
    found = [check(home, t, day) for t in _tables(table)]
    lines = [f"{v.table}: {v.rows:,} rows, {v.bad} set aside" for v in found]
    emit({"day": day, "tables": found, "data_docs": home.data_docs / "index.html"}, as_json, lines)


@group.command("publish", epilog=example("placard features publish --partition 2026-01-31"))
@prepared
def publish(settings: Settings, day: Day, as_json: Json = False) -> None:
    """Publish a day: offline store, online store, snapshot. Tables that have not passed the gate are checked first (exit 3)."""
    from pipelines.features.publish import publish as make_live
    from pipelines.features.validate import passed
    from pipelines.features.validate import validate as check

    for table in _tables(None):
        if not passed(settings.home, table, day):
            check(settings.home, table, day)
    done = make_live(settings, [day])
    refused = f", {done.refused} creatives refused for their texts (quarantine/catalog)" if done.refused else ""
    emit({"published": done}, as_json, f"live as of {done.live}, snapshot {done.snapshot}{refused}")


@group.command("history", epilog=HISTORY)
@prepared
def history(
    settings: Settings,
    first: Annotated[date, typer.Option("--from", parser=arguments.day, metavar="DAY", help="First day, YYYY-MM-DD.")],
    last: Annotated[date, typer.Option("--to", parser=arguments.day, metavar="DAY", help="Last day, YYYY-MM-DD.")],
    as_json: Json = False,
) -> None:
    """Build, check and publish every day of a range; the online store and the snapshot are written once."""
    from rich.progress import Progress

    from feature_repo.days import days_between
    from feature_repo.tables import TABLES
    from pipelines.errors import PipelineError
    from pipelines.features.history import build_days
    from pipelines.features.publish import publish as make_live

    days = list(days_between(first, last))
    if not 0 < len(days) <= MOST_DAYS:
        raise PipelineError("--to", str(last), f"Name a day from {first}, the first, on, and no more than {MOST_DAYS} days.")
    with Progress(console=people, transient=True) as bar:
        task = bar.add_task("features", total=len(days) * len(TABLES) + 1)
        bad = build_days(
            settings.home, days, settings.threads, settings.features.embeddings, lambda what: bar.update(task, advance=1, description=what)
        )
        bar.update(task, description="publish")
        done = make_live(settings, days)
    emit(
        {"published": done, "set_aside": bad},
        as_json,
        f"{len(days)} days published, {bad} rows set aside, live as of {done.live}, snapshot {done.snapshot}",
    )


@group.command("hash", epilog=example("placard features hash"))
@prepared
def content(settings: Settings, as_json: Json = False) -> None:
    """The content hash of all that is published: equal hashes, equal features."""
    from pipelines.features.content import content_hash

    value = content_hash(settings.home)
    emit({"content": value}, as_json, value)


def register(app: typer.Typer) -> None:
    app.add_typer(group, name="features")
