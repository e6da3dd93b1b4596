"""Days between the tiers: nothing is lost, whatever kills a move."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from feature_repo.days import days_between, today
from feature_repo.events import EVENTS
from feature_repo.home import Home
from feature_repo.tables import TABLES
from pipelines.errors import Missing, PipelineError, Refused
from pipelines.features.day_gate import require_inputs
from pipelines.features.day_inputs import changed, inputs_file, inputs_now, write_inputs
from pipelines.features.days import feature_days
from pipelines.ingest.format import ROW
from pipelines.ingest.landing import land_events
from pipelines.warehouse.as_of import as_of_table, connect
from pipelines.warehouse.moved_days import MANIFEST
from pipelines.warehouse.retention import Retention, days_in, listed, movable, restore, run
from serving.settings import Settings
from tests.killed import apart

TODAY = date(2026, 6, 30)
OLD = TODAY - timedelta(days=40)


@pytest.fixture
def tiers(tmp_path: Path) -> Retention:
    home = Home(tmp_path / "home")
    return Retention(home, tmp_path / "cold", 30, 60, 30)


def put(home: Home, day: date, content: str = "rows", name: str = "impressions") -> Path:
    partition = home.partition(name, day)
    partition.mkdir(parents=True)
    for source in ("simulator", "serving"):
        (partition / f"{source}.parquet").write_text(f"{content} of {source} on {day}")
    return partition


def everything(tiers: Retention) -> dict[str, str]:
    """Content of every partition's files of the warm tier, else of the cold one, by kind, day and name."""

    def files(root: Path) -> Iterator[tuple[str, str]]:
        for path in sorted(root.rglob("*")):
            parts = path.relative_to(root).parts
            if path.is_file() and path.name != MANIFEST and path.suffix == ".parquet" and not any(p.startswith(".") for p in parts):
                yield "/".join(parts), path.read_text()

    return {**dict(files(tiers.cold)), **dict(files(tiers.home.root))}


def test_old_days_move_and_very_old_ones_leave(tiers: Retention) -> None:
    for age in (0, 31, 32, 59):
        put(tiers.home, TODAY - timedelta(days=age))
    before = everything(tiers)
    done = run(tiers, TODAY)
    assert done.moved == (f"events/impressions/day={TODAY - timedelta(days=59)}", f"events/impressions/day={TODAY - timedelta(days=32)}")
    assert done.expired == () and everything(tiers) == before
    assert run(tiers, TODAY).moved == (), "again: nothing"
    later = run(tiers, TODAY + timedelta(days=2))
    assert later.expired == (), "days are counted from the table's newest"
    put(tiers.home, TODAY + timedelta(days=2))
    assert run(tiers, TODAY + timedelta(days=2)).expired == (f"events/impressions/day={TODAY - timedelta(days=59)}",)


def test_whose_past_is_read_whole_does_not_move(tiers: Retention) -> None:
    for name in ("users", "creatives", "impressions"):
        put(tiers.home, OLD, name=name)
        put(tiers.home, TODAY, name=name)
    assert run(tiers, TODAY).moved == (f"events/impressions/day={OLD}",)
    assert not {"events/users", "catalog/creatives"} & {*movable(tiers.home)}


def test_a_platform_that_rested_keeps_what_it_reads(tiers: Retention) -> None:
    put(tiers.home, OLD)
    assert run(tiers, TODAY + timedelta(days=300)).moved == ()


def test_a_day_comes_back_and_stays_until_its_time_is_over(tiers: Retention) -> None:
    put(tiers.home, OLD), put(tiers.home, TODAY)
    before = everything(tiers)
    run(tiers, TODAY)
    with pytest.raises(Missing, match="retention list"):
        restore(tiers, [OLD - timedelta(days=1)], TODAY)
    assert restore(tiers, [OLD], TODAY, 7) == (f"events/impressions/day={OLD}",)
    assert tiers.home.partition("impressions", OLD).is_dir() and everything(tiers) == before
    assert restore(tiers, [OLD], TODAY, 7) == ()
    assert run(tiers, TODAY).kept == (f"events/impressions/day={OLD}",)
    (tiers.home.state / "pinned_days.json").unlink()
    assert run(tiers, TODAY).moved == (f"events/impressions/day={OLD}",) and everything(tiers) == before


def test_several_days_come_back_at_once(tiers: Retention) -> None:
    days = [OLD + timedelta(days=n) for n in range(3)]
    for day in (*days, TODAY):
        put(tiers.home, day)
    run(tiers, TODAY)
    assert restore(tiers, days, TODAY) == tuple(f"events/impressions/day={day}" for day in days)
    assert len(run(tiers, TODAY).kept) == 3


def test_a_day_in_the_cold_tier_is_no_day_without_rows(tiers: Retention) -> None:
    """Who reads a window that reaches into the cold tier is refused, with the command that mends it."""
    put(tiers.home, OLD), put(tiers.home, OLD + timedelta(days=1)), put(tiers.home, TODAY)
    run(tiers, TODAY)
    con, midnight = connect(), datetime(TODAY.year, TODAY.month, TODAY.day, tzinfo=UTC) + timedelta(days=1)
    with pytest.raises(Missing, match=f"2 days, .*--since {OLD} --partition {OLD + timedelta(days=1)}"):
        as_of_table(con, tiers.home, "impressions", midnight, 41)
    assert as_of_table(con, tiers.home, "queries", midnight, 41).count().execute() == 0


def test_what_a_day_was_built_from_may_move_and_the_day_is_not_stale(tiers: Retention) -> None:
    table, day = next(t for t in TABLES if "impressions" in t.reads), OLD + timedelta(days=20)
    assert table.window_days > 20, "the day was built from a day that is older than the warm tier keeps"
    put(tiers.home, OLD), put(tiers.home, TODAY)
    published = inputs_file(tiers.home.feature_partition(table.name, day))
    published.parent.mkdir(parents=True)
    write_inputs(tiers.home, table, day, inputs_now(tiers.home, table, day))
    inputs_file(tiers.home.staged(table.name, day)).rename(published)
    assert changed(tiers.home, table, day) == []
    assert f"events/impressions/day={OLD}" in run(tiers, TODAY).moved
    assert changed(tiers.home, table, day) == []
    restore(tiers, [OLD], TODAY)
    assert changed(tiers.home, table, day) == []
    (tiers.home.partition("impressions", OLD) / "serving.parquet").write_text("corrected")
    assert len(changed(tiers.home, table, day)) == 1
    (tiers.home.state / "pinned_days.json").unlink()
    run(tiers, TODAY)
    assert len(changed(tiers.home, table, day)) == 1, "corrected before it moved"


def test_the_list_of_days_says_which_are_cold(tmp_path: Path) -> None:
    """Also where one of them was brought back: those beside it are not missing."""
    home, now = Home(tmp_path / "home"), today()
    tiers, old = Retention(home, tmp_path / "cold", 30, 60, 30), today() - timedelta(days=45)
    days = [old, old + timedelta(days=1), *(now - timedelta(days=n) for n in range(32, 0, -1))]
    for day in days:
        written(home, day)
    settings = Settings(home_path=home.root)
    run(tiers, now)
    gap = days_between(days[1] + timedelta(days=1), days[2] - timedelta(days=1))
    due = dict.fromkeys(days[:2], "cold") | dict.fromkeys(gap, "missing") | dict.fromkeys(days[2:], "waiting")
    assert {d.day: d.state for d in feature_days(settings)} == due
    with pytest.raises(Missing, match="retention restore"):
        require_inputs(settings, old)
    restore(tiers, [old], now)
    assert [d.state for d in feature_days(settings)][:2] == ["waiting", "cold"]
    require_inputs(settings, old)


def written(home: Home, day: date) -> None:
    partition = home.partition("impressions", day)
    partition.mkdir(parents=True)
    schema = EVENTS["impressions"]
    pq.write_table(pa.table({f.name: pa.nulls(1, f.type) for f in schema}, schema=schema), partition / "log.parquet")


def test_what_was_corrected_after_it_came_back_is_what_stays(tiers: Retention) -> None:
    put(tiers.home, OLD), put(tiers.home, TODAY)
    run(tiers, TODAY)
    restore(tiers, [OLD], TODAY - timedelta(days=60), 7)
    corrected = tiers.home.partition("impressions", OLD) / "serving.parquet"
    corrected.write_text("corrected")
    assert run(tiers, TODAY).moved == (f"events/impressions/day={OLD}",)
    assert everything(tiers)[f"events/impressions/day={OLD}/serving.parquet"] == "corrected"


def test_what_was_altered_in_the_cold_tier_is_not_brought_back(tiers: Retention) -> None:
    put(tiers.home, OLD), put(tiers.home, TODAY), put(tiers.home, OLD, name="activity"), put(tiers.home, TODAY, name="activity")
    run(tiers, TODAY)
    cold = tiers.cold / "events" / "impressions" / f"day={OLD}"
    for damage in (lambda: (cold / "serving.parquet").write_text("altered"), lambda: (cold / MANIFEST).write_text("[")):
        damage()
        with pytest.raises(PipelineError, match="cold partition"):
            restore(tiers, [OLD], TODAY)
        assert days_in(tiers.home.table("activity")) == [TODAY], "nothing half"


@pytest.mark.parametrize("what", ["run", "restore"])
def test_nothing_is_lost_at_a_kill(tiers: Retention, what: str, tmp_path: Path) -> None:
    """Killed before every step that touches a file; then run again."""
    put(tiers.home, OLD), put(tiers.home, TODAY), put(tiers.home, TODAY - timedelta(days=50))
    if what == "restore":
        run(tiers, TODAY)
    work = (lambda: run(tiers, TODAY)) if what == "run" else (lambda: restore(tiers, [TODAY - timedelta(days=50)], TODAY))
    before, step = everything(tiers), 0
    assert before
    while apart(work, tmp_path, step) == -1:
        assert everything(tiers) == before, f"after the death at step {step}"
        for day in days_in(tiers.home.table("impressions")):
            assert len(list(tiers.home.partition("impressions", day).glob("*.parquet"))) == 2, "never half a partition"
        step += 1
    assert step > 5 and everything(tiers) == before
    run(tiers, TODAY)
    assert everything(tiers) == before and not list(tmp_path.rglob(".gone-*"))


@pytest.mark.parametrize(("warm", "cold_days", "history"), [(29, 60, 30), (30, 30, 30), (40, 60, 41)])
def test_tiers_that_would_take_what_is_read_are_refused(tmp_path: Path, warm: int, cold_days: int, history: int) -> None:
    with pytest.raises(PipelineError, match=r"_days"):
        Retention(Home(tmp_path / "home"), tmp_path / "cold", warm, cold_days, history)
    with pytest.raises(PipelineError, match="cold_path"):
        Retention(Home(tmp_path / "home"), tmp_path, 30, 60, 30)


def test_days_are_listed_with_their_tiers(tiers: Retention) -> None:
    put(tiers.home, OLD), put(tiers.home, TODAY)
    run(tiers, TODAY)
    assert [(d.day, d.warm, d.cold) for d in listed(tiers)] == [(OLD, 0, 1), (TODAY, 1, 0)]
    assert all(d.warm_bytes + d.cold_bytes > 0 for d in listed(tiers))


def test_the_verbs(tiers: Retention, monkeypatch: pytest.MonkeyPatch) -> None:
    from typer.testing import CliRunner

    from pipelines.__main__ import app

    put(tiers.home, OLD), put(tiers.home, TODAY)
    monkeypatch.setenv("PLACARD_HOME", str(tiers.home.root))

    def call(*words: str) -> dict[str, object]:
        done = CliRunner().invoke(app, ["retention", *words, "--json"])
        assert done.exit_code == 0, done.output
        return dict(json.loads(done.stdout))

    assert call("run", "--partition", str(TODAY))["moved"] == [f"events/impressions/day={OLD}"]
    assert (tiers.home.root / "cold" / "events").is_dir()
    assert call("restore", "--partition", str(OLD))["brought"] == [f"events/impressions/day={OLD}"]
    assert len(call("list")["days"]) == 2  # type: ignore[arg-type]


def test_a_log_that_comes_again_is_known_in_the_cold_tier_and_brings_nothing_beside_it(tiers: Retention) -> None:
    """Rows that are there bring nothing, wherever their day lies; what would change a cold day is refused until it is back."""
    rows = {OLD: 5, TODAY: 5}

    def delivered(count: int, day: date, prefix: str = "") -> pa.Table:
        moment = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
        columns = {f.name: pa.nulls(count, f.type) for f in EVENTS["impressions"]}
        columns |= {
            "impression_id": pa.array([f"{prefix}{day}-{i}" for i in range(count)]),
            "ts": pa.array([moment] * count, EVENTS["impressions"].field("ts").type),
            "created_ts": pa.array([moment] * count, EVENTS["impressions"].field("created_ts").type),
            ROW: pa.array(range(count), pa.int64()),
        }
        return pa.table(columns)

    def land(table: pa.Table) -> int:
        return len(land_events(tiers.home, "serving", {"impressions": table})["impressions"].rows)

    for day, count in rows.items():
        assert land(delivered(count, day)) == count
    before = everything_bytes(tiers)
    assert run(tiers, TODAY).moved == (f"events/impressions/day={OLD}",)
    assert land(delivered(5, OLD)) == 0
    for other in (delivered(6, OLD), delivered(1, OLD, "new-")):
        both = pa.concat_tables([delivered(1, TODAY, "more-"), other])
        with pytest.raises(Refused, match=f"retention restore.*|{OLD}"):
            land(both.set_column(both.schema.get_field_index(ROW), ROW, pa.array(range(len(both)), pa.int64())))
    assert everything_bytes(tiers) == before, "nothing half"
    restore(tiers, [OLD], TODAY)
    assert land(delivered(6, OLD)) == 1


def everything_bytes(tiers: Retention) -> dict[str, bytes]:
    found = {}
    for root in (tiers.cold, tiers.home.root):
        found |= {path.relative_to(root).as_posix(): path.read_bytes() for path in sorted(root.rglob("*.parquet"))}
    return found
