"""Data: nothing is not fine, days are seen, an old day changes nothing live, identity, gates row by row, paths, fractions of a second.

Identity has a module of its own beside the formats' tests: ingest/test_identity.py.
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
from datetime import timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq
import pytest

from feature_repo.days import end_of, today
from feature_repo.errors import FeatureError
from feature_repo.feast_store import OnlineProfiles, open_store
from feature_repo.home import Home
from feature_repo.literal_path import literal_path, read_only_database
from feature_repo.tables import USER_TABLES
from pipelines.datasets.point_in_time import features_at
from pipelines.errors import Refused
from pipelines.features.content import content_hash
from pipelines.features.publish import publish
from pipelines.ingest.collect import ingest
from pipelines.ingest.day import collect_day
from pipelines.ingest.talkingdata import COLUMNS, TalkingData
from pipelines.warehouse.as_of import as_of_table, connect
from serving.settings import Settings

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
    import pyarrow as pa

    pq.write_table(pa.table({"name": [name]}), path)
    return path


def test_a_home_with_a_question_mark_is_refused(home: Home, placard: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [placard, "doctor"], env={**os.environ, "PLACARD_HOME": str(tmp_path / "a?b")}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2 and "question mark" in done.stderr.replace("\n", " ")
