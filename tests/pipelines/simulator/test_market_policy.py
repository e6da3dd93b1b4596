"""The logging policy keeps its promises: propensities, prices, budgets, schedules, targeting, caps."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from pipelines.simulator import policy

if TYPE_CHECKING:
    from conftest import Market


def latest(market: Market, name: str, key: str, day: date) -> pd.DataFrame:
    """The catalogue as of a day, its own rows included."""
    table = market.table(name).sort_values("created_ts", kind="stable")
    return table[table.created_ts <= pd.Timestamp(day, tz="UTC")].drop_duplicates(key, keep="last").set_index(key)


def allot(rng: np.random.Generator, n: int, explored: np.ndarray | None = None, share: float = 0.2) -> tuple:
    """n requests with the same seven candidates, two of them ineligible and one under the floor's rival."""
    rate = np.tile([9.0, 7.0, 8.0, 5.0, 1.0, 4.0, 6.0], (n, 1))
    eligible = np.tile([True, True, False, True, True, False, True], (n, 1))
    drawn = rng.random(n) < share if explored is None else explored
    slates = policy.allot(rate, eligible, drawn, rng.random(rate.shape), np.full(n, 3), np.full(n, 0.5), np.full(n, 5.5), share, depth=3)
    return slates, drawn, rate


def test_propensities_are_the_frequencies() -> None:
    n = 60_000
    slates, _, rate = allot(np.random.default_rng(0), n)
    for place in range(3):
        told: dict[int, float] = {}
        for ad in range(rate.shape[1]):
            rows = slates.filled[:, place] & (slates.order[:, place] == ad)
            if rows.any():
                chances = set(np.round(slates.propensity[rows, place], 12))
                assert len(chances) == 1, "the same request, ad and position have the same chance"
                told[ad] = chances.pop()
                assert rows.mean() == pytest.approx(told[ad], abs=4 * np.sqrt(told[ad] * (1 - told[ad]) / n))
        filled = slates.filled[:, place].mean()
        assert sum(told.values()) == pytest.approx(1.0 if place < 3 and filled == 1 else 0.2, abs=1e-9)
    assert slates.filled[:, 2].mean() == 1, "9, 7 and 6 beat the rivals"


def test_a_place_that_rivals_win_is_filled_by_drawn_slates_only() -> None:
    n = 1000
    rate, lot = np.tile([3.0, 2.0], (n, 1)), np.random.default_rng(1).random((n, 2))
    explored = np.arange(n) % 4 == 0
    args = (np.full(n, 2), np.full(n, 1.0), np.full(n, 2.5), 0.25, 2)
    slates = policy.allot(np.pad(rate, ((0, 0), (0, 1))), np.pad(np.ones((n, 2), bool), ((0, 0), (0, 1))), explored,
                          np.pad(lot, ((0, 0), (0, 1))), *args)  # fmt: skip
    assert (slates.filled[:, 1] == explored).all()
    assert np.allclose(slates.propensity[explored][:, 1], 0.25 / 2)
    first = slates.propensity[:, 0]
    assert np.allclose(np.where(slates.order[:, 0] == 0, 0.75 + 0.125, 0.125), first)


def test_the_next_or_the_rival_or_the_floor_sets_the_price() -> None:
    n = 2
    slates, _, _ = allot(np.random.default_rng(0), n, np.zeros(n, bool))
    assert slates.order[0].tolist() == [0, 1, 6]
    assert slates.pays_micros[0].tolist() == [7.0, 6.0, 5.5]
    drawn, _, _ = allot(np.random.default_rng(0), n, np.ones(n, bool))
    assert (drawn.pays_micros == 0.5).all()


def test_running_sums_stay_within_their_group() -> None:
    rng = np.random.default_rng(2)
    group, value = rng.integers(0, 5, 200), rng.integers(0, 9, 200)
    expected = [value[: i + 1][group[: i + 1] == group[i]].sum() for i in range(200)]
    assert policy.running(group, value).tolist() == expected
    assert len(policy.running(group[:0], value[:0])) == 0


def test_logged_propensities_of_drawn_slates(market: Market, outcomes: pd.DataFrame) -> None:
    """Each position of a drawn slate: the policy's own pick with 1 - share more than the share's equal part of everyone."""
    share = market.config.explored
    decisions = market.table("decisions").set_index("decision_id")
    n = outcomes.decision_id.map(decisions.candidates)
    equal = share / n
    by_score = np.isclose(outcomes.propensity, equal + 1 - share)
    assert (by_score | np.isclose(outcomes.propensity, equal)).all()
    assert by_score[~outcomes.explored].all(), "what the scores chose was the policy's pick"
    drawn = outcomes[outcomes.explored]
    top = drawn.position == 1
    would = outcomes[outcomes.position == 1].explored.mean()  # share of first places that were drawn
    assert abs(would - share) < 0.03
    expected = (1 / n[drawn.index])[top].mean()
    assert by_score[drawn.index][top].mean() == pytest.approx(expected, abs=0.12), "one draw in n meets the policy's pick"


def test_inverse_propensities_recover_the_drawn_policy(market: Market, outcomes: pd.DataFrame) -> None:
    """Off-policy: weighting the whole log to the uniform policy gives the drawn slates' relevance at the first place."""
    decisions = market.table("decisions").set_index("decision_id")
    first = outcomes[(outcomes.position == 1) & ~outcomes.bot]
    weight = 1 / first.decision_id.map(decisions.candidates) / first.propensity
    drawn = first[first.explored]
    estimate = (weight * first.p_click).sum() / weight.sum()
    error = drawn.p_click.std() / np.sqrt(len(drawn))
    assert estimate == pytest.approx(drawn.p_click.mean(), abs=5 * error)
    assert estimate < first.p_click.mean(), "the policy shows better ads than chance does"


def test_prices_are_within_bids_and_over_floors(market: Market, outcomes: pd.DataFrame) -> None:
    assert (outcomes.price_micros >= 0).all() and (outcomes.price_micros <= outcomes.bid_micros).all()
    for day, rows in outcomes.groupby(outcomes.ts.dt.date):
        campaigns = latest(market, "campaigns", "campaign_id", day)
        bid = rows.campaign_id.map(campaigns.bid_micros)
        assert (rows.bid_micros == bid)[rows.surface != "search"].all(), "the bid in force that day"
        factor = [
            next((a["factor"] for a in campaigns.bid_adjustments[k] if a["value"] == d), 1.0) if s == "search" else 1.0
            for k, d, s in zip(rows.campaign_id, rows.device, rows.surface, strict=True)
        ]
        assert (rows.bid_micros == np.floor(bid * factor)).all(), "as adjusted for a search's device"
        cpm = rows[(rows.campaign_id.map(campaigns.objective) == "cpm") & (rows.price_micros > 0) & ~rows.explored]
        floors = market.table("placements").set_index("surface").floor_micros
        paid_up = cpm.price_micros >= np.maximum(cpm.surface.map(floors), cpm.rival_micros)
        assert paid_up.mean() > 0.9, "a thousand views cost the floor and the rivals' best, unless the budget was about to end"
    assert (outcomes.price_micros < outcomes.bid_micros).mean() > 0.5, "mostly less than the bid"


def test_rivals_win_requests_and_their_prices_are_told(market: Market) -> None:
    rivals = market.rivals.merge(market.table("decisions"), on="decision_id", validate="1:1")
    assert len(rivals) == len(market.table("decisions"))
    assert (rivals.rival_micros > 0).all()
    lost, won = rivals[rivals.shown == 0], rivals[rivals.shown > 0]
    assert 0.01 < len(lost) / len(rivals) < 0.5
    competitive = lost[lost.candidates > 0]
    assert competitive.rival_micros.median() > won.rival_micros.median()


def test_budgets_are_never_exceeded(market: Market, outcomes: pd.DataFrame) -> None:
    campaigns = market.table("campaigns").drop_duplicates("campaign_id").set_index("campaign_id")
    engagements = market.table("engagements")
    arrivals = list((market.home.truth / "arrivals").rglob("*.parquet"))
    late = pd.concat([pd.read_parquet(f, engine="pyarrow", partitioning=None) for f in arrivals])
    bought = set(late[late.kind == "conversion"].impression_id) | set(engagements[engagements.kind == "conversion"].impression_id)
    kind = outcomes.campaign_id.map(campaigns.objective)
    due = np.select(
        [kind == "cpc", kind == "cpm"],
        [outcomes.price_micros * outcomes.clicked, outcomes.price_micros // 1000],
        outcomes.price_micros * outcomes.impression_id.isin(bought),
    )
    spent = outcomes.assign(due=due).groupby([outcomes.ts.dt.date, "campaign_id"]).due.sum()
    share = spent / spent.index.get_level_values("campaign_id").map(campaigns.daily_budget_micros)
    assert (share <= 1).all()
    assert (share > 0.99).any(), "some budget does run out"


def test_a_price_tells_nothing_of_its_click(outcomes: pd.DataFrame) -> None:
    """Where a budget ends, prices fall to what is left; that may not depend on the very click."""
    free = outcomes[outcomes.price_micros == 0]
    assert len(free) < 0.05 * len(outcomes)
    expected, observed = free.p_click.sum(), free.clicked.sum()
    assert abs(observed - expected) <= 4 * np.sqrt(max(expected, 1)) + 1


def test_schedules_targeting_policy_and_caps_hold(market: Market, outcomes: pd.DataFrame) -> None:
    users = market.table("users").set_index("user_id")
    targeted: dict[str, int] = {}
    for day, rows in outcomes.groupby(outcomes.ts.dt.date):
        campaigns = latest(market, "campaigns", "campaign_id", day).loc[rows.campaign_id.unique()]
        assert (campaigns.status == "active").all()
        midnight = pd.Timestamp(day, tz="UTC")
        assert (campaigns.start_ts <= midnight).all()
        assert (campaigns.end_ts.isna() | (campaigns.end_ts > midnight)).all()
        policy_status = rows.creative_id.map(latest(market, "creatives", "creative_id", day).policy_status)
        age, gender = rows.user_id.map(users.age_band), rows.user_id.map(users.gender)
        assert set(policy_status) <= {"approved", "limited"}
        assert not ((policy_status == "limited") & (age == "13-17")).any()
        for column, seen in (
            ("surfaces", rows.surface), ("regions", rows.region), ("languages", rows.language), ("devices", rows.device),
            ("age_bands", age), ("genders", gender), ("hours", rows.ts.dt.hour),
        ):  # fmt: skip
            wanted = {c: set(v) for c, v in campaigns[column].items() if len(v)}
            limited = rows.campaign_id.isin(wanted)
            targeted[column] = targeted.get(column, 0) + int(limited.sum())
            assert all(s in wanted[c] for c, s in zip(rows.campaign_id[limited], seen[limited], strict=True)), column
        shown = rows.groupby(["user_id", "campaign_id"]).size().reset_index(name="n")
        cap = shown.campaign_id.map(campaigns.frequency_cap)
        assert ((cap == 0) | (shown.n <= cap)).all()
    assert all(targeted.values()), f"each kind of targeting occurs: {targeted}"


def test_a_campaign_stands_once_in_a_slate(outcomes: pd.DataFrame) -> None:
    assert not outcomes.duplicated(["decision_id", "campaign_id"]).any()
