"""Threads that run calls for others: as many as allowed, each taken back as soon as its call ends, and left behind when it does not."""

from __future__ import annotations

import math
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from serving.stores.lane import Lanes

WHILE_A_CALL_HANGS = """
import threading
from serving.stores.lane import Lanes
call = Lanes(1, "lane").hand_over(threading.Event().wait)
assert not call.ends_within(0.01)
"""


def test_a_lane_is_free_again_once_its_call_has_ended() -> None:
    lanes: Lanes[int] = Lanes(1, "lane")
    for i in range(1000):
        call = lanes.hand_over(lambda i=i: i)  # type: ignore[misc]
        assert call is not None and call.ends_within(math.inf) and call.result() == i


def test_no_more_run_at_once_than_allowed() -> None:
    lanes: Lanes[bool] = Lanes(2, "lane")
    go = threading.Event()
    calls = [lanes.hand_over(go.wait) for _ in range(3)]
    assert calls[2] is None
    assert calls[0] is not None and not calls[0].ends_within(0.0) and not calls[0].ends_within(-1.0)
    go.set()
    for call in calls[:2]:
        assert call is not None and call.ends_within(math.inf) and call.result()
    assert lanes.hand_over(go.wait) is not None


def test_what_a_call_raises_is_raised_where_its_result_is_asked_for() -> None:
    lanes: Lanes[float] = Lanes(1, "lane")
    for _ in range(2):
        call = lanes.hand_over(lambda: 1 / 0)
        assert call is not None and call.ends_within(math.inf)
        with pytest.raises(ZeroDivisionError):
            call.result()


def test_many_askers_get_their_own_results() -> None:
    lanes: Lanes[int] = Lanes(3, "lane")

    def ask(i: int) -> int:
        while (call := lanes.hand_over(lambda: i * i)) is None:
            pass
        assert call.ends_within(math.inf)
        return call.result()

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(ask, range(2000))) == [i * i for i in range(2000)]


def test_a_call_that_hangs_does_not_keep_the_process_alive() -> None:
    ended = subprocess.run([sys.executable, "-c", WHILE_A_CALL_HANGS], timeout=300, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
