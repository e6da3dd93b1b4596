"""One data set of `bench rankers`: every family, and the peers that a user would pick instead, on the same rows, split and metrics."""

from __future__ import annotations

import importlib
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from feature_repo.errors import PlacardError
from pipelines.bench.rankers.data import Task
from pipelines.bench.rankers.peers.peer import Given, Peer
from pipelines.datasets.dataset import Dataset
from pipelines.evaluate.contest import BASE_RATE, BOUND, OURS, PEER, TRUTH, Contest, Floats, contest
from pipelines.evaluate.offline import predict
from pipelines.operations.verb import Progress
from pipelines.rankers.fit_bundle import RankerFamily, Ready, fit_bundle, read_by
from serving.bundles.calibrator import probability

SEED: Final = 7
AT_ONCE: Final = 1000
"""Rows scored together: the candidates of a request."""
SCORING_SECONDS: Final = 5.0
FEWEST_SCORINGS: Final = 15


@dataclass(frozen=True)
class Cost:
    """training_s: by the clock, on two threads, with what all families share; training_cpu_s: of all threads, which other work on the
    machine troubles less. us_per_row: one thread, AT_ONCE rows together; see _micros."""

    training_s: float
    training_cpu_s: float
    us_per_row: float
    size_bytes: int


@dataclass(frozen=True)
class Result:
    """costs: by contender. left_out: who could not run, and why. titles: of the peers, as people know them."""

    task: Task
    contest: Contest
    costs: dict[str, Cost]
    left_out: dict[str, str]
    titles: dict[str, str]


def measure(task: Task, families: Iterable[RankerFamily], peers: Iterable[Peer], say: Progress) -> Result:
    """Trains and judges everybody who can run here."""
    dataset, test = task.dataset, task.dataset.part("test")
    label, rows = dataset.label[test], dataset.rows[test].reset_index(drop=True)
    scores: dict[str, tuple[str, Floats]] = {BASE_RATE: (BOUND, np.full(len(label), label.mean()))}
    if task.truth is not None:
        scores[TRUTH] = (BOUND, task.truth)
    costs: dict[str, Cost] = {}
    left_out: dict[str, str] = {}
    titles: dict[str, str] = {}

    def enter(name: str, side: str, needs: str, run: Callable[[], tuple[Floats, Cost]]) -> None:
        say(f"{name}: training on {int((~test).sum()):,} rows")
        try:
            if needs:
                importlib.import_module(needs)  # before the clock runs
            p, cost = run()
        except ImportError as absent:
            left_out[name] = f"not installed: {absent.name or absent}"
            say(f"{name}: {left_out[name]}")
            return
        except PlacardError as refused:
            left_out[name] = f"{refused.thing} {refused.value}: {refused.fix}"
            say(f"{name}: {left_out[name]}")
            return
        scores[name], costs[name] = (side, p), cost
        say(f"{name}: {cost.training_s:.0f} s, {cost.us_per_row:.1f} µs a row")

    shared: dict[tuple[str, ...], _Clock] = {}
    for family in families:
        enter(family.name, OURS, family.needs, lambda family=family: _ours(family, dataset, test, shared))  # type: ignore[misc]
    early, late, both, tested = peer_rows(dataset)
    for peer in peers:
        titles[peer.name] = peer.title
        enter(peer.name, PEER, peer.needs, lambda peer=peer: _theirs(peer, early, late, both, tested, dataset))  # type: ignore[misc]
    say("intervals")
    return Result(task, contest(scores, label, rows, SEED), costs, left_out, titles)


class _Clock:
    """Seconds by the clock and of all threads between its making and its stop."""

    def __init__(self) -> None:
        self.seconds, self.cpu = -time.perf_counter(), -time.process_time()

    def stop(self) -> None:
        self.seconds, self.cpu = self.seconds + time.perf_counter(), self.cpu + time.process_time()


def _prepare(dataset: Dataset) -> _Clock:
    """What families that read the same columns share, computed once and kept with the dataset: positions, evidence of identities."""
    clock = _Clock()
    ready = Ready.of(dataset)
    for rows in (dataset.part("train"), dataset.part("train", "calibrate")):
        if dataset.label[rows].any():
            ready.encoded(rows)
    clock.stop()
    return clock


def _ours(
    family: RankerFamily, dataset: Dataset, test: NDArray[np.bool_], shared: dict[tuple[str, ...], _Clock]
) -> tuple[Floats, Cost]:  # fmt: skip
    """shared: what was prepared already, by the columns that are read."""
    mine = read_by(family, dataset)
    if mine.input.names not in shared:
        shared[mine.input.names] = _prepare(mine)
    before = shared[mine.input.names]
    with tempfile.TemporaryDirectory() as place:
        clock = _Clock()
        bundle = fit_bundle(family, dataset, Path(place) / "bundle", "0")
        clock.stop()
        size = sum(f.stat().st_size for f in (Path(place) / "bundle").iterdir())
        p = predict(bundle, dataset, test)
        some = np.ascontiguousarray(mine.matrix[np.flatnonzero(test)[:AT_ONCE]])
        micros = _micros(lambda: bundle.predict(some), len(some))
        return p, Cost(clock.seconds + before.seconds, clock.cpu + before.cpu, micros, size)


def _theirs(peer: Peer, early: Given, late: Given, both: Given, test: Given, dataset: Dataset) -> tuple[Floats, Cost]:
    """Their log-odds corrected for down-sampling as ours are; no calibration, since none of them brings one."""
    clock = _Clock()
    fitted = peer.fit(early, late, both)
    clock.stop()
    kept = float(dataset.rows.loc[dataset.part("train"), "weight_rate"].iloc[0])
    p = probability(fitted.logits(test, threads=2) + np.log(kept))
    some = test.part(slice(0, AT_ONCE))
    micros = _micros(lambda: fitted.logits(some, threads=1), len(some.label))
    return p, Cost(clock.seconds, clock.cpu, micros, fitted.size)


def _micros(score: Callable[[], object], rows: int) -> float:
    """Microseconds a row of one thread, by its own clock: what the fastest tenth of some seconds' calls stays below. Whoever else runs on
    the same core makes a call take up to twice as long, for seconds at a time, which says nothing of the code."""
    seconds: list[float] = []
    end = time.monotonic() + SCORING_SECONDS
    with threadpool_limits(1):
        score()
        while len(seconds) < FEWEST_SCORINGS or time.monotonic() < end:
            started = time.process_time()
            score()
            seconds.append(time.process_time() - started)
    return float(np.quantile(seconds, 0.1)) / max(rows, 1) * 1e6


def peer_rows(dataset: Dataset) -> tuple[Given, Given, Given, Given]:
    """Train, early-stop, both, and test rows as peers get them; identities counted from 0 by what was shown before the test."""
    ready = Ready.of(dataset)
    numeric = [i for i, c in enumerate(dataset.input.columns) if c.kind == "numeric"]
    before = dataset.part("train", "calibrate")
    identities = np.full((len(dataset.rows), len(ready.categories)), -1, np.int64)
    for at, column in enumerate(ready.categories):
        codes = dataset.matrix[:, column].astype(np.int64)
        known = np.unique(codes[before])
        place = np.minimum(np.searchsorted(known, codes), len(known) - 1)
        identities[:, at] = np.where(known[place] == codes, place, -1)
    position = dataset.rows["position"].to_numpy(np.float32)

    def given(rows: NDArray[np.bool_]) -> Given:
        numbers = np.ascontiguousarray(dataset.matrix[rows][:, numeric])
        return Given(numbers, identities[rows], position[rows], ready.offset[rows], dataset.label[rows])

    return given(dataset.part("train")), given(dataset.part("calibrate")), given(before), given(dataset.part("test"))
