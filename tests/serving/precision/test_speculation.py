"""Speculative execution: who is shown, and who sets a price, was scored by the champion, and nearly always the same ads as without."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serving.bundles import Bundle
from serving.engine.engine import Engine
from serving.engine.live import Live
from serving.engine.tiers import PRIMARY
from serving.precision.standing import Standing
from serving.record.decision import Decision
from tests.examples import examples

Ask = Callable[..., Any]
SURE = 0.999


class Near:
    """A model whose log-odds differ from another's by seeded noise: the same for the same row."""

    def __init__(self, of: Bundle, version: str, spread: float, shift: float = 0.0) -> None:
        self.manifest = replace(of.manifest, version=version)
        self.name, self._of, self._spread, self._shift = f"click@{version}", of, spread, shift

    def predict(self, matrix: np.ndarray) -> np.ndarray:
        p = self._of.predict(matrix)
        noise = np.array([np.random.default_rng(zlib.crc32(row.tobytes())).normal() for row in matrix])
        z = np.log(p / (1 - p)) + self._shift + self._spread * noise
        return np.asarray(1 / (1 + np.exp(-z)))

    def further(self, head: str, matrix: np.ndarray) -> None:
        """It has learned no other head."""


@pytest.fixture
def pair(bench: Any) -> Callable[..., Live]:
    def made(spread: float, shift: float = 0.0) -> Live:
        champion = bench.live.bundle("click", PRIMARY)
        return replace(bench.live, bundles={("click", PRIMARY): champion, ("click", "fast"): Near(champion, "9", spread, shift)})

    return made


def engine(bench: Any, **changes: Any) -> Engine:
    from serving.ledger.memory import MemoryLedger
    from serving.surfaces.proactive import proactive
    from tests.made import Known

    chosen = bench.settings.changed(**{"candidates": 400, **changes})
    return Engine({"proactive": proactive(Known(), MemoryLedger(), chosen)}, chosen)


def sold(decision: Decision) -> list[tuple[str, int, float]]:
    return [(ad.creative_id, ad.price.price_micros if ad.price else -1, ad.pctr) for ad in decision.shown]


def test_most_skip_the_champion_and_the_slate_and_its_prices_are_the_same(bench: Any, pair: Callable[..., Live], ask: Ask) -> None:
    """Where many ads are nearly as good as each other, as here, who is left out has to be surer than is usual."""
    live = pair(0.05, shift=-0.7)
    with_it, without = engine(bench, speculative_confidence=SURE), engine(bench, speculative=False)
    for i in range(10):
        one, two = (e.decide(ask(request_id=f"r{i}", slots=1 + i % 4), live) for e in (with_it, without))
        assert one.rung == two.rung == "full" and one.policy == two.policy == "click@1"
        assert sold(one) == sold(two) and one.funnel == two.funnel
        assert two.scored == {"click@1": sum(two.scored.values())}
        assert one.scored["click@1"] <= 0.6 * sum(one.scored.values()) and set(one.scored) == {"click@1", "click@9"}


def test_the_cost_of_annoyance_is_taken_off_for_both_models(bench: Any, pair: Callable[..., Live], ask: Ask) -> None:
    """At a cost that keeps half of the ads from the page, too: what is shown, and its prices, are as without speculation."""
    live, dropped = pair(0.05, shift=-0.7), 0
    with_it, without = (engine(bench, speculative=on, hide_cost_micros=3_000_000) for on in (True, False))
    for i in range(10):
        one, two = (e.decide(ask(request_id=f"r{i}", slots=1 + i % 4), live) for e in (with_it, without))
        assert sold(one) == sold(two) and len(one.scored) == 2
        dropped += two.funnel.rejected.get("Annoyance", 0)
    assert dropped > 100


@pytest.mark.parametrize("spread", [0.0, 0.1, 0.5, 2.0])
@pytest.mark.parametrize("slots", [1, 3, 20])
def test_who_is_shown_and_who_sets_a_price_was_scored_by_the_champion(
    bench: Any, pair: Callable[..., Live], ask: Ask, spread: float, slots: int
) -> None:
    live = pair(spread, shift=0.3)
    champion = live.bundle("click", PRIMARY)
    for i in range(3):
        decision = engine(bench).decide(ask(request_id=f"r{i}", slots=slots), live)
        order = [*decision.shown, *decision.held]
        for ad in order[: len(decision.shown) + 1]:
            assert ad.scored_by == ""
            assert ad.pctr == float(champion.predict(ad.vector[None, :])[0])
        assert [a.ecpm_micros for a in order] == sorted((a.ecpm_micros for a in order), reverse=True)


def test_the_less_the_fast_model_knows_the_more_the_champion_is_asked(bench: Any, pair: Callable[..., Live], ask: Ask) -> None:
    asked = [engine(bench, primary_batch=16).decide(ask(), pair(spread)).scored["click@1"] for spread in (0.05, 1.0, 4.0)]
    assert asked[0] < asked[1] < asked[2]


def test_the_surer_it_must_be_the_more_the_champion_is_asked(bench: Any, pair: Callable[..., Live], ask: Ask) -> None:
    live = pair(2.0)
    asked = [engine(bench, primary_batch=16, speculative_confidence=c).decide(ask(), live).scored["click@1"] for c in (0.5, 0.85, 0.9999)]
    assert asked[0] < asked[1] < asked[2]


def test_a_slate_drawn_at_random_tells_the_slate_that_would_have_stood(bench: Any, pair: Callable[..., Live], ask: Ask) -> None:
    """Whether the lot falls or not, the same ads compete at the same scores: else its chances would be another page's."""
    live, never, always = pair(0.05), engine(bench, explore_share=0.0), engine(bench, explore_share=1.0)
    for i in range(10):
        request = ask(request_id=f"r{i}")
        usual, dealt = never.decide(request, live), always.decide(request, live)
        assert usual.lottery is not None and dealt.lottery is not None and dealt.explored and not usual.explored
        assert (usual.lottery.usual, usual.lottery.among) == (dealt.lottery.usual, dealt.lottery.among)
        assert usual.scored == dealt.scored and set(dealt.scored) == {"click@1", "click@9"}


def test_few_candidates_are_all_the_champions(bench: Any, pair: Callable[..., Live], ask: Ask) -> None:
    decision = engine(bench, candidates=64).decide(ask(), pair(0.05))
    assert decision.scored == {"click@1": 64}


def test_the_same_request_is_decided_the_same_whatever_came_before(bench: Any, pair: Callable[..., Live], ask: Ask) -> None:
    live, busy = pair(0.5), engine(bench)
    for i in range(5):
        busy.decide(ask(request_id=f"other{i}", slots=4), live)
    one, two = busy.decide(ask(), live), engine(bench).decide(ask(), live)
    assert (sold(one), one.scored, one.funnel) == (sold(two), two.scored, two.funnel)


@settings(max_examples=examples(60), deadline=None)
@given(
    seed=st.integers(0, 10_000), n=st.integers(65, 300), places=st.integers(1, 10), spread=st.floats(0.02, 1.0), owners=st.integers(2, 80)
)
def test_who_is_not_asked_ranks_below_every_place_that_counts(seed: int, n: int, places: int, spread: float, owners: int) -> None:
    rng = np.random.default_rng(seed)
    guess = rng.normal(size=n)
    truth = guess + rng.normal(0.4, spread, n)
    standing = Standing(guess, rng.integers(0, 3, n), rng.integers(0, owners, n), places, np.zeros(n, int))
    rows = np.argsort(-guess)[:48]
    while len(rows):
        assert np.isnan(standing.known[rows]).all(), "nobody is asked twice"
        standing.known[rows] = truth[rows]
        rows = standing.open(0.85)[:64]
    mixed = np.where(standing.asked, standing.known, guess + standing.errors()[0])
    best: dict[int, int] = {}
    for i in np.argsort(-mixed):
        best.setdefault(int(standing.owner[i]), int(i))
    winners = list(best.values())[:places]
    assert standing.asked[winners].all()


def test_a_skipped_place_is_wrong_as_seldom_as_the_confidence_says() -> None:
    rng = np.random.default_rng(5)
    wrong = left = 0
    for _ in range(200):
        guess = rng.normal(size=400)
        truth = guess + rng.normal(0.2, 0.4, 400)
        standing = Standing(guess, np.ones(400, int), np.arange(400), 100, np.zeros(400, int))
        rows = np.concatenate([np.argsort(-guess)[:48], np.argsort(-guess)[48::22]])
        while len(rows):
            standing.known[rows] = truth[rows]
            rows = standing.open(0.85)[:64]
        bar = np.sort(standing.known[standing.asked])[-100]
        skipped = ~standing.asked
        edge = skipped & (guess + 0.2 > bar - 0.6)  # the nearest to the bar of those left out: the others are surer still
        wrong, left = wrong + int((truth[edge] > bar).sum()), left + int(edge.sum())
    assert left > 200 and 0.05 < wrong / left <= 0.15
