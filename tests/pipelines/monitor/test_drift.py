from __future__ import annotations

from collections.abc import Callable
from datetime import date

import numpy as np
import pytest

from feature_repo.home import Home
from feature_repo.tables import TABLES
from pipelines.errors import Missing
from pipelines.monitor.drift import drift, reference_day
from pipelines.reporting.report import write_report
from pipelines.statistics.psi import psi

DAY, BEFORE = date(2026, 3, 9), date(2026, 3, 2)
MOVED = next((t.name, f.name) for t in TABLES for f in t.features if f.dtype == "float32")
Publish = Callable[..., None]
RNG = np.random.default_rng(3)


def test_psi_by_hand() -> None:
    """Two words, 3:1 against 1:1: (0.75 - 0.5) ln 1.5 + (0.25 - 0.5) ln 0.5."""
    value, _ = psi(np.array(["a", "a", "a", "b"], object), np.array(["a", "b", "a", "b"], object))
    assert value == pytest.approx(0.25 * np.log(1.5) - 0.25 * np.log(0.5))


def test_no_change_stays_below_chance_999_times_of_1000() -> None:
    reference = RNG.normal(size=2_000)
    over = [value > chance for value, chance in (psi(reference, RNG.normal(size=300)) for _ in range(300))]
    assert sum(over) <= 4


@pytest.mark.parametrize("current", [RNG.normal(1.0, 1, 5_000), np.full(5_000, np.nan), np.zeros(5_000)])
def test_a_change_shows(current: np.ndarray) -> None:
    value, chance = psi(RNG.normal(size=5_000), current)
    assert value > 0.25 > chance


def test_a_constant_column_has_not_moved() -> None:
    assert psi(np.ones(50), np.ones(70))[0] == 0


def test_only_what_moved_is_named(home: Home, publish: Publish) -> None:
    publish(BEFORE)
    publish(DAY, shift=3.0, moved=MOVED)
    result = drift(home, DAY)
    moved, still = result.figures[1], result.figures[2:]
    assert moved.name == ".".join(MOVED) and moved.holds is False
    assert all(f.holds for f in still)
    assert (result.figures[0].value, result.figures[0].holds) == (1, False)
    assert len(still) == sum(len(t.features) for t in TABLES) - 1


def test_the_reference_is_a_week_back_or_the_oldest(home: Home, publish: Publish) -> None:
    for day in (date(2026, 3, 1), BEFORE, date(2026, 3, 8), DAY):
        publish(day)
    name = TABLES[0].name
    assert reference_day(home, name, DAY) == BEFORE
    assert reference_day(home, name, date(2026, 3, 8)) == date(2026, 3, 1)
    assert reference_day(home, name, BEFORE) == date(2026, 3, 1)
    assert reference_day(home, name, date(2026, 3, 1)) is None


def test_a_day_that_was_never_published_is_named(home: Home) -> None:
    with pytest.raises(Missing, match="2026-03-09"):
        drift(home, DAY)


def test_the_first_day_has_nothing_to_be_compared_with(home: Home, publish: Publish) -> None:
    publish(DAY)
    assert [(f.name, f.value) for f in drift(home, DAY).figures] == [("features_drifted", 0)]
    with pytest.raises(Missing, match=str(BEFORE)):
        drift(home, DAY, BEFORE)


def test_the_page_holds_every_figure_and_escapes_names(home: Home, publish: Publish) -> None:
    publish(BEFORE)
    publish(DAY)
    result = drift(home, DAY)
    text = write_report(home, result).read_text()
    assert all(f.name in text for f in result.figures)
    again = write_report(home, result)
    assert again.read_text() == text and again.with_suffix(".json").exists()
