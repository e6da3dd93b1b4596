"""Which days Airflow starts by itself: asked of the timetable that the scheduler asks, with a clock that is set."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from airflow.dag_processing.dagbag import DagBag

NOW = datetime(2026, 2, 10, 9, 30, tzinfo=UTC)


@pytest.fixture
def timetable(bag: DagBag, monkeypatch: pytest.MonkeyPatch) -> Any:
    """That of features_daily, at NOW."""
    from airflow.serialization.encoders import coerce_to_core_timetable
    from airflow.timetables import trigger

    monkeypatch.setattr(trigger, "utcnow", lambda: NOW)
    return coerce_to_core_timetable(bag.dags["features_daily"].timetable)


def following(timetable: Any, last: Any, catchup: bool = False) -> Any:
    """What the scheduler plans after a run (None: after none)."""
    from airflow.timetables.base import TimeRestriction

    return timetable.next_dagrun_info_v2(last_dagrun_info=last, restriction=TimeRestriction(None, None, catchup=catchup))


def scheduled(timetable: Any, day: datetime) -> Any:
    """The run that the schedule made at a midnight."""
    from airflow.timetables.base import DagRunInfo

    before = day - timedelta(days=1)
    return DagRunInfo(run_after=day, data_interval=None, partition_date=before, partition_key=before.date().isoformat())


@pytest.mark.parametrize("catchup", [False, True])
def test_one_that_has_never_run_waits_for_midnight(timetable: Any, catchup: bool) -> None:
    planned = following(timetable, None, catchup)
    assert (planned.run_after, planned.partition_key) == (datetime(2026, 2, 11, tzinfo=UTC), "2026-02-10")


def test_the_first_backfill_brings_yesterday_and_then_the_midnights(timetable: Any) -> None:
    (filled,) = timetable.iter_partition_dagrun_infos(earliest=datetime(2026, 1, 16, tzinfo=UTC), latest=datetime(2026, 1, 16, tzinfo=UTC))
    planned = following(timetable, filled)
    assert (planned.run_after, planned.partition_key) == (datetime(2026, 2, 10, tzinfo=UTC), "2026-02-09"), "due at once"
    then = following(timetable, planned)
    assert (then.run_after, then.partition_key) == (datetime(2026, 2, 11, tzinfo=UTC), "2026-02-10")


def test_after_days_switched_off_the_newest_comes_alone_and_all_where_catchup_is_chosen(timetable: Any) -> None:
    last = scheduled(timetable, datetime(2026, 2, 6, tzinfo=UTC))
    assert following(timetable, last).partition_key == "2026-02-09"
    made_up, run = [], last
    while (run := following(timetable, run, catchup=True)).run_after <= NOW:
        made_up.append(run.partition_key)
    assert made_up == ["2026-02-06", "2026-02-07", "2026-02-08", "2026-02-09"]


def test_a_day_that_midnight_has_started_is_not_started_again(timetable: Any) -> None:
    assert following(timetable, scheduled(timetable, datetime(2026, 2, 10, tzinfo=UTC))).run_after == datetime(2026, 2, 11, tzinfo=UTC)
