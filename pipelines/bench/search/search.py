"""`bench search`: a search end to end on one core, its stages, the keyword lookup alone, what the index weighs, and how good it is."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import numpy as np
from threadpoolctl import threadpool_limits

from pipelines.bench.search.search_market import Market, measure, over_markets
from pipelines.bench.serving.serve import VERDICT, Everyone, one_core, timed
from pipelines.bench.serving.synthetic import bought, catalogue, encoder, language, ranker
from pipelines.operations.verb import Progress
from pipelines.reporting.figure import Figure, report
from serving.engine.engine import Engine
from serving.engine.live import Live
from serving.language.analyse import analyse, read, reader
from serving.ledger.memory import MemoryLedger
from serving.record.request import AdRequest
from serving.settings import Settings
from serving.snapshot import open_current
from serving.surfaces.search import search

MOST_MS: Final = 15.0
MOST_LOOKUP_MS: Final = 1.0
MOST_UNDERSTANDING_MS: Final = 1.0
MOST_BUILD_SECONDS: Final = 60.0
MOST_MIB: Final = 300.0
ROUNDS: Final = 3
"""Of every request: what a neighbour on the machine delays once is not what the request costs."""


def queries(n: int, seed: int = 9) -> list[str]:
    """As often as not a keyword with words before or after it, else words alone; as frequent as Zipf says. One in ten misspelt."""
    rng = np.random.default_rng(seed)
    texts = bought(4 * n, 10, seed)["text"].to_pylist()
    out = []
    for i in range(n):
        words = texts[4 * i].split() + (texts[4 * i + 1].split()[:2] if rng.random() < 0.5 else [])
        if rng.random() < 0.1 and len(words[0]) > 5:
            words[0] = words[0][:2] + words[0][3:]
        out.append(" ".join(words))
    return out


def settled(call: Callable[[int], Any], n: int) -> np.ndarray:
    """Milliseconds of n calls on one core: of each the middle of ROUNDS, all n made, and no query remembered, before any is made again."""
    took = []
    with one_core():
        for _ in range(ROUNDS):
            reader.cache_clear()
            took.append(timed(call, n))
    return np.asarray(np.median(took, axis=0))


def run(
    requests: int = 1_000,
    ads: int = 100_000,
    keywords: int = 1_000_000,
    market: Market | None = None,
    seeds: Sequence[int] = (),
    say: Progress = lambda line: None,
) -> dict[str, Any]:
    """Every figure of `bench search`; latencies on one thread. market: None leaves out how good it is, which is told over the markets of
    `seeds`."""
    figures, setup = latency(requests, ads, keywords)
    if market is not None:
        judged, told = over_markets(measure, market, seeds, say)
        figures += judged
        setup |= told
    return report("bench search", setup, figures)


def latency(requests: int, ads: int, keywords: int) -> tuple[list[Figure], dict[str, Any]]:
    """What a search costs, and what it was measured with."""
    with tempfile.TemporaryDirectory() as place, threadpool_limits(1):
        root = Path(place)
        started = time.perf_counter()
        catalogue(root, ads, keywords=keywords)
        built = time.perf_counter() - started
        snapshot = open_current(root)
        snapshot.prepare()
        index = snapshot.keywords
        assert index is not None
        mib = sum(a.nbytes for n, a in snapshot.arrays.items() if n.startswith("keyword.")) / 2**20
        live = Live(snapshot, {("click", "champion"): ranker(root / "bundle")}, language(), encoder())
        settings = Settings(home_path=root, explore_share=0.02, reserve_micros=1_000)
        engine = Engine({"search": search(Everyone(), MemoryLedger(), settings)}, settings)
        asked = queries(requests + max(requests // 10, 3))
        decisions = []

        def ask(i: int) -> None:
            at = datetime.now(UTC) + timedelta(seconds=1)
            request = AdRequest(
                f"r{i}", "search", f"u{i % 97}", at, device="mobile", region="regions0", language="languages2", query=asked[i], slots=4,
                tmax_ms=10_000,
            )  # fmt: skip
            decisions.append(engine.decide(request, live))

        whole = settled(ask, requests)
        decisions = decisions[-requests:]
        understanding = settled(lambda i: read(live.language, asked[i], "en"), requests)
        understood = [analyse(q, live.language, "en") for q in asked]
        lookup = settled(lambda i: index.match(understood[i]), requests)
        stages = {stage: np.array([d.stage_ms.get(stage, 0.0) for d in decisions]) for stage in decisions[0].stage_ms}
    p50, p99 = float(np.median(whole)), float(np.quantile(whole, 0.99))
    lookup_p99, read_p99 = float(np.quantile(lookup, 0.99)), float(np.quantile(understanding, 0.99))
    figures = [
        Figure("p50_ms", p50, "ms"),
        Figure("p99_ms", p99, "ms", f"≤ {MOST_MS:g}", p99 <= MOST_MS),
        Figure("keyword_lookup_p50_ms", float(np.median(lookup)), "ms"),
        Figure("keyword_lookup_p99_ms", lookup_p99, "ms", f"≤ {MOST_LOOKUP_MS:g}", lookup_p99 <= MOST_LOOKUP_MS),
        Figure("understanding_p99_ms", read_p99, "ms", f"≤ {MOST_UNDERSTANDING_MS:g}", read_p99 <= MOST_UNDERSTANDING_MS),
        Figure("index_mib", mib, "MiB", f"≤ {MOST_MIB:g}", mib <= MOST_MIB),
        Figure("catalogue_build_seconds", built, "s", f"≤ {MOST_BUILD_SECONDS:g}", built <= MOST_BUILD_SECONDS),
        *(Figure(f"{stage}_p50_ms", float(np.median(ms)), "ms") for stage, ms in stages.items()),
        Figure("candidates_p50", float(np.median([d.funnel.sourced for d in decisions])), "ads"),
        Figure("shown_mean", float(np.mean([len(d.shown) for d in decisions])), "ads"),
    ]
    setup = {
        "requests": requests, "rounds": ROUNDS, "ads": ads, "keywords": len(index), "bought": keywords, "threads": 1,
        "text_models": "untrained",
    }  # fmt: skip
    return figures, setup


def as_text(result: dict[str, Any]) -> list[str]:
    """One line a figure."""
    return [f"{f['name']:<26} {f['value']:>12,.3f} {f['unit']:<5} {f['target'] or '':<8} {VERDICT[f['holds']]}" for f in result["figures"]]
