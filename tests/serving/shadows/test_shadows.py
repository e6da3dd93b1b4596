"""Shadows stay out of the way: an offer never waits, a request in hand comes first, and swaps neither lose nor leave threads."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest

from feature_repo.services import CLICK
from serving.engine.live import Live
from serving.eventlog.memory import MemoryEventLog
from serving.record.decision import Decision, Funnel, RankedAd
from serving.record.request import AdRequest
from serving.shadows.idle import Idle
from serving.shadows.shadow import PATIENCE
from serving.shadows.shadows import Shadows

QUEUE = 4


class Told:
    """A bundle that scores once it is let."""

    def __init__(self, name: str, free: bool = True) -> None:
        self.name, self.manifest = name, type("Manifest", (), {"columns": CLICK.names})()
        self.go, self.asked = threading.Event(), threading.Event()
        if free:
            self.go.set()

    def predict(self, matrix: np.ndarray) -> np.ndarray:
        self.asked.set()
        self.go.wait(300)
        return np.full(len(matrix), 0.5)


class Behind:
    """Shadows, and what a test says of them."""

    def __init__(self) -> None:
        self.live, self.idle, self.log = Live(None), Idle(), MemoryEventLog()
        self.shadows = Shadows(lambda: self.live, self.log, self.idle, QUEUE)

    def set(self, *bundles: Told) -> None:
        found: Any = {("click", f"shadow_{i}"): bundle for i, bundle in enumerate(bundles)}
        self.live = replace(self.live, bundles=found)

    def became(self, wanted: dict[tuple[str, str], int], seconds: float = 120) -> bool:
        deadline = time.monotonic() + seconds
        while self.shadows.counts != wanted and time.monotonic() < deadline:
            time.sleep(0.005)
        return self.shadows.counts == wanted


@pytest.fixture
def behind() -> Iterator[Behind]:
    made = Behind()
    yield made
    made.shadows.stop()


@pytest.fixture
def decision() -> Decision:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    shown = RankedAd("c", "k", "a", "cpc", 1_000, 0.1, None, 1.0, 1_000, 1, features=(0.0,) * len(CLICK.names))
    request = AdRequest("r", "proactive", "u", at)
    return Decision("d1", request, at, "full", "click@1", CLICK.name, "v1", Funnel({}, {}, 0, 0, 1), (shown,), ())


def test_an_offer_never_waits_for_a_shadow_that_never_answers(behind: Behind, decision: Decision) -> None:
    stuck = Told("click@9", free=False)
    behind.set(stuck)
    behind.shadows.offer(decision)
    assert stuck.asked.wait(120)
    asking = threading.Thread(target=lambda: [behind.shadows.offer(decision) for _ in range(1_000)], daemon=True)
    asking.start()
    asking.join(120)
    assert not asking.is_alive(), "a thousand offers wait for nobody"
    assert behind.shadows.counts == {("click@9", "dropped"): 1_000 - QUEUE}
    stuck.go.set()
    assert behind.became({("click@9", "dropped"): 1_000 - QUEUE, ("click@9", "scored"): QUEUE + 1})


def test_a_shadow_lets_a_request_in_hand_go_first_but_not_for_ever(
    behind: Behind, decision: Decision, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("serving.shadows.shadow.PATIENCE", 60)
    shadow = Told("click@2")
    behind.set(shadow)
    with behind.idle:
        with behind.idle:  # another request, at once
            behind.shadows.offer(decision)
        assert not shadow.asked.wait(0.3), "one of the two is still in hand"
    assert shadow.asked.wait(120)
    shadow.asked.clear()
    monkeypatch.undo()
    with behind.idle:
        behind.shadows.offer(decision)
        assert shadow.asked.wait(120 * PATIENCE), "a worker that is never idle still has its shadows score a few"


def test_a_request_that_breaks_is_no_longer_in_hand() -> None:
    idle = Idle()
    with pytest.raises(RuntimeError), idle:
        raise RuntimeError
    assert idle.wait(0)


def test_shadows_come_and_go_with_their_aliases_and_their_counts_stay(behind: Behind, decision: Decision) -> None:
    before = threading.active_count()
    one, other, stuck = Told("click@2"), Told("click@3"), Told("click@4", free=False)
    behind.set(one, stuck)
    behind.shadows.offer(decision)
    assert stuck.asked.wait(120) and behind.became({("click@2", "scored"): 1})
    behind.set(other)
    behind.shadows.offer(decision)
    stuck.go.set()
    assert behind.became({(name, "scored"): 1 for name in ("click@2", "click@3", "click@4")}), "what was being scored is"
    deadline = time.monotonic() + 120
    while threading.active_count() > before + 1 and time.monotonic() < deadline:
        time.sleep(0.01)
    assert threading.active_count() == before + 1, "who is gone leaves no thread"
    behind.set(one)
    behind.shadows.offer(decision)
    assert behind.became({("click@2", "scored"): 2, ("click@3", "scored"): 1, ("click@4", "scored"): 1})


def test_a_shadow_reads_its_own_columns_by_name(behind: Behind, decision: Decision) -> None:
    some = Told("click@4")
    some.manifest.columns = (CLICK.names[5], CLICK.names[2])
    seen: list[np.ndarray] = []
    some.predict = lambda matrix: (seen.append(matrix), np.full(len(matrix), 0.5))[1]  # type: ignore[method-assign]
    shown = replace(decision.shown[0], features=tuple(float(i) for i in range(len(CLICK.names))))
    behind.set(some)
    behind.shadows.offer(replace(decision, shown=(shown,)))
    assert behind.became({("click@4", "scored"): 1}) and seen[0].tolist() == [[5.0, 2.0]]


def test_what_a_shadow_cannot_read_is_counted(behind: Behind, decision: Decision) -> None:
    other = Told("click@5")
    other.manifest.columns = (*CLICK.names[:3], "from another release")
    behind.set(other)
    behind.shadows.offer(decision)
    assert behind.became({("click@5", "unreadable"): 1}) and not other.asked.is_set()
    behind.shadows.offer(replace(decision, shown=(replace(decision.shown[0], features=()),)))
    assert behind.became({("click@5", "unreadable"): 2})


def test_nothing_is_queued_without_room_without_ads_or_after_the_end(behind: Behind, decision: Decision) -> None:
    behind.set(Told("click@2"))
    behind.shadows.offer(replace(decision, shown=()))
    Shadows(lambda: behind.live, behind.log, behind.idle, 0).offer(decision)
    behind.shadows.stop()
    behind.shadows.offer(decision)
    assert behind.became({})
