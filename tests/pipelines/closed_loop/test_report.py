"""The closed loop's report: sums over days, the last third apart, and a picture of both arms."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from feature_repo.home import Home
from pipelines.closed_loop.arm_day import ArmDay, ServedPart, read_days, read_served, write_day, write_served
from pipelines.closed_loop.report import figures, lines, picture
from pipelines.closed_loop.served_day import Happened
from pipelines.evaluate.regret import BY_LOT, WON, DayWorth
from serving.eventlog.log import Event

ONE = ArmDay(
    day="2026-02-05", visits=100, shown=120, events={"impression": 120, "click": 3, "hide": 1}, uncounted={}, answered_by={"full": 90},
    spend_micros=2_000_000, calibration=1.5, calibration_by_lot=1.0, value_micros=3e6, best_micros=6e6, regret_share=0.5, regret_low=0.4,
    regret_high=0.6, regret_by_surface={"search": 0.5}, explored_share=0.1, champion={"click": "1", "conversion": ""}, promoted=("click",),
    refused={"conversion": "too few"}, seconds={"serve": 1.0},
)  # fmt: skip


@pytest.fixture
def days() -> list[ArmDay]:
    """Three days, the last with less regret and more ads."""
    last = replace(ONE, day="2026-02-07", value_micros=8e6, best_micros=10e6, regret_share=0.2, calibration=1.2, shown=240, promoted=())
    return [ONE, replace(ONE, day="2026-02-06", calibration=None, shown=0, regret_share=None, regret_low=None, regret_high=None), last]


def test_shares_are_of_sums_and_ratios_by_what_was_shown(days: list[ArmDay]) -> None:
    found = {f.name: f.value for f in figures({"explored": days})}
    assert found["explored.regret_share"] == pytest.approx(1 - (3 + 3 + 8) / (6 + 6 + 10))
    assert found["explored.late_regret_share"] == pytest.approx(0.2)
    assert found["explored.calibration_ratio"] == pytest.approx((1.5 * 120 + 1.2 * 240) / 360)
    assert (found["explored.clicks"], found["explored.hides"], found["explored.promotions"]) == (9, 3, 2)


def test_the_table_has_a_line_a_day_and_marks_who_was_promoted(days: list[ArmDay]) -> None:
    title, head, *rows = lines({"unexplored": days})
    assert title == "[bold]unexplored[/]" and len(rows) == 3 and head.split()[:3] == ["day", "visits", "shown"]
    assert "click 1*" in rows[0] and "click 1*" not in rows[2] and "conversion none" in rows[0]
    assert "50.0%" in rows[0] and " - " in rows[1] and "20.0%" in rows[2]


def test_the_picture_is_a_picture_also_where_days_lack_figures(days: list[ArmDay]) -> None:
    drawn = picture({"explored": days, "unexplored": days[:1]})
    assert drawn.startswith(b"\x89PNG") and drawn == picture({"explored": days, "unexplored": days[:1]})


def test_what_is_kept_of_a_day_is_read_again(home: Home) -> None:
    event = Event("e1", "d1", "c1", "conversion", datetime(2026, 2, 6, 3, tzinfo=UTC), 5)
    worth = DayWorth(["search", "proactive"], [1.0, 2.0], [2.0, 2.0], {WON: 0.3, BY_LOT: 0.0}, {WON: 0.2, BY_LOT: 0.0}, 0, 3)
    part = ServedPart.of(date(2026, 2, 5), Happened(shown=4, events={"impression": 4}, waiting=[event]), worth, 2.0, seed=7)
    assert read_served(home, date(2026, 2, 5)) is None
    write_served(home, date(2026, 2, 5), part)
    assert read_served(home, date(2026, 2, 5)) == part and part.waiting == [event]
    kept = part.figures
    assert kept["calibration"] == pytest.approx(1.5) and kept["calibration_by_lot"] is None and kept["visits"] == 3
    assert kept["regret_share"] == pytest.approx(0.25) and kept["regret_by_surface"] == {"search": 0.5, "proactive": 0.0}
    assert kept["regret_low"] <= 0.25 <= kept["regret_high"]
    write_day(home, ONE)
    write_day(home, replace(ONE, day="2026-02-04"))
    assert [d.day for d in read_days(home)] == ["2026-02-04", "2026-02-05"] and read_days(home)[1] == ONE
