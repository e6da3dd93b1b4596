"""The cost of annoyance: who is hidden more needs a higher bid, pays for it, and is not shown where it brings less than it costs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from serving.auction.annoyance import HIDE, Annoyance
from serving.engine.candidates import Candidates, Scores
from serving.engine.engine import Engine
from serving.engine.live import Live
from serving.engine.stages import NOBODY
from serving.explain import why
from serving.record.decision import Decision
from serving.snapshot import Snapshot
from serving.surfaces.proactive import proactive
from tests.examples import examples
from tests.made import Known

Ask = Callable[..., Any]


def hidden(live: Live, rates: dict[int, float], usual: float = 0.001) -> Live:
    """The catalogue where nobody has learned hides, and people hide each ad at a rate; of a few, by row, at another one."""
    assert live.snapshot is not None
    column = np.full(len(live.snapshot), usual, np.float32)
    for row, rate in rates.items():
        column[row] = rate
    return replace(live, snapshot=Snapshot(live.snapshot.manifest, {**live.snapshot.arrays, HIDE: column}))


def decided(bench: Any, ask: Ask, live: Live, hide_cost_micros: int) -> Decision:
    chosen = bench.settings.changed(hide_cost_micros=hide_cost_micros)
    return Engine({"proactive": proactive(Known(), bench.ledger, chosen)}, chosen).decide(ask(), live)


def row_of(live: Live, creative_id: str) -> int:
    assert live.snapshot is not None
    return int(np.flatnonzero(live.snapshot["id.creative_id"] == creative_id.encode())[0])


def place(decision: Decision, creative_id: str) -> float:
    order = [ad.creative_id for ad in (*decision.shown, *decision.held)]
    return float(order.index(creative_id)) if creative_id in order else np.inf


def test_the_cost_is_money_of_the_learned_probability_and_else_of_the_ads_rate(bench: Any, ask: Ask) -> None:
    candidates = Candidates(hidden(bench.live, {0: 0.02}).snapshot, np.array([0, 1]))
    unlearned = Scores(np.full(2, 0.05), np.zeros(2), "click@1", "full")
    learned = replace(unlearned, phide=np.array([0.003, 0.0]))
    said = [Annoyance(200_000).quality(ask(), NOBODY, candidates, scores) for scores in (unlearned, learned)]
    assert said[0].costs.tolist() == [4_000_000, 200_000] and said[1].costs.tolist() == [600_000, 0]
    assert all((quality.factor == 1).all() and quality.costs.dtype == np.int64 for quality in said)


ROUNDS = settings(max_examples=examples(20), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
"""The bench is only read."""


@ROUNDS
@given(cost=st.integers(0, 20_000_000), rate=st.floats(0, 0.2), more=st.floats(0, 0.5))
def test_who_is_hidden_more_never_stands_higher_and_every_price_holds(bench: Any, ask: Ask, cost: int, rate: float, more: float) -> None:
    first = decided(bench, ask, hidden(bench.live, {}), cost)
    if not first.shown:
        return
    name = first.shown[0].creative_id
    row = row_of(bench.live, name)
    less, most = (decided(bench, ask, hidden(bench.live, {row: r}), cost) for r in (rate, min(rate + more, 1.0)))
    assert place(less, name) <= place(most, name)
    for decision in (first, less, most):
        assert decision.funnel.sourced == decision.funnel.shown + decision.funnel.held + sum(decision.funnel.rejected.values()) + (
            decision.funnel.narrowed
        )
        for ad in (*decision.shown, *decision.held):
            unit = {"cpm": 1.0, "cpc": 1000 * ad.pctr, "cpa": 1000 * ad.pctr * (ad.pcvr or 0.0)}[ad.objective]
            assert ad.ecpm_micros == pytest.approx(ad.bid_micros * unit * ad.quality - ad.cost_micros, abs=1.0)
            assert ad.ecpm_micros >= 0 and ad.phide is not None
            assert ad.cost_micros == round(1000 * cost * ad.phide)
            if ad.price is not None:
                per = 1000 if ad.price.charged_on == "impression" else 1
                assert ad.price.price_micros * per <= ad.bid_micros
                assert ad.price.price_micros * per * unit >= ad.price.floor_micros * (1 - 1e-9)
                assert ad.price.price_micros * per * unit * ad.quality - ad.cost_micros >= ad.price.next_micros * (1 - 1e-9) - 1


def test_an_ad_that_costs_more_than_it_brings_is_not_shown_and_counted(bench: Any, ask: Ask) -> None:
    free = decided(bench, ask, hidden(bench.live, {}, usual=0.5), 0)
    dear = decided(bench, ask, hidden(bench.live, {}, usual=0.5), 10**12)
    assert free.shown and "Annoyance" not in free.funnel.rejected
    assert dear.shown == () == dear.held
    priced = dear.funnel.sourced - dear.funnel.narrowed - sum(n for rule, n in dear.funnel.rejected.items() if rule != "Annoyance")
    assert dear.funnel.rejected["Annoyance"] == priced >= free.funnel.shown + len(free.held)


def test_the_record_explains_the_cost(bench: Any, ask: Ask) -> None:
    live = hidden(bench.live, {}, usual=0.01)
    decision = decided(bench, ask, live, 100_000)
    assert decision.shown and all(ad.phide == pytest.approx(0.01) and ad.cost_micros == 1_000_000 for ad in decision.shown)
    told = why(decision, None)
    assert all("cost of annoyance 1,000,000 (P(hide) 1.000%)" in ad.score for ad in told.ads)


def test_without_a_competitor_the_ad_pays_for_its_own_cost(bench: Any, ask: Ask) -> None:
    """Nobody else may be shown: all other ads cost more than they bring."""
    first = decided(bench, ask, hidden(bench.live, {}, usual=0.0), 100_000)
    name = first.shown[0].creative_id
    live = hidden(bench.live, {row_of(bench.live, name): 0.0001}, usual=1.0)
    alone = decided(bench, ask, live, 10**9)
    (ad,) = alone.shown
    assert ad.creative_id == name and ad.price is not None and ad.price.rule == "annoyance"
    (told,) = why(alone, None).ads
    assert "makes up for a cost of annoyance" in told.price_words
