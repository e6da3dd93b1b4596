"""What a shadow does to the champion, in `bench serve`: a request's p99 beside one shadow over its p99 with none."""

from __future__ import annotations

import gc
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from pipelines.bench.serving.synthetic_request import synthetic_request
from pipelines.reporting.figure import Figure
from pipelines.statistics.bootstrap import ends
from serving.bundles import Bundle
from serving.engine.engine import Engine
from serving.engine.live import Live
from serving.eventlog.sqlite import SqliteEventLog
from serving.shadows.idle import Idle
from serving.shadows.shadows import Shadows

ALONE: Final = "none"
CONTROL: Final = "control"
"""As many requests again without a shadow: both are what the others are measured by, and one over the other is what a ratio of
two alike comes to on this machine."""
KINDS: Final = ("sleeps", "raises", "nan", "scores")
MOST_RATIO: Final = 1.05
BLOCK: Final = 20
"""Requests in a row beside the same shadow. A slow minute of the machine is longer, so it troubles every kind alike."""
PAUSE: Final = 0.005
"""Seconds between a request and the next, in the mean, as chance has it: in it a shadow scores, and is not always done."""
RESAMPLES: Final = 2_000


class _Told:
    """A shadow of the champion's own cost that does as told. A sleeper that is let go sleeps no more."""

    def __init__(self, of: Bundle, kind: str) -> None:
        self.manifest, self.name, self._bundle, self._kind = of.manifest, f"click@{kind}", of, kind
        self.let_go = threading.Event()

    def predict(self, matrix: NDArray[np.float32]) -> NDArray[np.float64]:
        if self._kind == "sleeps":
            self.let_go.wait(1)
        if self._kind == "raises":
            raise RuntimeError("out of order")
        scores = self._bundle.predict(matrix)
        return scores * np.nan if self._kind == "nan" else scores


def shadows(root: Path, engine: Engine, live: Live, requests: int) -> list[Figure]:
    """Figures of `requests` requests beside each kind of shadow; a request is decided, recorded and offered, as a worker does.

    Blocks of every kind take turns in one run, in an order drawn anew each round, and what a shadow still has to do when its block
    ends is done before the next begins. The intervals are of rounds that are drawn again with all their blocks: 95 %.
    """
    champion = live.bundle("click", "champion")
    assert champion is not None
    told = {kind: _Told(champion, kind) for kind in KINDS}
    seen: dict[str, Live] = {ALONE: live, CONTROL: live}
    for kind, shadow in told.items():
        bundle: Any = shadow
        seen[kind] = replace(live, bundles={**live.bundles, ("click", "shadow"): bundle})
    eventlog, idle, rng = SqliteEventLog(root / "shadows.sqlite"), Idle(), np.random.default_rng(6)
    behind = {kind: Shadows(lambda s=state: s, eventlog, idle, 256) for kind, state in seen.items()}  # type: ignore[misc]
    rounds = max(requests // BLOCK, 2)
    took = {kind: np.empty((rounds, BLOCK)) for kind in seen}
    with _as_a_worker():
        for n in range(-1, rounds):
            for kind in rng.permutation(list(seen)):
                if kind in told:
                    told[kind].let_go.clear()
                for i in range(BLOCK):
                    time.sleep(rng.exponential(PAUSE))
                    started = time.perf_counter()
                    with idle:
                        decision = engine.decide(synthetic_request(n * BLOCK + i), seen[kind])
                        eventlog.append_decision(decision)
                        behind[kind].offer(decision)
                    if n >= 0:
                        took[kind][n, i] = (time.perf_counter() - started) * 1000
                if kind in told:
                    told[kind].let_go.set()
                    _wait(behind[kind], (n + 2) * BLOCK)
    for each in behind.values():
        each.stop()
    eventlog.close()
    return _figures(took, rng)


@contextmanager
def _as_a_worker() -> Iterator[None]:
    """Collections do not go over the loaded libraries, as in serving."""
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def _wait(behind: Shadows, decisions: int) -> None:
    """Until so many decisions have been scored, have failed or were dropped."""
    deadline = time.monotonic() + 60
    while sum(behind.counts.values()) < decisions:
        if time.monotonic() > deadline:
            raise AssertionError(f"shadows did not end: {dict(behind.counts)} of {decisions}")
        time.sleep(0.001)


def _figures(took: dict[str, NDArray[np.float64]], rng: np.random.Generator) -> list[Figure]:
    drawn = [rng.integers(0, len(took[ALONE]), len(took[ALONE])) for _ in range(RESAMPLES)]
    alone = np.hstack([took[ALONE], took[CONTROL]])
    again = np.array([_p99(alone[rounds]) for rounds in drawn])
    figures = [
        Figure("shadow_none_p99_ms", _p99(alone), "ms"),
        Figure("shadow_control_p99_ratio", _p99(took[CONTROL]) / _p99(took[ALONE]), "ratio"),
    ]
    for kind in KINDS:
        low, high = ends([_p99(took[kind][rounds]) / p for rounds, p in zip(drawn, again, strict=True)])
        holds = True if high <= MOST_RATIO else False if low > MOST_RATIO else None
        ratio = _p99(took[kind]) / _p99(alone)
        figures += [
            Figure(f"shadow_{kind}_p99_ratio", ratio, "ratio", f"≤ {MOST_RATIO}", holds),
            Figure(f"shadow_{kind}_p99_ratio_low", float(low), "ratio"),
            Figure(f"shadow_{kind}_p99_ratio_high", float(high), "ratio"),
            Figure(f"shadow_{kind}_p50_ratio", float(np.median(took[kind]) / np.median(alone)), "ratio"),
        ]
    return figures


def _p99(ms: NDArray[np.float64]) -> float:
    return float(np.quantile(ms, 0.99))
