"""One log line a minute for a part that is out of order."""

from __future__ import annotations

import logging

import pytest

from serving.seldom import Seldom

log = logging.getLogger(__name__)


def test_a_part_has_one_line_a_minute_and_the_next_counts_the_rest(caplog: pytest.LogCaptureFixture) -> None:
    now = 0.0
    seldom = Seldom(lambda: now)
    for second in range(130):
        now = float(second)
        for part in ("ledger", "event log"):
            assert seldom.log(log, logging.ERROR, part, "%s is gone", part) == (second % 60 == 0)
    of_one = [r.getMessage() for r in caplog.records if r.getMessage().startswith("ledger")]
    assert of_one == ["ledger is gone"] + ["ledger is gone (59 more like it since the last such line)"] * 2
    assert len(caplog.records) == 6


def test_the_error_in_hand_is_told_with_its_traceback_where_asked(caplog: pytest.LogCaptureFixture) -> None:
    try:
        raise ValueError("odd")
    except ValueError:
        Seldom().log(log, logging.ERROR, "part", "it broke", traceback=True)
    assert caplog.records[0].exc_info is not None
