"""`bench serve`: the engine beside the naive way and the floor, the stages, and HTTP."""

from __future__ import annotations

import gc
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from feature_repo.home import Home
from feature_repo.services import CLICK
from feature_repo.tables import USER_TABLES
from feature_repo.user_row import UserRow
from pipelines.bench.search.search_market import Market, over_markets
from pipelines.bench.serving.naive import Naive
from pipelines.bench.serving.synthetic import catalogue, ranker
from pipelines.bench.serving.tiers import tiers
from pipelines.bench.serving.tiers_market import measure
from pipelines.demo.traffic import Client
from pipelines.errors import PipelineError
from pipelines.operations.api_server import server
from pipelines.operations.verb import Progress
from pipelines.reporting.figure import Figure, report
from serving.bundles.aliases import write_aliases
from serving.bundles.trees import Trees
from serving.engine.candidates import Candidates
from serving.engine.engine import Engine
from serving.engine.live import Live
from serving.engine.stages import NOBODY
from serving.http.access import secret
from serving.ledger.memory import MemoryLedger
from serving.precision.model_matrix import model_matrix
from serving.record.request import AdRequest
from serving.settings import Settings, load
from serving.snapshot import open_current
from serving.surfaces.proactive import proactive
from serving.understanding.profile import Profile

SCORED = 1_000
BUSY = 503
"""The status of what finds its queue full."""
VERDICT = {None: "", True: "holds", False: "MISSED"}
SIZES = (10_000, 1_000_000)
SMALL = 10_000
"""Ads of a catalogue that stays in the processor's caches."""
OVER_FLOOR = {True: 1.35, False: 1.5}
"""The most that a whole decision may take, in times of the trees' own time; by whether the catalogue is SMALL."""
HTTP_OVER_ENGINE_MS = 1.5
"""Most milliseconds that a request by HTTP may take beyond the engine: the wire, the checks, and a record that is on the disk."""


class Everyone:
    """Profiles from memory, different for each user, so that recall has something to find."""

    def __init__(self) -> None:
        self._known = {f"u{i}": self._draw(i) for i in range(97)}

    def read(self, user_id: str, now: datetime) -> UserRow:
        return self._known[user_id]

    def _draw(self, seed: int) -> UserRow:
        rng = np.random.default_rng(seed)
        columns = {f.name: f.filled(1) for t in USER_TABLES for f in t.features}
        for t in USER_TABLES:
            for f in t.features:
                if f.dtype == "vector":
                    columns[f.name] = np.abs(rng.normal(scale=0.2, size=(1, f.width))).astype(np.float32)
        return UserRow(columns, ())


def in_turn(calls: list[Callable[[int], Any]], n: int) -> list[np.ndarray]:
    """Milliseconds of n rounds of several calls, one after the other, so that a noisy neighbour troubles all alike."""
    for i in range(max(n // 10, 3)):
        for call in calls:
            call(i)
    gc.collect()
    gc.disable()
    try:
        out = np.empty((len(calls), n))
        for i in range(n):
            for j, call in enumerate(calls):
                started = time.perf_counter()
                call(i)
                out[j, i] = (time.perf_counter() - started) * 1000
        return list(out)
    finally:
        gc.enable()


@contextmanager
def one_core() -> Iterator[None]:
    """This thread, and those that it starts, stay on one core where the system can say so: waking another costs what no stage does."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(allowed)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, allowed)


def timed(call: Callable[[int], Any], n: int) -> np.ndarray:
    """Milliseconds of n calls, after a tenth as many to warm up."""
    return in_turn([call], n)[0]


def _request(i: int) -> AdRequest:
    at = datetime.now(UTC) + timedelta(seconds=1)
    return AdRequest(f"r{i}", "proactive", f"u{i % 97}", at, device="mobile", region="regions0", language="languages2", tmax_ms=10_000)


def _http(home: Home, seconds: float) -> dict[str, float]:
    """One worker of the real server, one client on one connection for latency, then four for throughput; bounded in time. Of what the
    four send, only what is answered counts for throughput: a slow machine turns some away, whose client waits as long as one answer takes;
    their share is told."""
    from concurrent.futures import ThreadPoolExecutor

    body = {"surface": "proactive", "user_id": "u1", "device": "mobile", "region": "regions0", "language": "languages2", "tmax_ms": 10_000}
    with server(home, keep=False) as url:
        token = secret(load())
        client = Client(url, token)
        alone = timed(lambda _: client.call("POST", "/v1/ads", body), 200)
        patience = float(np.median(alone)) / 1000

        def hammer(_: int) -> tuple[int, int]:
            mine, done, turned_away, until = Client(url, token), 0, 0, time.perf_counter() + seconds
            while time.perf_counter() < until:
                try:
                    mine.call("POST", "/v1/ads", body)
                    done += 1
                except PipelineError as refused:
                    if refused.value != BUSY:
                        raise
                    turned_away += 1
                    time.sleep(patience)
            return done, turned_away

        with ThreadPoolExecutor(4) as pool:
            done, turned_away = np.sum(list(pool.map(hammer, range(4))), axis=0)
    return {
        "p50": float(np.median(alone)),
        "p99": float(np.quantile(alone, 0.99)),
        "rps": float(done / seconds),
        "turned_away": float(turned_away / max(done + turned_away, 1)),
    }


def run(
    requests: int = 200, sizes: tuple[int, ...] = SIZES, http_seconds: float = 5.0, home: Home | None = None,
    market: Market | None = None, seeds: Sequence[int] = (), say: Progress = lambda line: None,
) -> dict[str, Any]:  # fmt: skip
    """Every figure of `bench serve`, on one thread for the engine, the naive way and the floor alike. home: see bench.tiers; market:
    None leaves out what the tiers are worth, which is told over the markets of `seeds`."""
    figures: list[Figure] = []
    p50: dict[int, float] = {}
    with tempfile.TemporaryDirectory() as place, threadpool_limits(1):
        root = Path(place)
        for size in sizes:
            place_of = Home(root / str(size))
            catalogue(place_of.snapshots, size)
            bundle = ranker(place_of.bundles / "click" / "1")
            write_aliases(place_of.bundles, {"click": {"champion": "1"}})
            settings = Settings(home_path=place_of.root, candidates=SCORED, explore_share=0)
            live = Live(open_current(place_of.snapshots), {("click", "champion"): bundle})
            assert live.snapshot is not None
            engine = Engine({"proactive": proactive(Everyone(), MemoryLedger(), settings)}, settings)
            stages: dict[str, list[float]] = {}

            def decide(i: int, engine: Engine = engine, live: Live = live, stages: dict[str, list[float]] = stages) -> None:
                decision = engine.decide(_request(i), live)
                if decision.rung != "full" or decision.funnel.held + decision.funnel.shown > SCORED:
                    raise AssertionError(f"the engine answered {decision.rung}: {(*decision.flags, *decision.errors)}")
                for stage, ms in decision.stage_ms.items():
                    stages.setdefault(stage, []).append(ms)

            context = Profile(Everyone()).understand(_request(1), NOBODY, Live(None))
            ready = model_matrix(CLICK, context, Candidates(live.snapshot, np.arange(SCORED)))

            trees = bundle.members[0]
            assert isinstance(trees, Trees)

            def score(_: int, m: np.ndarray = ready, b: Trees = trees) -> None:
                b.booster.inplace_predict(m, predict_type="margin")

            with one_core():
                ours, floor = in_turn([decide, score], requests)
            p50[size] = float(np.median(ours))
            tag = f"_{size}"
            figures += [
                Figure(f"engine_p50_ms{tag}", p50[size], "ms"),
                Figure(f"engine_p99_ms{tag}", float(np.quantile(ours, 0.99)), "ms"),
                Figure(f"floor_p50_ms{tag}", float(np.median(floor)), "ms"),
                _at_most(f"engine_over_floor_p50{tag}", p50[size] / float(np.median(floor)), OVER_FLOOR[size <= SMALL]),
                *(Figure(f"{stage}_p50_ms{tag}", float(np.median(ms)), "ms") for stage, ms in stages.items()),
            ]
            if size == min(sizes):
                folder = root / "naive"
                folder.mkdir()
                way = Naive(folder, trees.booster, CLICK, SCORED)
                slow = timed(lambda _, w=way: w.rank(SCORED), max(requests // 20, 5))  # type: ignore[misc]
                ratio = float(np.median(slow)) / p50[size]
                figures += [
                    Figure("naive_p50_ms", float(np.median(slow)), "ms"),
                    Figure("naive_over_engine_p50", ratio, "ratio", "≥ 30", ratio >= 30),
                ]
                if http_seconds > 0:
                    web = _http(place_of, http_seconds)
                    figures += [
                        Figure("http_p50_ms", web["p50"], "ms"),
                        _at_most("http_over_engine_p50_ms", web["p50"] - p50[size], HTTP_OVER_ENGINE_MS, "ms"),
                        Figure("http_p99_ms", web["p99"], "ms"),
                        Figure("http_requests_per_s", web["rps"], "1/s"),
                        Figure("http_turned_away_503", web["turned_away"], "share"),
                    ]
    if len(sizes) > 1:
        growth = f"growth_{_short(min(sizes))}_to_{_short(max(sizes))}"
        figures.append(_at_most(growth, p50[max(sizes)] / p50[min(sizes)], 1.5))
    with tempfile.TemporaryDirectory() as place, threadpool_limits(1):
        table, with_what = tiers(Path(place), requests, min(sizes), SCORED, Everyone(), home)
    figures += table
    if market is not None:
        valued, told = over_markets(measure, market, seeds, say)
        figures += valued
        with_what |= told
    return report("bench serve", {"sizes": sizes, "requests": requests, "scored": SCORED, "threads": 1, **with_what}, figures)


def _short(n: int) -> str:
    return f"{n // 1_000_000}m" if n >= 1_000_000 else f"{n // 1_000}k"


def _at_most(name: str, value: float, bound: float, unit: str = "ratio") -> Figure:
    return Figure(name, value, unit, f"≤ {bound}", value <= bound)


def as_text(result: dict[str, Any]) -> list[str]:
    """One line a figure."""
    return [f"{f['name']:<32} {f['value']:>10.3f} {f['unit']:<6} {f['target'] or '':<6} {VERDICT[f['holds']]}" for f in result["figures"]]
