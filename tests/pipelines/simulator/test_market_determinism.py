"""A day is a function of the market and the day: order, repetition and process do not matter."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest

from feature_repo.home import Home
from pipelines.errors import Missing, PipelineError
from pipelines.simulator.config import Laws, MarketConfig, load, save
from pipelines.simulator.simulate import simulate, simulate_day

SMALL = MarketConfig(seed=5, users=300, creatives=120, impressions_per_day=1500, horizon_days=30)
DAYS = [SMALL.first + timedelta(days=n) for n in range(4)]


def contents(root: Path) -> dict[str, bytes]:
    return {p.relative_to(root).as_posix(): p.read_bytes() for p in sorted(root.rglob("*")) if p.is_file()}


@pytest.fixture(scope="module")
def straight(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Four days in order, pictures included."""
    home = Home(tmp_path_factory.mktemp("straight"))
    simulate(home, SMALL, len(DAYS))
    return contents(home.root)


def test_days_in_any_order_and_again_give_the_same_bytes(tmp_path: Path, straight: dict[str, bytes]) -> None:
    home = Home(tmp_path)
    save(home, SMALL)
    for n in (2, 0, 3, 2, 1, 0):
        simulate_day(home, DAYS[n])
    assert contents(tmp_path) == straight


def test_days_made_at_once_by_processes_give_the_same_bytes(tmp_path: Path, straight: dict[str, bytes]) -> None:
    save(Home(tmp_path), SMALL)
    program = (
        "import sys; from datetime import date; from pathlib import Path; from feature_repo.home import Home;"
        "from pipelines.simulator.simulate import simulate_day; simulate_day(Home(Path(sys.argv[1])), date.fromisoformat(sys.argv[2]))"
    )
    running = [subprocess.Popen([sys.executable, "-c", program, str(tmp_path), str(day)]) for day in reversed(DAYS)]
    assert [p.wait(300) for p in running] == [0] * len(DAYS)
    assert contents(tmp_path) == straight


def test_another_seed_is_another_market(tmp_path: Path, straight: dict[str, bytes]) -> None:
    simulate(Home(tmp_path), replace(SMALL, seed=6, images=False), 1)
    name = f"events/impressions/day={DAYS[0]}/simulator.parquet"
    assert (tmp_path / name).read_bytes() != straight[name]


def test_a_day_that_was_cut_short_is_not_taken_for_whole(
    tmp_path: Path, straight: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Impressions are what a collector looks for; they come last, and making the day again completes it."""
    home = Home(tmp_path)
    save(home, SMALL)

    def cut(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as m, pytest.raises(KeyboardInterrupt):
        m.setattr("pipelines.simulator.simulate._deliver", cut)
        simulate_day(home, DAYS[0])
    assert not home.partition("impressions", DAYS[0]).exists()
    for day in DAYS:
        simulate_day(home, day)
    assert contents(tmp_path) == straight


def test_a_folder_holds_one_market(tmp_path: Path) -> None:
    home = Home(tmp_path)
    with pytest.raises(Missing, match="simulate"):
        load(home)
    save(home, SMALL)
    save(home, SMALL)
    assert load(home) == SMALL
    with pytest.raises(PipelineError, match="made otherwise"):
        save(home, replace(SMALL, laws=Laws(wear=0.0)))


def test_a_day_outside_the_market_is_refused(tmp_path: Path) -> None:
    save(Home(tmp_path), SMALL)
    for day in (SMALL.first - timedelta(days=1), SMALL.first + timedelta(days=SMALL.horizon_days), date(2031, 1, 1)):
        with pytest.raises(PipelineError, match="This market runs from"):
            simulate_day(Home(tmp_path), day)


@pytest.mark.parametrize("field", ["users", "creatives", "impressions_per_day", "candidates", "explored"])
def test_a_market_too_small_is_refused(field: str) -> None:
    with pytest.raises(PipelineError, match=field):
        replace(SMALL, **{field: -1})
