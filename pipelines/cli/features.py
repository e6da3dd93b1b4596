"""`placard features`: build, check and publish the feature tables of a day or a range."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.cli import arguments
from pipelines.cli.options import MOST_DAYS, Day, Json, example
from pipelines.cli.output import emit, people, prepared

if TYPE_CHECKING:
    from feature_repo.table import FeatureTable
    from serving.settings import Settings

REBUILD = example("placard features rebuild --partition 2026-01-31 --days 30")
HISTORY = example("placard features history --from 2026-01-18 --to 2026-01-31")
NOTHING_FOLLOWS = 99
"""The exit status by which Airflow skips a task."""
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
    """Build tables as of the day's end, into staging. A day without the inputs that its sources declare is refused (exit 4), and so is
    one with far fewer rows than the days before (exit 3).
    """
    import pyarrow.parquet as pq

    from pipelines.features.build import build_each
    from pipelines.features.day_gate import require_inputs

    require_inputs(settings, day)
    built = build_each(settings.home, _tables(table), day, settings.threads, settings.features.embeddings)
    rows = {t.name: pq.read_metadata(path).num_rows for t, path in built}
    emit({"day": day, "rows": rows}, as_json, [f"{name}: {n:,} rows" for name, n in rows.items()])


@group.command("validate", epilog=example("placard features validate --partition 2026-01-31 --table user_profile"))
@prepared
def validate(settings: Settings, day: Day, table: Table = None, as_json: Json = False) -> None:
    """Check staged tables; set bad rows aside; stop when more than 5 % are bad, or a table is not what it was the day before (exit 3)."""
    from pipelines.features.validate import validate as check

    home = settings.home
    found = [check(home, t, day, settings.features.least_rows_share) for t in _tables(table)]
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
            check(settings.home, table, day, settings.features.least_rows_share)
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
    from pipelines.features.day_gate import require_inputs
    from pipelines.features.history import build_days
    from pipelines.features.publish import publish as make_live

    days = list(days_between(first, last))
    if not 0 < len(days) <= MOST_DAYS:
        raise PipelineError("--to", str(last), f"Name a day from {first}, the first, on, and no more than {MOST_DAYS} days.")
    for day in days:
        require_inputs(settings, day)
    with Progress(console=people, transient=True) as bar:
        task = bar.add_task("features", total=len(days) * len(TABLES) + 1)
        bad = build_days(
            settings.home,
            days,
            settings.threads,
            settings.features.embeddings,
            lambda what: bar.update(task, advance=1, description=what),
            settings.features.least_rows_share,
        )
        bar.update(task, description="publish")
        done = make_live(settings, days)
    emit(
        {"published": done, "set_aside": bad},
        as_json,
        f"{len(days)} days published, {bad} rows set aside, live as of {done.live}, snapshot {done.snapshot}",
    )


@group.command("days", epilog=example("placard features days", "placard features days --since 2026-01-01"))
@prepared
def show_days(
    settings: Settings,
    since: Annotated[
        date | None,
        typer.Option("--since", parser=arguments.any_day, metavar="DAY", help="The first day that is shown; default: the last 30."),
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="Show every day.")] = False,
    as_json: Json = False,
) -> None:
    """What is the matter with each day: missing, empty, late, stale, older or future; or published, live, waiting, open.

    Days with which something is the matter are always shown, older ones that are alike in one line.
    """
    from pipelines.features.days import MEANING, feature_days, rebuilding
    from pipelines.features.shown_days import lines_of, shown_days

    found = feature_days(settings)
    shown = shown_days(found, since, every)
    command, left = rebuilding(found), len(found) - len(shown.days)
    lines = lines_of(shown)
    seen = [state for state in MEANING if any(d.state == state for d in shown.days)]
    lines += ["", *(f"{state}: {MEANING[state]}" for state in seen)] if found else ["no day is known yet"]
    lines += [f"{left:,} days before {shown.since} are fine and not shown: --all shows them"] if left else []
    lines += [f"{sum(d.due for d in found):,} days are due: `{command}`"] if command else []
    emit(
        {
            "days": [{**asdict(d), "due": d.due} for d in shown.days],
            "due": [d.day for d in found if d.due],
            "rebuild": command,
            "left_out": left,
        },
        as_json,
        lines,
    )


@group.command("rebuild", epilog=REBUILD)
@prepared
def rebuild_due(
    settings: Settings,
    day: Day,
    days: Annotated[int, typer.Option("--days", min=0, max=MOST_DAYS, help="Days that are looked at, up to the partition; 0: none.")] = 30,
    as_json: Json = False,
) -> None:
    """Build, check and publish again, in order, the days that are due: that came late, or whose inputs have changed. An older day changes
    nothing that is live.
    """
    from pipelines.features.rebuild import rebuild

    with people.status("Looking for days that are due") as status:
        done = rebuild(settings, day, days, lambda what: status.update(what))
    lines = [f"{', '.join(map(str, done.days))} built again, {done.set_aside} rows set aside"] if done.days else ["no day is due"]
    lines += [f"live as of {done.published.live}, snapshot {done.published.snapshot}"] if done.published else []
    emit({"rebuilt": done}, as_json, lines)


@group.command("announce", epilog=example("placard features announce --partition 2026-01-31 --when newest"))
@prepared
def announce(
    settings: Settings,
    day: Day,
    when: Annotated[str, typer.Option("--when", parser=arguments.announcement, metavar="WHEN", help="newest, always or never.")] = "newest",
    as_json: Json = False,
) -> None:
    """Say whether models may follow a published day: exit 0 where they may, and 99 where not, which Airflow takes for skipped.

    newest: when the day is the newest published one, since a model of an older day would only come to nothing.
    """
    from pipelines.features.published import live_day

    live = live_day(settings.home)
    follows = when == "always" or (when == "newest" and day == live)
    line = (
        f"models follow {day}" if follows else f"no model follows {day}: {f'{live} is live' if when == 'newest' else 'none was asked for'}"
    )
    emit({"day": day, "live": live, "models_follow": follows}, as_json, line)
    if not follows:
        raise SystemExit(NOTHING_FOLLOWS)


@group.command("retract", epilog=example("placard features retract --partition 2026-12-31"))
@prepared
def take_back(
    settings: Settings,
    day: Annotated[
        date, typer.Option("--partition", parser=arguments.any_day, metavar="DAY", help="The day, YYYY-MM-DD; one to come, too.")
    ],
    as_json: Json = False,
) -> None:
    """Take a published day back, from the offline and the online store and from serving: the newest day that is left is live."""
    from pipelines.features.retract import retract

    done = retract(settings, day)
    emit({"retracted": done}, as_json, f"{day} is taken back, live: {done.live or 'no day'}")


@group.command("hash", epilog=example("placard features hash"))
@prepared
def content(settings: Settings, as_json: Json = False) -> None:
    """The content hash of all that is published: equal hashes, equal features."""
    from pipelines.features.content import content_hash

    value = content_hash(settings.home)
    emit({"content": value}, as_json, value)


def register(app: typer.Typer) -> None:
    app.add_typer(group, name="features")
