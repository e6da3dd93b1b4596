"""`placard doctor` on each broken state of data and models: it names the thing, and the fix."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import typer
from typer.testing import CliRunner

from feature_repo.home import Home
from feature_repo.table_names import EVENT_TABLES
from feature_repo.tables import TABLES
from pipelines.cli import doctor as verb
from pipelines.errors import Refused
from pipelines.ingest.collect import ingest
from pipelines.ingest.talkingdata import COLUMNS, TalkingData
from pipelines.registry import roles
from pipelines.registry.register import register_sealed
from serving.bundles.aliases import version_folder
from serving.bundles.smoke import smoke
from serving.language.dictionary import Dictionary
from serving.language.language import LANGUAGE, KnownWords, write_language
from serving.language.query_classifier import OUTPUTS
from serving.language.text_encoder import BUCKETS
from serving.settings import Settings
from serving.snapshot.manifest import current_version
from tests.worlds.small_market import DAYS

pytestmark = pytest.mark.filterwarnings("ignore")
LATE, LIVE, WAITING = DAYS[1], DAYS[2], DAYS[3]
FAR = WAITING + timedelta(days=100)


@pytest.fixture(scope="module")
def sound(platform: Any, tmp_path_factory: pytest.TempPathFactory) -> Home:
    """The small platform with two language models, of which the second is champion. Copied, never changed."""
    folder = tmp_path_factory.mktemp("sound")
    home = Home(Path(shutil.copytree(platform.home.root, folder / "placard", ignore=shutil.ignore_patterns("truth"))))
    words = KnownWords({"shoe": 3}, {"shoe"}, Dictionary.of([{"shoe": 3}]))
    weights = np.random.default_rng(1).normal(size=(BUCKETS, OUTPUTS)).astype(np.float32)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("serving.bundles.verified._smoke", smoke)
        for version in ("1", "2"):
            said = {"ranker": "linear", "trained_to": f"{LIVE}T0{version}:00:00", "metrics": {}}
            write_language(folder / "words", "0", words, [], {}, weights, np.zeros(OUTPUTS, np.float32), said)
            register_sealed(Settings(home_path=home.root), LANGUAGE, folder / "words", "trained", {})
            roles.promote(Settings(home_path=home.root), LANGUAGE, version, "good")
    return home


@pytest.fixture
def home(sound: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """It is the day after the one that waits to be published."""
    for module in ("days", "doctor_days", "published"):
        monkeypatch.setattr(f"pipelines.features.{module}.today", lambda: WAITING + timedelta(days=1))
    monkeypatch.setenv("PLACARD_HOME", str(tmp_path / "placard"))
    monkeypatch.setenv("PLACARD_PORT", "0")
    return Home(Path(shutil.copytree(sound.root, tmp_path / "placard")))


def examined() -> dict[str, dict[str, str]]:
    app = typer.Typer()
    app.callback()(lambda: None)
    verb.register(app)
    return {check["name"]: check for check in json.loads(CliRunner().invoke(app, ["doctor", "--json"]).stdout)["checks"]}


def missing(home: Home) -> None:
    for name in EVENT_TABLES:
        shutil.rmtree(home.partition(name, WAITING), ignore_errors=True)


def empty(home: Home) -> None:
    for file in [f for name in EVENT_TABLES for f in home.files(name, WAITING, WAITING)]:
        pq.write_table(pq.read_table(file, partitioning=None).slice(0, 0), file)


def late(home: Home) -> None:
    """Its features are not there, and those of a later day are live."""
    for table in TABLES:
        shutil.rmtree(home.feature_partition(table.name, LATE).parent)


def stale(home: Home) -> None:
    (file,) = home.files("impressions", LATE, LATE)
    pq.write_table(pq.read_table(file, partitioning=None).slice(1), file)


def unwritten(home: Home) -> None:
    """As a version published it that wrote no inputs down."""
    for table in TABLES:
        (home.feature_partition(table.name, LIVE).parent / "inputs.json").unlink()


def to_come(home: Home) -> None:
    for table in TABLES:
        shutil.copytree(home.feature_partition(table.name, LIVE).parent, home.feature_partition(table.name, FAR).parent)


def refused(home: Home) -> None:
    path = home.root.parent / "log.csv"
    path.write_text("\n".join([",".join(COLUMNS), *["broken"] * 20]) + "\n")
    with pytest.raises(Refused):
        ingest(home, TalkingData(), path)


def champion(home: Home) -> Path:
    return version_folder(home.bundles, LANGUAGE, "2")


def gone(home: Home) -> None:
    shutil.rmtree(champion(home))


def altered(home: Home) -> None:
    path = next(f for f in sorted(champion(home).iterdir()) if f.name != "manifest.json")
    path.write_bytes(path.read_bytes()[:-1] + b"!")


def unreadable(home: Home) -> None:
    (version_folder(home.bundles, LANGUAGE, "1") / "manifest.json").write_text("[" * 200_000)


def altered_column(home: Home) -> None:
    path = home.snapshots / current_version(home.snapshots) / "bid_micros.npy"
    np.save(path, np.load(path) * 20)


def half_a_line(home: Home) -> None:
    path = home.bundles / "journal.jsonl"
    path.write_bytes(path.read_bytes()[:-20])


def cut_short(home: Home) -> None:
    (home.bundles / "journal.intended.json").write_text("[]")


Broken = Callable[[Home], None]
STATES: list[tuple[Broken, str, str, str, str]] = [
    (missing, "days", "warn", f"missing: {WAITING}", "placard ingest day"),
    (empty, "days", "warn", f"empty: {WAITING}", "placard ingest day"),
    (late, "days", "warn", f"late: {LATE}", f"placard features rebuild --partition {LATE}"),
    (stale, "days", "warn", f"stale: {LATE}", f"placard features rebuild --partition {LIVE}"),
    (unwritten, "days", "warn", f"stale: {LIVE}", f"placard features rebuild --partition {LIVE}"),
    (to_come, "days", "bad", f"future: {FAR}", f"placard features retract --partition {FAR}"),
    (refused, "logs", "warn", "20 of 20 rows are bad", "quarantine/ingest/talkingdata"),
    (gone, "roles", "bad", "language 2 (@champion)", "placard rollback"),
    (altered, "roles", "bad", "language 2 (@champion)", "placard rollback"),
    (unreadable, "versions", "warn", "language 1", "Remove its folder"),
    (altered_column, "snapshot", "bad", "snapshot content", "publish"),
    (half_a_line, "changes", "warn", "lines of journal.jsonl", "placard registry list"),
    (cut_short, "changes", "warn", "cut short", "same command again"),
]


def test_of_a_sound_platform_nothing_is_wrong(home: Home) -> None:
    found = examined()
    assert {name: found[name]["verdict"] for _, name, *_ in STATES} == {name: "ok" for _, name, *_ in STATES}


@pytest.mark.parametrize(("broken", "name", "verdict", "seen", "fix"), STATES, ids=[state[0].__name__ for state in STATES])
def test_each_broken_state_is_named_with_its_fix(broken: Broken, name: str, verdict: str, seen: str, fix: str, home: Home) -> None:
    broken(home)
    check = examined()[name]
    assert check["verdict"] == verdict
    assert seen in check["seen"] and fix in check["fix"]


def test_a_log_that_was_taken_after_all_is_no_longer_named(home: Home) -> None:
    refused(home)
    assert examined()["logs"]["verdict"] == "warn"
    ingest(home, TalkingData(), home.root.parent / "log.csv", most_bad=1)
    assert examined()["logs"]["verdict"] == "ok"


def test_an_old_home_says_what_is_wrong_about_its_last_days(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing has come for a year; the last day but one that did came late."""
    late(home)
    for module in ("days", "doctor_days", "published"):
        monkeypatch.setattr(f"pipelines.features.{module}.today", lambda: date(WAITING.year + 1, 1, 1))
    check = examined()["days"]
    assert f"late: {LATE}" in check["seen"] and "more" in check["seen"] and f"--partition {LATE}" in check["fix"]
