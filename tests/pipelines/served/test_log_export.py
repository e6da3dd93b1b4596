"""The event log keeps its days for as long as the settings say, and forgets none that was not exported."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from pydantic import ValidationError
from typer.testing import CliRunner

from feature_repo.home import Home
from pipelines.__main__ import app
from pipelines.errors import PipelineError
from pipelines.served.log_export import DayCounts, export_day, exported, trim_log
from serving.eventlog.log import Event, EventLog
from serving.eventlog.memory import MemoryEventLog
from serving.eventlog.sqlite import SqliteEventLog
from serving.record.decision import Decision
from serving.settings import Settings

DAY = date(2026, 3, 9)
NEXT = DAY + timedelta(days=1)
KEPT = 100
Decide, Happen = Callable[..., Decision], Callable[..., Event]


@pytest.fixture
def two_days(eventlog: EventLog, decided: Decide, happened: Happen, noon: datetime) -> EventLog:
    """A decision a day; the first day's is clicked, and seen too late."""
    day = timedelta(days=1)
    for key, at in (("d1", noon), ("d2", noon + day)):
        eventlog.append_decision(decided(key, at))
    eventlog.append_events([happened("d1", "a1", "click", noon)], noon)
    eventlog.append_late([(happened("d1", "a1", "impression", noon), "after_the_window")], noon)
    return eventlog


def noon_of(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 12, tzinfo=UTC)


def lines(folder: Path, name: str) -> list[Any]:
    return [json.loads(line) for line in gzip.decompress((folder / f"{name}.jsonl.gz").read_bytes()).splitlines()]


def test_a_day_is_written_whole(home: Home, two_days: EventLog, decided: Decide, noon: datetime) -> None:
    folder, counts = export_day(home, two_days, DAY, NEXT)
    assert folder == home.exported_log(DAY) and counts == exported(home, DAY) == DayCounts(1, 1, 1)
    (record,) = lines(folder, "decisions")
    assert msgspec.convert(record, Decision) == decided("d1", noon)
    (event,), (late,) = lines(folder, "events"), lines(folder, "late")
    assert event["event"]["kind"] == "click" and datetime.fromisoformat(event["received"]) == noon
    assert (late["event"]["kind"], late["why"]) == ("impression", "after_the_window")
    assert export_day(home, two_days, DAY, NEXT)[1] == counts, "again, in place of the first"


def test_records_of_before_lose_what_may_not_be_kept(home: Home, eventlog: EventLog, decided: Decide, noon: datetime) -> None:
    eventlog.append_decision(decided("d1", noon, consent=False))
    folder, _ = export_day(home, eventlog, DAY, NEXT)
    (record,) = lines(folder, "decisions")
    assert (record["request"]["user_id"], record["request"]["consent"]) == ("", False)


def test_a_day_that_is_not_over_is_refused(home: Home, two_days: EventLog) -> None:
    with pytest.raises(PipelineError, match="not over"):
        export_day(home, two_days, DAY, DAY)
    assert exported(home, DAY) is None


def test_only_days_that_are_old_go_and_are_exported_first(home: Home, two_days: EventLog) -> None:
    today = DAY + timedelta(days=KEPT + 1)
    assert trim_log(home, two_days, KEPT, today - timedelta(days=1)) == ([], 0), "it is kept for a day yet"
    assert exported(home, DAY) is None and two_days.decision("d1") is not None
    assert trim_log(home, two_days, KEPT, today) == ([DAY], 3)
    assert exported(home, DAY) == DayCounts(1, 1, 1) and exported(home, NEXT) is None
    assert two_days.decision("d1") is None and two_days.decision("d2") is not None
    assert trim_log(home, two_days, KEPT, today) == ([], 0)


def test_what_came_since_an_export_is_exported_before_it_goes(home: Home, two_days: EventLog, happened: Happen, noon: datetime) -> None:
    export_day(home, two_days, DAY, NEXT)
    two_days.append_events([happened("d1", "a2", "click", noon)], noon)
    assert trim_log(home, two_days, KEPT, DAY + timedelta(days=KEPT + 1)) == ([DAY], 4)
    assert len(lines(home.exported_log(DAY), "events")) == 2


class DiesHalfWay:
    """A log that removes a day's decisions and is killed before it removes the events."""

    def __init__(self, log: EventLog) -> None:
        self._log = log

    def __getattr__(self, name: str) -> Any:
        return getattr(self._log, name)

    def forget(self, until: datetime) -> int:
        self._log._forget(*(("decisions", "at") if isinstance(self._log, SqliteEventLog) else ("decisions",)), until)  # type: ignore
        raise KeyboardInterrupt


def test_a_removal_that_was_killed_goes_on_and_its_export_stays_whole(home: Home, two_days: EventLog) -> None:
    today = DAY + timedelta(days=KEPT + 1)
    if isinstance(two_days, MemoryEventLog):
        pytest.skip("a log in memory is not left by half")
    with pytest.raises(KeyboardInterrupt):
        trim_log(home, DiesHalfWay(two_days), KEPT, today)  # type: ignore[arg-type]
    assert two_days.decision("d1") is None and len(list(two_days.events(noon_of(DAY), noon_of(NEXT)))) == 1
    with pytest.raises(PipelineError, match="holds"):
        export_day(home, two_days, DAY, today)
    assert trim_log(home, two_days, KEPT, today) == ([DAY], 2)
    assert exported(home, DAY) == DayCounts(1, 1, 1) and len(lines(home.exported_log(DAY), "decisions")) == 1


def test_an_export_that_lacks_one_thing_and_holds_more_of_another_is_neither_replaced_nor_trusted(
    home: Home, two_days: EventLog, happened: Happen, noon: datetime
) -> None:
    export_day(home, two_days, DAY, NEXT)
    two_days.append_events([happened("d1", "a2", "click", noon)], noon)
    (home.exported_log(DAY) / "counts.json").write_text('{"decisions": 9, "events": 1, "late": 1}')
    with pytest.raises(PipelineError, match="move it elsewhere"):
        trim_log(home, two_days, KEPT, DAY + timedelta(days=KEPT + 1))
    assert two_days.decision("d1") is not None


def test_an_empty_log_has_nothing_to_remove(home: Home, eventlog: EventLog) -> None:
    assert trim_log(home, eventlog, KEPT, DAY) == ([], 0)


def test_no_event_is_forgotten_before_it_may_count() -> None:
    with pytest.raises(ValidationError):
        Settings(eventlog_days=90)
    longest = Settings.model_fields["attribution"].annotation
    assert longest is not None and 24 * 90 in [getattr(m, "le", None) for m in longest.model_fields["conversion_window_hours"].metadata]


def test_the_verbs_say_what_they_did(home: Home, decided: Decide, noon: datetime, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLACARD_HOME", str(home.root))
    old = noon - timedelta(days=800)
    log = SqliteEventLog(home.eventlog / "events.db")
    log.append_decision(decided("d1", old))
    day = old.date().isoformat()
    done = CliRunner().invoke(app, ["eventlog", "export", "--partition", day, "--json"])
    assert json.loads(done.stdout)["decisions"] == 1
    done = CliRunner().invoke(app, ["eventlog", "trim", "--json"])
    assert json.loads(done.stdout) == {"days": [day], "removed": 1, "kept_days": 400}
    assert log.decision("d1") is None and log.first() is None
    log.close()
