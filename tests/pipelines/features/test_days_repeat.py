"""A day's verbs, as a scheduler may run them: twice, out of order, and again after kill -9. The published content is the same."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import pytest

from feature_repo.home import Home
from feature_repo.tables import TABLES
from pipelines.features.content import content_hash
from pipelines.features.publish import publish
from pipelines.features.validate import validate
from pipelines.ingest.day import collect_day
from pipelines.simulator.config import MarketConfig
from pipelines.simulator.simulate import simulate
from serving.settings import Settings
from tests.pipelines.built_day import build_all

# Great Expectations imports modules of the standard library that have gone out of use.
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore:module 'sre_:DeprecationWarning")]
FIRST = date(2026, 1, 17)
DAYS = [FIRST + timedelta(days=n) for n in range(2)]
SMALL = MarketConfig(start=str(FIRST), users=200, creatives=40, impressions_per_day=800, images=False)


def run_days(home: Home, days: Iterable[date]) -> str:
    """What the tasks of features_daily do, a day after the other."""
    settings = Settings(PLACARD_HOME=home.root)
    for day in days:
        collect_day(settings, day, settings.ingest.sources)
        build_all(home, day)
        for table in TABLES:
            validate(home, table, day)
        publish(settings, [day])
    return content_hash(home)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """Both days of logs, nothing built."""
    home = Home(tmp_path_factory.mktemp("world") / "placard")
    simulate(home, SMALL, len(DAYS))
    return home


@pytest.fixture
def fresh(world: Home, tmp_path: Path) -> Home:
    return Home(Path(shutil.copytree(world.root, tmp_path / "placard")))


@dataclass(frozen=True)
class Done:
    """A platform on which some days were run, and the hash of what it published. Not to be written to."""

    home: Home
    content: str

    def copied(self, folder: Path) -> Home:
        return Home(Path(shutil.copytree(self.home.root, folder / "placard")))


@pytest.fixture(scope="module")
def first_day(world: Home, tmp_path_factory: pytest.TempPathFactory) -> Done:
    """The first of the days alone."""
    home = Home(Path(shutil.copytree(world.root, tmp_path_factory.mktemp("first") / "placard")))
    return Done(home, run_days(home, DAYS[:1]))


@pytest.fixture(scope="module")
def in_order(first_day: Done, tmp_path_factory: pytest.TempPathFactory) -> Done:
    """Each day once, in order: the reference, in another folder than what is compared with it."""
    home = first_day.copied(tmp_path_factory.mktemp("reference"))
    return Done(home, run_days(home, DAYS[1:]))


def test_a_day_run_twice_changes_nothing(in_order: Done, tmp_path: Path) -> None:
    home = in_order.copied(tmp_path)
    assert content_hash(home) == in_order.content
    assert run_days(home, [DAYS[-1], DAYS[0]]) == in_order.content


def test_days_out_of_order_come_to_the_same(in_order: Done, fresh: Home) -> None:
    assert run_days(fresh, reversed(DAYS)) == in_order.content


def test_the_hash_tells_days_apart(first_day: Done, in_order: Done) -> None:
    """Else the tests above would hold for a constant."""
    assert first_day.content != in_order.content


KILLED = """
import os, signal, sys
real, left = os.replace, int(sys.argv[1])
def replace(*args, **kwargs):
    global left
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    left -= 1
    return real(*args, **kwargs)
os.replace = replace
sys.argv[1:] = sys.argv[2:]
from pipelines.__main__ import main
main()
"""
"""The command, killed instead of its n-th rename: between any two of its steps."""


def killed(home: Home, after: int, *words: str) -> bool:
    """Whether the verb got that far; a verb with fewer renames ends well."""
    argv = [sys.executable, "-c", KILLED, str(after), *words]
    done = subprocess.run(argv, env={**os.environ, "PLACARD_HOME": str(home.root)}, capture_output=True, check=False)
    assert done.returncode in (0, -signal.SIGKILL), done.stderr.decode()
    return done.returncode != 0


@pytest.mark.parametrize("words", [("build", "--table", "user_embedding"), ("validate",), ("publish",)], ids=lambda w: w[0])
def test_a_verb_killed_between_any_two_steps_is_made_good_by_the_next_run(
    first_day: Done, in_order: Done, tmp_path: Path, words: tuple[str, ...]
) -> None:
    home, day = first_day.copied(tmp_path), DAYS[1]
    if words[0] != "build":
        build_all(home, day)
    if words[0] == "publish":
        for table in TABLES:
            validate(home, table, day)
    steps = 0
    while killed(home, steps, "features", *words, "--partition", str(day)):
        steps += 1
        assert steps < 40
    assert steps > 0 or words[0] == "validate"
    assert run_days(home, [day]) == in_order.content
