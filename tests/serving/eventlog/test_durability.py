"""What was acknowledged is there after its writer was killed with SIGKILL, and writers in several processes agree."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest

from serving.eventlog.log import Event
from serving.eventlog.sqlite import SqliteEventLog
from serving.ledger.sqlite import SqliteLedger
from tests.serving.every_store import a_sale

DAY = date(2026, 3, 9)
WRITER = """
import sys
from datetime import UTC, date, datetime
from pathlib import Path
from serving.eventlog.log import Event
from serving.eventlog.sqlite import SqliteEventLog
from serving.ledger.ledger import Sale
from serving.ledger.sqlite import SqliteLedger

folder, name, limit = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
log, ledger, now = SqliteEventLog(folder / "events.db"), SqliteLedger(folder / "ledger.db"), datetime(2026, 3, 9, 12, tzinfo=UTC)
for n in range(limit):
    key = f"{name}{n}"
    new = log.append_events([Event(key, "d1", "a1", "click", now)], now)
    charged = ledger.charge(Sale(key, "k1", 10, 10**12, now, 0.0, 1.0), date(2026, 3, 9), now)
    print(key, int(new[0]), charged, flush=True)
"""
"""Acknowledges each event on a line once it is kept and charged."""


def writer(folder: Path, name: str, limit: int) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", WRITER, str(folder), name, str(limit)], stdout=subprocess.PIPE, text=True)


def test_nothing_acknowledged_is_lost_to_kill_9(tmp_path: Path, noon: datetime) -> None:
    process = writer(tmp_path, "e", 1_000_000)
    assert process.stdout is not None
    acknowledged = [process.stdout.readline() for _ in range(40)]
    process.send_signal(signal.SIGKILL)
    acknowledged += [line for line in process.stdout.readlines() if line.endswith("\n")]
    process.stdout.close()
    assert process.wait(120) == -signal.SIGKILL
    log, ledger = SqliteEventLog(tmp_path / "events.db"), SqliteLedger(tmp_path / "ledger.db")
    kept = {e.event_id for e, _ in log.events(noon - timedelta(days=1), noon + timedelta(days=1))}
    assert {line.split()[0] for line in acknowledged} <= kept
    assert len(kept) <= len(acknowledged) + 1, "at most the one that was being written is kept without a word"
    spent = int(ledger.spent(["k1"], DAY)[0])
    assert spent in (10 * len(acknowledged), 10 * len(kept))
    for key in sorted(kept):
        ledger.charge(a_sale(key, 10, 10**12), DAY, noon)
    assert int(ledger.spent(["k1"], DAY)[0]) == 10 * len(kept), "sent again, a charge that was cut off is completed"
    log.close()
    ledger.close()


def test_two_processes_agree_on_what_is_new_and_what_it_cost(tmp_path: Path) -> None:
    """Both send the same hundred events."""
    both = [writer(tmp_path, "e", 100) for _ in range(2)]
    lines = [line.split() for process in both for line in process.communicate(timeout=300)[0].splitlines()]
    assert [process.returncode for process in both] == [0, 0]
    assert len(lines) == 200 and sum(int(new) for _, new, _ in lines) == 100
    ledger = SqliteLedger(tmp_path / "ledger.db")
    assert list(ledger.spent(["k1"], DAY)) == [1_000]
    ledger.close()


@pytest.mark.parametrize("store", [SqliteEventLog, SqliteLedger])
def test_a_store_waits_for_the_disk(tmp_path: Path, store: Callable[[Path], SqliteEventLog | SqliteLedger]) -> None:
    """WAL, and a sync at each commit: what survives a power cut, which no test can cause."""
    opened = store(tmp_path / "s.db")
    modes = [opened._file.connection.execute(f"pragma {name}").fetchone()[0] for name in ("journal_mode", "synchronous")]
    assert modes == ["wal", 2]
    opened.close()


def test_a_batch_is_kept_whole_or_not_at_all(tmp_path: Path, noon: datetime) -> None:
    log = SqliteEventLog(tmp_path / "events.db")
    good, bad = Event("e1", "d1", "a1", "click", noon), Event("e2", "d1", "a1", "click", object())  # type: ignore[arg-type]  # cannot be encoded
    with pytest.raises(TypeError):
        log.append_events([good, bad], noon)
    assert log.event("e1") is None
    assert log.append_events([good], noon) == [True]
    log.close()
