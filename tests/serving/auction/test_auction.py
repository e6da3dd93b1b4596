"""The auction contract: price ≤ bid, ≥ floor, allocation monotone in bid, integers only, budgets never exceeded."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serving.auction.auction import CPA, CPC, CPM, price, rank_scores, value_per_bid
from serving.ledger.ledger import Ledger
from serving.ledger.memory import MemoryLedger
from serving.ledger.sqlite import SqliteLedger
from tests.examples import examples
from tests.serving.every_store import NOON, a_sale

bids = st.integers(1, 50_000_000)
chances = st.floats(1e-6, 1.0)
qualities = st.floats(0.05, 1.0)
floors = st.integers(0, 5_000_000)
costs = st.integers(0, 50_000_000)


def test_the_value_of_a_bid_by_objective() -> None:
    objective = np.array([CPC, CPM, CPA, CPA])
    unit = value_per_bid(objective, np.array([0.02, 0.02, 0.02, 0.02]), np.array([np.nan, np.nan, 0.1, np.nan]))
    assert unit[:3] == pytest.approx([20.0, 1.0, 2.0])
    assert np.isnan(unit[3]), "a conversion without a probability has no value"


def test_a_price_by_hand() -> None:
    # 1,000 x 2 % x quality 0.5 = 10 eCPM a micro of bid; 3,000,000 below needs a bid of 300,000.
    assert price(900_000, 20.0, 0.5, 3_000_000.0, 50_000) == (300_000, "next")
    assert price(900_000, 20.0, 0.5, 0.0, 50_000) == (2_500, "floor")
    # What annoys must bring 1,000,000 more: (3,000,000 + 1,000,000) / 10, and without a competitor 1,000,000 / 10.
    assert price(900_000, 20.0, 0.5, 3_000_000.0, 50_000, 1_000_000) == (400_000, "next")
    assert price(900_000, 20.0, 0.5, 0.0, 50_000, 1_000_000) == (100_000, "annoyance")


@given(bid=bids, pctr=chances, quality=qualities, share=st.floats(0, 1), floor=floors, lost=st.floats(0, 1))
def test_a_winner_pays_no_more_than_its_bid_and_no_less_than_the_floor(
    bid: int, pctr: float, quality: float, share: float, floor: int, lost: float
) -> None:
    unit = pctr * 1000
    if bid * unit < floor:
        return  # it does not clear: the auction drops it
    cost = int(bid * unit * quality * lost)  # one that is higher drops it too
    below = (bid * unit * quality - cost) * share
    paid, rule = price(bid, unit, quality, below, floor, cost)
    assert isinstance(paid, int)
    assert 0 <= paid <= bid
    assert rule in (("next", "floor") if below > 0 else ("annoyance", "floor"))
    if paid < bid:
        assert paid * unit >= floor * (1 - 1e-6) - 1e-6 * unit
        assert paid * unit * quality - cost >= below - 1e-6 * (below + cost) - 1e-6 * unit, "it keeps its place"
    if paid > 0:
        less = (paid - 1) * unit
        slack = 1e-6 * unit + 1e-9 * bid * unit
        assert less * quality - cost < below + slack or less < floor + slack, "one micro less would not have done"


@given(data=st.data(), n=st.integers(2, 12))
def test_a_higher_bid_never_loses_a_place(data: st.DataObject, n: int) -> None:
    bid = np.array(data.draw(st.lists(bids, min_size=n, max_size=n)))
    unit = np.array(data.draw(st.lists(chances, min_size=n, max_size=n))) * 1000
    quality = np.array(data.draw(st.lists(qualities, min_size=n, max_size=n)))
    cost = np.array(data.draw(st.lists(costs, min_size=n, max_size=n)))
    who, more = data.draw(st.integers(0, n - 1)), data.draw(st.integers(1, 10_000_000))

    def place(b: np.ndarray) -> int:
        return int(np.flatnonzero(np.argsort(-rank_scores(b, unit, quality, cost), kind="stable") == who)[0])

    raised = bid.copy()
    raised[who] += more
    assert place(raised) <= place(bid)


def opened(kind: str, folder: Path) -> Ledger:
    return MemoryLedger() if kind == "memory" else SqliteLedger(folder / "ledger.db")


charges = st.lists(st.tuples(st.integers(0, 15), st.sampled_from(["k1", "k2"]), st.integers(0, 600)), max_size=25)


@pytest.mark.parametrize("kind", ["memory", "sqlite"])
@settings(max_examples=examples(25), deadline=None)
@given(charges=charges, budget=st.integers(0, 2_000))
def test_a_budget_is_never_exceeded_and_a_charge_counts_once(
    kind: str, tmp_path_factory: pytest.TempPathFactory, charges: list[tuple[int, str, int]], budget: int
) -> None:
    ledger, day = opened(kind, tmp_path_factory.mktemp("ledger")), date(2026, 1, 5)
    try:
        first: dict[str, int] = {}
        owner: dict[str, str] = {}
        for number, campaign, micros in charges:
            event = f"e{number}"
            charged = ledger.charge(a_sale(event, micros, budget, campaign), day, NOON)
            assert charged >= 0
            if event in first:
                assert charged == first[event], "a retry returns what was charged"
            else:
                assert charged <= micros
                first[event], owner[event] = charged, campaign
        for campaign in ("k1", "k2"):
            total = sum(c for e, c in first.items() if owner[e] == campaign)
            assert ledger.spent([campaign], day)[0] == total <= budget
    finally:
        ledger.close()
