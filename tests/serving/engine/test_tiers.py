"""The tiers: which one answers, in what order, when one is absent, late, busy or broken; and what is counted."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from pipelines.bench.serving.synthetic import ranker
from serving.bundles import Bundle
from serving.delivery.second_price import SecondPrice
from serving.engine.engine import Engine
from serving.engine.live import Live
from serving.engine.tiers import LEAST_ROWS, PRIMARY, Tiers
from serving.errors import Busy, Late, ServingError
from serving.record.decision import Decision
from serving.surfaces.proactive import proactive
from tests.made import Known, no_cache, written_again

Ask = Callable[..., Any]


class Broken:
    """A bundle that answers as told instead of scoring."""

    def __init__(self, bundle: Bundle, said: Callable[[int], np.ndarray]) -> None:
        self.manifest, self.name, self._said = bundle.manifest, bundle.name, said

    def predict(self, matrix: np.ndarray) -> np.ndarray:
        return self._said(len(matrix))

    def further(self, head: str, matrix: np.ndarray) -> None:
        """It has learned no other head."""


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(scope="module")
def others(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Bundle]:
    """Bundles of other versions for the tiers below the champion."""
    root = tmp_path_factory.mktemp("tiers")
    made = ranker(root / "made", seed=3, trees=5, rows=1_000)
    return {v: written_again(made, root / v, replace(made.manifest, version=v)) for v in ("2", "3", "4")}


@pytest.fixture
def all_set(bench: Any, others: dict[str, Bundle]) -> Live:
    first = bench.live.bundle("click", PRIMARY)
    return Live(
        bench.snapshot,
        {("click", a): b for a, b in ((PRIMARY, first), ("fallback", others["2"]), ("fast", others["3"]), ("previous", others["4"]))},
    )


def with_bundle(live: Live, alias: str, bundle: Any) -> Live:
    return replace(live, bundles={**live.bundles, ("click", alias): bundle})


def without(live: Live, *aliases: str) -> Live:
    return replace(live, bundles={k: b for k, b in live.bundles.items() if k[1] not in aliases})


def fails(n: int) -> np.ndarray:
    raise RuntimeError("out of order")


def accounted(decision: Decision) -> None:
    f = decision.funnel
    assert f.sourced == f.shown + f.held + sum(f.rejected.values()) + f.narrowed


def test_each_tier_answers_when_those_above_are_absent(bench: Any, all_set: Live) -> None:
    for gone, rung, policy in [
        ((), "full", "click@1"), ((PRIMARY,), "fallback", "click@2"), ((PRIMARY, "fallback"), "fallback", "click@4"),
        ((PRIMARY, "fallback", "previous"), "fast", "click@3"), ((PRIMARY, "fallback", "previous", "fast"), "popular", "historical_rate"),
    ]:  # fmt: skip
        decision = bench.decide(live=without(all_set, *gone))
        accounted(decision)
        assert (decision.rung, decision.policy) == (rung, policy)
        assert all(ad.scored_by == "" for ad in decision.shown)


def test_tiers_that_nobody_set_are_no_failures(bench: Any) -> None:
    assert (bench.decide().flags, bench.decide().errors) == ((), ()), (
        "no fast model, no fallback: the champion answers as if there were no tiers"
    )
    only = Live(bench.snapshot, {("click", "fallback"): bench.live.bundle("click", PRIMARY)})
    assert bench.decide(live=only).errors == ("BundleScorer_failed:ServingError",), "the champion that is missing is named, once"


@pytest.mark.parametrize(
    "said", [fails, lambda n: np.full(n, np.nan), lambda n: np.where(np.arange(n), 0.1, np.inf)], ids=["raises", "nan", "infinite"]
)
def test_a_champion_that_fails_is_answered_by_the_fallback_in_the_same_request(bench: Any, all_set: Live, said: Any) -> None:
    live = with_bundle(all_set, PRIMARY, Broken(all_set.bundle("click", PRIMARY), said))
    engine = Engine({"proactive": bench.surface}, bench.settings)
    decision = engine.decide(bench.decide().request, live)
    accounted(decision)
    assert (decision.rung, decision.policy, len(decision.shown)) == ("fallback", "click@2", 3)
    assert any("_failed:" in flag for flag in decision.errors)
    assert engine.tiers.calls[PRIMARY, "failed"] == 2, "with the fast model, and alone"
    assert engine.tiers.calls["fallback", "scored"] == 1 and engine.tiers.rows["fallback"] == 100


def test_a_fast_model_that_fails_leaves_the_champion_to_answer(bench: Any, all_set: Live) -> None:
    decision = bench.decide(live=with_bundle(all_set, "fast", Broken(all_set.bundle("click", "fast"), fails)))
    accounted(decision)
    assert (decision.rung, decision.policy, decision.scored) == ("full", "click@1", {"click@1": 100})
    assert decision.errors == ("Speculative_failed:RuntimeError",)


def test_a_champion_that_would_be_late_is_not_asked_and_the_fallback_answers(bench: Any, all_set: Live, ask: Ask) -> None:
    engine = Engine({"proactive": bench.surface}, bench.settings)
    champion = all_set.bundle("click", PRIMARY)
    engine.tiers._pace[champion.name] = 60e6  # a minute a row
    decision = engine.decide(ask(), all_set)
    accounted(decision)
    assert (decision.rung, decision.policy, len(decision.shown)) == ("fallback", "click@2", 3)
    assert set(decision.errors) == {"Speculative_failed:Late", "BundleScorer_failed:Late"}
    assert engine.tiers.calls[PRIMARY, "late"] == 2 and engine.tiers.calls[PRIMARY, "scored"] == 0


def test_a_champion_late_between_batches_keeps_the_fast_models_scores_for_the_rest(bench: Any, all_set: Live, ask: Ask) -> None:
    chosen = bench.settings.changed(primary_batch=16)
    surface = replace(proactive(Known(), bench.ledger, chosen), delivery=SecondPrice(0.0, 1_000, 7, one_each=False))
    engine = Engine({"proactive": surface}, chosen)
    champion = all_set.bundle("click", PRIMARY)

    def unlike(n: int) -> np.ndarray:
        return np.random.default_rng(n).uniform(0.01, 0.9, n)  # nothing like the fast model: most places are open

    real = engine.tiers.score

    def score(tier: str, bundle: Any, matrix: np.ndarray, until: float) -> np.ndarray:
        out = real(tier, bundle, matrix, until)
        if tier == PRIMARY:
            engine.tiers._pace[bundle.name] = 60e6
        return out

    engine.tiers.score = score  # type: ignore[method-assign]
    decision = engine.decide(ask(slots=20), with_bundle(all_set, PRIMARY, Broken(champion, unlike)))
    accounted(decision)
    assert (decision.rung, decision.policy) == ("partial", "click@1")
    assert decision.scored == {"click@1": 16, "click@3": 84}
    assert {ad.scored_by for ad in (*decision.shown, *decision.held)} == {"", "click@3"}, "the record says who scored each"


def test_one_call_too_many_is_busy_and_the_fallback_answers(bench: Any, all_set: Live, ask: Ask) -> None:
    engine = Engine({"proactive": bench.surface}, bench.settings.changed(primary_at_once=1))
    scoring, go = threading.Event(), threading.Event()
    champion = all_set.bundle("click", PRIMARY)

    def waits(n: int) -> np.ndarray:
        scoring.set()
        assert go.wait(300)
        return np.linspace(0.01, 0.02, n)

    live = without(with_bundle(all_set, PRIMARY, Broken(champion, waits)), "fast")
    answers: list[Decision] = []
    first = threading.Thread(target=lambda: answers.append(engine.decide(ask(), live)))
    first.start()
    assert scoring.wait(300)
    second = engine.decide(ask(request_id="r2"), live)
    accounted(second)
    assert (second.rung, second.errors) == ("fallback", ("BundleScorer_failed:Busy",))
    go.set()
    first.join(300)
    assert answers[0].rung == "full"
    assert engine.tiers.calls[PRIMARY, "busy"] == 1
    scoring.clear()
    assert engine.decide(ask(request_id="r3"), live).rung == "full", "the place is free again"


def test_a_champion_that_hangs_is_left_behind_and_asked_again_once_it_is_quick(bench: Any, all_set: Live, ask: Ask) -> None:
    engine = Engine({"proactive": bench.surface}, bench.settings.changed(primary_at_once=2))
    champion, hangs, calls = all_set.bundle("click", PRIMARY), threading.Event(), []

    def said(n: int) -> np.ndarray:
        calls.append(n)
        if not hangs.is_set():
            assert hangs.wait(300)
        return np.linspace(0.01, 0.02, n)

    live = with_bundle(all_set, PRIMARY, Broken(champion, said))
    engine.decide(ask(), without(live, PRIMARY))  # the fallback's own first call is not what is measured
    began = time.perf_counter()
    first = engine.decide(ask(tmax_ms=4_000), live)
    took = (time.perf_counter() - began) * 1000
    accounted(first)
    assert (first.rung, first.policy, len(first.shown)) == ("fallback", "click@2", 3)
    assert "Speculative_failed:Late" in first.errors and took < 60_000, "the answer does not wait for the champion"
    assert engine.tiers.calls[PRIMARY, "late"] == 2 and len(calls) == 1, "left behind, and not asked a second time"
    second = engine.decide(ask(request_id="r2", tmax_ms=4_000), live)
    assert second.rung == "fallback" and len(calls) == 1, "one that did not come back is not asked at once again"
    hangs.set()
    rungs = [engine.decide(ask(request_id=f"r{i}", tmax_ms=4_000), live).rung for i in range(3, 60)]
    assert rungs[-1] == "full", "what is quick again is asked again"
    assert engine.tiers.calls[PRIMARY, "scored"] >= 1 and engine.tiers.calls[PRIMARY, "failed"] == 0


def test_calls_that_do_not_come_back_keep_their_places(others: dict[str, Bundle]) -> None:
    tiers, go = Tiers(2), threading.Event()

    def waits(n: int) -> np.ndarray:
        assert go.wait(300)
        return np.full(n, 0.5)

    stuck, quick = Broken(others["2"], waits), Broken(others["3"], lambda n: np.full(n, 0.5))
    x = np.zeros((4, 3), np.float32)
    for _ in range(2):
        tiers._pace.clear()
        with pytest.raises(Late):
            tiers.score(PRIMARY, stuck, x, time.perf_counter() + 0.02)  # type: ignore[arg-type]
    with pytest.raises(Busy):
        tiers.score(PRIMARY, quick, x, time.perf_counter() + 60)  # type: ignore[arg-type]
    assert len(tiers.score("fallback", quick, x, time.perf_counter() + 60)) == 4  # type: ignore[arg-type]
    go.set()
    for _ in range(30_000):
        try:
            tiers.score(PRIMARY, quick, x, time.perf_counter() + 60)  # type: ignore[arg-type]
            break
        except Busy:
            time.sleep(0.01)
    assert {k: v for k, v in tiers.calls.items() if k[0] == PRIMARY and k[1] != "busy"} == {(PRIMARY, "late"): 2, (PRIMARY, "scored"): 1}


def test_a_time_out_of_the_champions_own_is_its_failure(others: dict[str, Bundle]) -> None:
    def raises(n: int) -> np.ndarray:
        raise TimeoutError("its own")

    tiers = Tiers(1)
    with pytest.raises(TimeoutError, match="its own"):
        tiers.score(PRIMARY, Broken(others["2"], raises), np.zeros((1, 3), np.float32), time.perf_counter() + 60)  # type: ignore[arg-type]
    assert tiers.calls == {(PRIMARY, "failed"): 1}


def test_the_pace_is_a_weighted_mean_and_what_is_skipped_is_asked_again(others: dict[str, Bundle]) -> None:
    clock = Clock()
    tiers = Tiers(1, clock)

    def took(us_a_row: float) -> Callable[[int], np.ndarray]:
        def said(n: int) -> np.ndarray:
            clock.now += us_a_row * max(n, LEAST_ROWS) / 1e6
            return np.full(n, 0.5)

        return said

    x = np.zeros((100, 3), np.float32)
    slow, quick = Broken(others["2"], took(100)), Broken(others["2"], took(50))
    assert tiers.pace(slow) == 0  # type: ignore[arg-type]
    tiers.score("fallback", slow, x, np.inf)  # type: ignore[arg-type]
    assert tiers.pace(slow) == pytest.approx(100)  # type: ignore[arg-type]
    tiers.score("fallback", quick, x[:1], np.inf)  # type: ignore[arg-type]
    assert tiers.pace(slow) == pytest.approx(90), "a call of one row counts as a batch"  # type: ignore[arg-type]
    enough = 0.0085
    with pytest.raises(Late):
        tiers.score("fallback", quick, x, clock.now + enough)  # type: ignore[arg-type]
    for _ in range(3):
        try:
            tiers.score("fallback", quick, x, clock.now + enough)  # type: ignore[arg-type]
            break
        except Late:
            continue
    assert tiers.calls["fallback", "scored"] == 3 and tiers.calls["fallback", "late"] >= 1
    assert issubclass(Late, ServingError) and issubclass(Busy, ServingError)


def test_metrics_tell_the_tiers(bench: Any, all_set: Live, ask: Ask) -> None:
    from types import SimpleNamespace

    from serving.worker.metrics import Metrics

    engine = Engine({"proactive": bench.surface}, bench.settings)
    nothing, reloader, shadows = SimpleNamespace(collect=tuple), SimpleNamespace(refused={}, swaps=0), SimpleNamespace(counts={})
    metrics = Metrics(reloader, shadows, engine.tiers, {}, engine.shares, no_cache(), nothing)  # type: ignore[arg-type]
    decision = engine.decide(ask(), all_set)
    metrics.decided(decision, 0.001)
    seen = {(s.name, *sorted(s.labels.values())): s.value for m in metrics.collect() for s in m.samples}
    assert seen["placard_tier_calls_total", "champion", "scored"] == engine.tiers.calls[PRIMARY, "scored"] >= 1
    assert seen["placard_tier_rows_total", "fast"] == 100
    skipped = sum(n for name, n in decision.scored.items() if name != decision.policy)
    assert seen["placard_skipped_primary_total", "proactive"] == skipped
