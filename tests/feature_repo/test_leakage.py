"""Nothing computed as of a moment reads what became known later: 500 timelines of users, of ads and of queries against a slow oracle."""

from __future__ import annotations

import random
import shutil
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from feature_repo.home import Home
from feature_repo.tables import TABLES
from tests.examples import examples

pytestmark = pytest.mark.filterwarnings("ignore:fetch_arrow_table")  # Ibis's own
WORLDS, EACH = 10, 50  # at least as many known entities a world
BY_NAME = {t.name: t for t in TABLES}


@pytest.mark.parametrize("seed", range(WORLDS))
def test_no_value_knows_the_future(seed: int, timelines: Any, tmp_path: Path) -> None:
    """WORLDS × EACH timelines of users and as many of ads; every value of every feature."""
    world = timelines.make(seed, EACH + 18, EACH + 18)
    home = world.write(tmp_path)
    for name, oracle in timelines.oracles:
        found = timelines.built(home, BY_NAME[name], world.as_of)
        assert len(found) >= EACH
        assert timelines.differing(found, oracle(world)) == []


def test_the_oracle_would_see_a_leak(timelines: Any, tmp_path: Path) -> None:
    """Else the test above would hold for any build: most entities have events that become known after the moment."""
    world = timelines.make(0, EACH, EACH)
    home = world.write(tmp_path)
    for name, oracle in timelines.oracles:
        found = timelines.built(home, BY_NAME[name], world.as_of)
        wrong = timelines.differing(found, oracle(world, leak=True))
        assert len({w.split(".")[0] for w in wrong}) > EACH // 2


def test_every_table_with_an_expression_has_an_oracle_or_holds_no_events(timelines: Any) -> None:
    told = {name for name, _ in timelines.oracles}
    events = {"impressions", "engagements", "activity", "queries", "decisions"}
    assert {t.name for t in TABLES if t.build is not None and events & {*t.reads}} == told


@pytest.fixture(scope="module")
def before(timelines: Any, tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Path, dict[str, Any]]:
    world = timelines.make(99, 25, 25)
    home = world.write(tmp_path_factory.mktemp("before"))
    return world, home.root, {n: timelines.built(home, BY_NAME[n], world.as_of) for n in BY_NAME if n in dict(timelines.oracles)}


@settings(
    max_examples=examples(5),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    derandomize=True,
)
@given(seed=st.integers(0, 2**32), share=st.sampled_from([0.05, 0.5, 1.0]))
def test_rewriting_what_is_not_yet_known_changes_nothing(
    before: tuple[Any, Path, dict[str, Any]], timelines: Any, tmp_path: Path, seed: int, share: float
) -> None:
    world, _, expected = before
    rng, changed = random.Random(seed), 0
    rewritten = type(world)(world.as_of, {})
    for name, rows in world.tables.items():
        others = [dict(r) for r in rows]
        for row in others:
            if row["created_ts"] >= world.as_of and rng.random() < share:
                twin = rng.choice(rows)  # anything but the key and the moment it became known may change
                row |= {k: v for k, v in twin.items() if k not in ("created_ts", "event_id", "impression_id")}
                changed += 1
        rewritten.tables[name] = others
    assert changed > 0
    shutil.rmtree(tmp_path / "after", ignore_errors=True)
    home: Home = rewritten.write(tmp_path / "after")
    for name, values in expected.items():
        assert timelines.built(home, BY_NAME[name], world.as_of) == values
