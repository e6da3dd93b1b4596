"""Data: nothing is not fine, days are seen, an old day changes nothing live, identity, gates row by row, paths, fractions of a second.

Identity has a module of its own beside the formats' tests: ingest/test_identity.py.
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from feature_repo.days import end_of, today
from feature_repo.errors import FeatureError
from feature_repo.feast_store import OnlineProfiles, open_store
from feature_repo.home import Home
from feature_repo.literal_path import literal_path, read_only_database
from feature_repo.table_names import EVENT_TABLES
from feature_repo.tables import TABLES, USER_TABLES
from feature_repo.tables.user_profile import USER_PROFILE
from pipelines.datasets.point_in_time import features_at
from pipelines.errors import Missing, Refused
from pipelines.features.content import content_hash
from pipelines.features.day_gate import require_inputs
from pipelines.features.days import FeatureDay, feature_days
from pipelines.features.history import build_day
from pipelines.features.publish import publish
from pipelines.features.rebuild import rebuild
from pipelines.features.retract import retract
from pipelines.features.shown_days import lines_of, shown_days
from pipelines.features.validate import passed, validate
from pipelines.ingest.collect import ingest
from pipelines.ingest.day import collect_day
from pipelines.ingest.talkingdata import COLUMNS, TalkingData
from pipelines.warehouse.as_of import as_of_table, connect
from serving.errors import SnapshotMissing
from serving.settings import Settings
from serving.snapshot import open_current

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
ROW = "{},3,1,13,379,2017-11-07 9:{:02d},,0"
GOOD = tuple(ROW.format(i, i % 60) for i in range(200))


def ingested(home: Home, folder: Path, *lines: str) -> Any:
    folder.mkdir(exist_ok=True)
    (folder / "log.csv").write_text("\n".join([",".join(COLUMNS), *lines]) + "\n")
    return ingest(home, TalkingData(), folder / "log.csv")


# Gates row by row


POISON = {
    "a time in the future": f"7,3,1,13,379,{today() + timedelta(days=400)} 9:30,,0",
    "an outcome in the future": f"7,3,1,13,379,2017-11-07 9:30,{today() + timedelta(days=400)} 9:30,1",
    "ten million characters": "7,3,1,13," + "9" * 10_000_000 + ",2017-11-07 9:30,,0",
    "a control character": "7,3,1,1\x1b3,379,2017-11-07 9:30,,0",
    "a C1 control character": "7,3,1,1\x853,379,2017-11-07 9:30,,0",
    "a tab": "7,3,1,13,379,2017-11-07\t9:30,,0",
}


@pytest.mark.parametrize("poison", POISON.values(), ids=POISON)
def test_one_percent_of_poison_is_set_aside_with_a_reason_and_the_rest_lands(poison: str, home: Home, tmp_path: Path) -> None:
    result = ingested(home, tmp_path / "log", *GOOD, poison, poison)
    assert (result.kept, result.quarantined) == (len(GOOD), 2)
    reasons = [json.loads(line)["reason"] for line in Path(result.files[0].quarantine).read_text().splitlines()]
    assert all(reasons) and len(reasons) == 2


def test_a_log_above_the_share_of_bad_rows_lands_nothing_and_exits_3(home: Home, tmp_path: Path, placard: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_text("\n".join([",".join(COLUMNS), *GOOD, *["broken"] * 20]) + "\n")
    done = subprocess.run(
        [placard, "ingest", "talkingdata", path],
        env={**os.environ, "PLACARD_HOME": str(home.root)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 3 and "20 of 220 rows are bad" in done.stderr.replace("\n", " ")
    assert not (home.root / "events").exists() and not (home.root / "catalog").exists()
    (aside,) = (home.quarantine / "ingest").rglob("*.jsonl")
    assert len(aside.read_text().splitlines()) == 20


def test_a_bad_file_of_a_log_keeps_the_good_files_from_landing_too(home: Home, tmp_path: Path) -> None:
    from pipelines.ingest.open_bandit import OpenBandit
    from tests.pipelines.ingest.conftest import open_bandit

    folder = open_bandit(open_bandit(tmp_path / "log", campaign="all"), campaign="men")
    log = folder / "random" / "men" / "men.csv"
    log.write_text("\n".join([log.read_text().splitlines()[0], "1,2", "3"]) + "\n")
    with pytest.raises(Refused, match=r"men\.csv"):
        ingest(home, OpenBandit(), folder)
    assert not (home.root / "events").exists() and not (home.root / "catalog").exists()


# Fractions of a second


def test_fractions_of_a_second_tell_clicks_apart_and_crash_nothing(home: Home, tmp_path: Path) -> None:
    rows = [f"1,3,1,13,379,2017-11-07 09:30:05{fraction},,0" for fraction in ("", ".25", ".250001", ".999999999")]
    assert ingested(home, tmp_path / "log", *rows).kept == 4
    (file,) = home.files("engagements")
    found = pq.read_table(file, partitioning=None).to_pandas()
    assert found["event_id"].is_unique
    assert found["event_id"].iloc[0] == "td-1-3-1-13-379-20171107T093005-0", "the identity of whole seconds is what it was"
    assert found["event_id"].iloc[1] == "td-1-3-1-13-379-20171107T093005.250000-0"


# The future is refused everywhere


TOMORROW = today() + timedelta(days=1)


@pytest.mark.parametrize(
    "words",
    [
        "features build",
        "features validate",
        "features publish",
        "ingest day",
        "ingest serving",
        "train",
        "language train",
        "evaluate",
        "quality drift",
    ],
)
def test_no_verb_takes_a_day_that_has_not_begun(words: str, home: Home, placard: Path) -> None:
    argv = [placard, *words.split(), "--partition", str(TOMORROW + timedelta(days=120))]
    done = subprocess.run(argv, env={**os.environ, "PLACARD_HOME": str(home.root)}, capture_output=True, text=True, check=False)
    assert done.returncode == 2 and "future" in done.stderr
    assert not home.root.exists()


def test_no_day_to_come_is_collected(home: Home) -> None:
    with pytest.raises(FeatureError, match="future"):
        collect_day(Settings(home_path=home.root), TOMORROW, ["simulator"])


# Paths are never patterns


def test_a_home_with_brackets_and_stars_reads_its_own_data_alone(platform: Any, tmp_path: Path) -> None:
    """Beside it lies another home that its name, taken for a pattern, would match."""
    home = Home(Path(shutil.copytree(platform.home.root, tmp_path / "a[bc]*%#d" / "placard")))
    other = Home(tmp_path / "ab-%#d" / "placard")
    shutil.copytree(platform.home.root / "events", other.root / "events")
    mine, theirs = (pd.concat(pq.read_table(f, partitioning=None).to_pandas() for f in h.files("users")) for h in (home, other))
    for file in home.files("users")[1:]:
        shutil.rmtree(file.parent)
    con = connect()
    try:
        seen = as_of_table(con, home, "users", end_of(platform.waiting)).to_pandas()
    finally:
        con.disconnect()
    assert 0 < len(seen) < len(theirs) == len(mine)

    done = publish(Settings(home_path=home.root), [platform.waiting])
    assert done.live == platform.waiting and content_hash(home) == done.content
    user = platform.rows(USER_TABLES[0], platform.live)["user_id"][0].as_py()
    row = OnlineProfiles(open_store(home)).read(user, end_of(platform.waiting) + timedelta(hours=1))
    assert row.flags == ()
    frame = pd.DataFrame({"user_id": [user], "creative_id": ["none"], "ts": [end_of(platform.live) + timedelta(hours=2)]})
    features = features_at(Settings(home_path=home.root), frame)
    assert features["user_actions_30d"][0] == platform.rows(USER_TABLES[0], platform.live)["user_actions_30d"][0].as_py()


@pytest.mark.parametrize("name", ["plain", "a b", "a[bc]d", "a*", "[", "a]b[", "it's", "{a,b}", "100%"])
def test_a_literal_path_is_read_as_it_is(name: str, tmp_path: Path) -> None:
    for folder in {name, "abd", "ax", "a", "b"}:
        (tmp_path / folder).mkdir(exist_ok=True)
        pq.write_table(pq.read_table(_named(tmp_path / f"{folder}.tmp", folder)), tmp_path / folder / "part.parquet")
    con = connect()
    try:
        found = con.read_parquet([literal_path(tmp_path / name / "part.parquet")], hive_partitioning=False).to_pyarrow().to_pylist()
    finally:
        con.disconnect()
    assert found == [{"name": name}]
    database = tmp_path / name / "x.db"
    sqlite3.connect(database).execute("create table t (a)").connection.close()
    assert sqlite3.connect(read_only_database(database), uri=True).execute("select count(*) from t").fetchone() == (0,)


def _named(path: Path, name: str) -> Path:
    pq.write_table(pa.table({"name": [name]}), path)
    return path


def test_a_home_with_a_question_mark_is_refused(home: Home, placard: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [placard, "doctor"], env={**os.environ, "PLACARD_HOME": str(tmp_path / "a?b")}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2 and "question mark" in done.stderr.replace("\n", " ")


# Nothing is not fine


def say(placard: Path, home: Home, *words: str, status: int = 0) -> str:
    """What a verb says: its JSON where it ends well, else what it complains of, on one line."""
    done = subprocess.run(
        [placard, *words], env={**os.environ, "PLACARD_HOME": str(home.root)}, capture_output=True, text=True, check=False
    )
    assert done.returncode == status, done.stderr
    return done.stdout if status == 0 else done.stderr.replace("\n", " ")


def without(home: Home, day: date, *names: str) -> None:
    """As if these tables of a day had never come; all of them where none is named."""
    for name in names or EVENT_TABLES:
        shutil.rmtree(home.partition(name, day), ignore_errors=True)


def test_a_day_without_its_declared_inputs_is_not_built(copy: Any, placard: Path) -> None:
    without(copy.home, copy.waiting, "impressions")
    said = say(placard, copy.home, "features", "build", "--partition", str(copy.waiting), status=4)
    assert "impressions" in said and str(copy.waiting) in said
    without(copy.home, copy.waiting)
    assert "every log" in say(placard, copy.home, "features", "build", "--partition", str(copy.waiting), status=4)


def test_a_range_with_an_empty_day_publishes_none_of_it(copy: Any, placard: Path) -> None:
    before = content_hash(copy.home)
    beyond = copy.waiting + timedelta(days=1)
    assert str(beyond) in say(placard, copy.home, "features", "history", "--from", str(copy.waiting), "--to", str(beyond), status=4)
    assert content_hash(copy.home) == before


def test_a_day_with_far_fewer_rows_than_usual_is_refused(copy: Any) -> None:
    settings = copy.settings
    for day in copy.days[:4]:  # the usual is a median of seven days
        for back in range(4, 8):
            for name in EVENT_TABLES:
                if copy.home.partition(name, day).exists() and back == 4:
                    shutil.copytree(copy.home.partition(name, day), copy.home.partition(name, day - timedelta(days=back)))
    require_inputs(settings, copy.waiting)
    (file,) = copy.home.files("impressions", copy.waiting, copy.waiting)
    rows = pq.read_table(file, partitioning=None)
    pq.write_table(rows.slice(0, len(rows) // 10), file)
    with pytest.raises(Refused, match="impressions where"):
        require_inputs(settings, copy.waiting)
    require_inputs(settings.changed(least_input_share=0), copy.waiting)


def test_a_table_of_far_fewer_rows_than_the_last_day_is_refused(copy: Any) -> None:
    staged = copy.home.staged(USER_PROFILE.name, copy.waiting)
    rows = pq.read_table(staged, partitioning=None)
    pq.write_table(rows.slice(0, len(rows) // 3), staged)
    with pytest.raises(Refused, match=f"rows where {copy.live} has"):
        validate(copy.home, USER_PROFILE, copy.waiting)
    assert not passed(copy.home, USER_PROFILE, copy.waiting)
    assert validate(copy.home, USER_PROFILE, copy.waiting, least_rows=0.2).bad == 0


@pytest.mark.parametrize("name", ["user_ctr_30d", "interests", "user_region"])
def test_a_column_that_is_suddenly_constant_is_refused(copy: Any, name: str) -> None:
    staged = copy.home.staged(USER_PROFILE.name, copy.waiting)
    rows = pq.read_table(staged, partitioning=None)
    index, feature = rows.schema.get_field_index(name), USER_PROFILE.feature(name)
    same = pa.array([rows[name][0].as_py()] * len(rows), feature.arrow)
    pq.write_table(rows.set_column(index, rows.schema.field(index), same), staged)
    with pytest.raises(Refused, match=f"{name} is constant"):
        validate(copy.home, USER_PROFILE, copy.waiting)


def test_features_are_not_published_for_a_day_that_has_not_ended(copy: Any) -> None:
    with pytest.raises(FeatureError, match="not ended"):
        publish(copy.settings, [today()])


def in_the_future(copy: Any) -> date:
    """As a version before left it: a day months ahead, published with what was known then."""
    far = today() + timedelta(days=100)
    for table in TABLES:
        shutil.copytree(copy.home.feature_partition(table.name, copy.live).parent, copy.home.feature_partition(table.name, far).parent)
    return far


def test_a_day_to_come_that_is_published_keeps_no_later_day_from_going_live(copy: Any) -> None:
    in_the_future(copy)
    assert publish(copy.settings, [copy.waiting]).live == copy.waiting


def test_the_doctor_names_a_day_to_come_and_retract_heals_it(copy: Any, placard: Path) -> None:
    before, far = content_hash(copy.home), in_the_future(copy)
    checks = {c["name"]: c for c in json.loads(run_doctor(placard, copy.home))["checks"]}
    assert checks["days"]["verdict"] == "bad" and f"features retract --partition {far}" in checks["days"]["fix"]
    assert json.loads(say(placard, copy.home, "features", "retract", "--partition", str(far), "--json"))["retracted"]["live"] == str(
        copy.live
    )
    assert content_hash(copy.home) == before
    assert "future" not in json.loads(run_doctor(placard, copy.home))["checks"][-1]["seen"]


def run_doctor(placard: Path, home: Home) -> str:
    environment = {**os.environ, "PLACARD_HOME": str(home.root), "PLACARD_PORT": "0"}
    return subprocess.run([placard, "doctor", "--json"], env=environment, capture_output=True, text=True, check=False).stdout


def test_retract_takes_a_day_back_online_store_and_snapshot_included(copy: Any) -> None:
    before = content_hash(copy.home)
    publish(copy.settings, [copy.waiting])
    done = retract(copy.settings, copy.waiting)
    assert (done.live, done.snapshot) == (copy.live, open_current(copy.home.snapshots).version)
    assert content_hash(copy.home) == before
    with pytest.raises(Missing, match="validated"):
        publish(copy.settings, [copy.waiting])
    with pytest.raises(Missing, match="Nothing of it"):
        retract(copy.settings, copy.waiting)


def test_with_the_last_day_retracted_nothing_is_served(copy: Any) -> None:
    for day in copy.days[:3]:
        retract(copy.settings, day)
    assert online_rows(copy.home) == 0
    with pytest.raises(SnapshotMissing):
        open_current(copy.home.snapshots)


def online_rows(home: Home) -> int:
    with closing(sqlite3.connect(home.feast / "online.db")) as database:
        return sum(database.execute(f'select count(*) from "placard_{t.name}"').fetchone()[0] for t in USER_TABLES)


def test_a_feature_stamp_in_the_future_is_stale(platform: Any) -> None:
    profiles = OnlineProfiles(open_store(platform.home))
    user = platform.rows(USER_PROFILE, platform.live)["user_id"][0].as_py()
    assert profiles.read(user, end_of(platform.live) - timedelta(minutes=1)).flags == ()
    flags = profiles.read(user, end_of(platform.live) - timedelta(hours=1)).flags
    assert set(flags) == {f"{t.name}_stale" for t in USER_TABLES}


# The online store is a function of the newest day


def removed(copy: Any) -> str:
    """A user who is in the live day and no longer in the one that waits."""
    user = str(copy.rows(USER_PROFILE, copy.live)["user_id"][0].as_py())
    for table in USER_TABLES:
        staged = copy.home.staged(table.name, copy.waiting)
        rows = pq.read_table(staged, partitioning=None)
        pq.write_table(rows.filter(pc.not_equal(rows["user_id"], user)), staged)
        validate(copy.home, table, copy.waiting)
    return user


def test_a_user_removed_offline_answers_no_more_online(copy: Any) -> None:
    user = removed(copy)
    publish(copy.settings, [copy.waiting])
    flags = OnlineProfiles(open_store(copy.home)).read(user, end_of(copy.waiting) + timedelta(hours=1)).flags
    assert set(flags) == {f"{t.name}_unknown" for t in USER_TABLES}
    assert online_rows(copy.home) == sum(len(copy.rows(t, copy.waiting)) * len(t.features) for t in USER_TABLES)


@pytest.mark.redis
def test_a_user_removed_offline_answers_no_more_in_redis(copy: Any, redis_port: int) -> None:
    settings = copy.settings.changed(profile="cluster", redis_url=f"redis://127.0.0.1:{redis_port}/5?socket_timeout=2")
    publish(settings, copy.days[:3])
    user = removed(copy)
    publish(settings, [copy.waiting])
    profiles, later = (
        OnlineProfiles(open_store(copy.home, settings.profile, settings.stores.redis_url)),
        end_of(copy.waiting) + timedelta(hours=1),
    )
    other = str(copy.rows(USER_PROFILE, copy.waiting)["user_id"][0].as_py())
    assert set(profiles.read(user, later).flags) == {f"{t.name}_unknown" for t in USER_TABLES}
    assert f"{USER_PROFILE.name}_unknown" not in profiles.read(other, later).flags
    retract(settings, copy.waiting)
    assert f"{USER_PROFILE.name}_unknown" not in profiles.read(user, end_of(copy.live) + timedelta(hours=1)).flags


# Days are seen


def states(home: Home) -> dict[str, str]:
    return {str(d.day): d.state for d in feature_days(Settings(home_path=home.root)) if d.day <= date(2026, 1, 25)}


def test_each_day_is_what_it_is(copy: Any) -> None:
    first, second, live, waiting = map(str, copy.days)
    found = states(copy.home)
    assert [found[d] for d in (first, second, live, waiting)] == ["published", "published", "live", "waiting"]
    assert set(found.values()) == {"published", "live", "waiting", "missing"}, "and nothing has come since"


@pytest.mark.slow
def test_a_late_day_is_due_with_every_day_that_reads_it_and_one_verb_rebuilds_them_in_order(
    copy: Any, platform: Any, placard: Path
) -> None:
    """A day is published without the one before it; then that one comes after all. Rebuilt, all is as if it had come in time."""
    _, late, live, _ = copy.days
    places = [place for name in EVENT_TABLES if (place := copy.home.partition(name, late)).exists()]
    for place in places:
        shutil.move(place, copy.home.root / "aside" / place.parent.name)
    retract(copy.settings, late)
    build_day(copy.home, live, 1, "factorisation", least_rows=0)
    publish(copy.settings, [live])
    assert (states(copy.home)[str(late)], states(copy.home)[str(live)]) == ("missing", "live")
    assert content_hash(copy.home) != content_hash(platform.home)
    for place in places:
        shutil.move(copy.home.root / "aside" / place.parent.name, place)
    assert {d: s for d, s in states(copy.home).items() if s in ("late", "stale")} == {str(late): "late", str(live): "stale"}
    done = json.loads(say(placard, copy.home, "features", "rebuild", "--partition", str(live), "--json"))["rebuilt"]
    assert done["days"] == [str(late), str(live)]
    assert states(copy.home) == states(platform.home) and content_hash(copy.home) == content_hash(platform.home)
    assert rebuild(copy.settings, live, 30).days == ()


def test_an_empty_partition_is_an_empty_day(copy: Any) -> None:
    for file in [f for name in EVENT_TABLES for f in copy.home.files(name, copy.waiting, copy.waiting)]:
        pq.write_table(pq.read_table(file, partitioning=None).slice(0, 0), file)
    assert states(copy.home)[str(copy.waiting)] == "empty"


def test_a_file_written_again_with_the_same_bytes_makes_nothing_stale(copy: Any) -> None:
    for file in copy.home.files("impressions"):
        file.write_bytes(file.read_bytes())
    assert "stale" not in states(copy.home).values()


@pytest.mark.slow
def test_days_published_before_inputs_were_written_down_are_healed_by_the_command_that_is_named(
    copy: Any, platform: Any, placard: Path
) -> None:
    for file in copy.home.root.glob("features/*/day=*/inputs.json"):
        file.unlink()
    found = json.loads(say(placard, copy.home, "features", "days", "--json"))
    old = [d for d in found["days"] if d["state"] == "stale"]
    assert [d["day"] for d in old] == [*map(str, copy.days[:3])] == found["due"]
    assert all("before inputs were written down" in d["why"] for d in old)
    say(placard, copy.home, *found["rebuild"].split()[1:])
    assert states(copy.home) == states(platform.home) and content_hash(copy.home) == content_hash(platform.home)


def test_of_an_old_home_the_last_days_are_shown_and_of_older_ones_what_is_wrong(copy: Any, placard: Path) -> None:
    """The platform's days lie months back: nothing has come since."""
    said = say(placard, copy.home, "features", "days").splitlines()
    assert sum("missing" in line for line in said) < 35
    (run,) = [line for line in said if f"{copy.waiting + timedelta(days=1)} to " in line]
    assert "missing" in run and "no every log" in run
    assert any(f"{len(copy.days)} days before" in line and "--all" in line for line in said)
    assert not any(line.startswith(str(copy.live)) for line in said)
    every = say(placard, copy.home, "features", "days", "--all").splitlines()
    assert any(line.startswith(str(copy.live)) for line in every)
    since = json.loads(say(placard, copy.home, "features", "days", "--since", str(copy.live), "--json"))
    assert (since["days"][0]["day"], since["left_out"]) == (str(copy.live), 2)


def test_days_in_a_row_are_one_line_and_those_apart_are_two() -> None:
    day = date(2026, 1, 1)
    found = [FeatureDay(day + timedelta(days=n), "published" if n == 2 else "missing", 1, False, False) for n in range(8)]
    shown = shown_days(found, day + timedelta(days=5), every=False)
    said = [line.split("  ")[0] for line in lines_of(shown)]
    assert said == ["2026-01-01 to 2026-01-02, 2 days", "2026-01-04 to 2026-01-05, 2 days", "2026-01-06", "2026-01-07", "2026-01-08"]
    assert len(found) - len(shown.days) == 1


def test_a_day_of_which_an_input_is_missing_is_seen_by_the_doctor(copy: Any, placard: Path) -> None:
    without(copy.home, copy.live, "impressions")
    assert states(copy.home)[str(copy.live)] == "missing"
    (check,) = [c for c in json.loads(run_doctor(placard, copy.home))["checks"] if c["name"] == "days"]
    assert check["verdict"] == "warn" and "missing" in check["seen"]


# The features' gate, row by row


@pytest.mark.parametrize("how", ["future", "long", "control", "twin"])
def test_one_percent_of_poisoned_feature_rows_is_set_aside_and_good_twins_stay(copy: Any, how: str) -> None:
    staged = copy.home.staged(USER_PROFILE.name, copy.waiting)
    rows = pq.read_table(staged, partitioning=None)
    poisoned = rows.slice(0, len(rows) // 100).to_pylist()
    for row in poisoned:
        if how == "future":
            row["event_timestamp"] = datetime.now(UTC) + timedelta(days=400)
        if how == "long":
            row["user_region"] = "x" * 10_000_000 if row is poisoned[0] else "y" * 10_000
        if how == "control":
            row["user_language"] = "en\x1b[2J"
        if how == "twin":
            row["user_ctr_30d"] = -1.0
    bad = pa.Table.from_pylist(poisoned, schema=rows.schema)
    good = rows if how == "twin" else rows.slice(len(poisoned))
    pq.write_table(pa.concat_tables([bad, good]), staged)
    found = validate(copy.home, USER_PROFILE, copy.waiting)
    assert found.bad == len(poisoned)
    assert pq.read_table(staged, partitioning=None).equals(good)


def test_of_two_equal_rows_of_one_user_one_stays(copy: Any) -> None:
    staged = copy.home.staged(USER_PROFILE.name, copy.waiting)
    rows = pq.read_table(staged, partitioning=None)
    pq.write_table(pa.concat_tables([rows, rows.slice(0, 5)]), staged)
    assert validate(copy.home, USER_PROFILE, copy.waiting).bad == 5
    assert pq.read_table(staged, partitioning=None).equals(rows)
