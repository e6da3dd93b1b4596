"""Position bias: recovered from explored rows, whatever the policy did with the others."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from pipelines.rankers.position import DECAY_PRIOR, offset_of, position_offsets, programs


def log(n: int, decay: float, seed: int, surface: str = "feed", explored: float = 1.0) -> pd.DataFrame:
    """Impressions of one surface; those not explored stand higher the better they are."""
    rng = np.random.default_rng(seed)
    quality = 1 / (1 + np.exp(-rng.normal(-2.5, 0.8, n)))
    free = rng.random(n) < explored
    ranked = 1 + np.clip((3 * (1 - pd.Series(quality).rank(pct=True))).astype(int), 0, 2)
    position = np.where(free, rng.integers(1, 4, n), ranked)
    label = rng.random(n) < quality * position.astype(float) ** -decay
    user = np.char.add("u", rng.integers(0, max(n // 20, 1), n).astype(str))
    columns = {"surface": surface, "position": position, "shown": 0, "label": label, "explored": free, "weight_rate": 1.0, "user_id": user}
    return pd.DataFrame(columns)


@pytest.mark.parametrize("decay", [0.0, 0.3, 0.8])
def test_the_decay_is_recovered(decay: float) -> None:
    found = position_offsets(log(200_000, decay, seed=1))["feed"]
    assert found == pytest.approx(tuple(-decay * np.log([1, 2, 3])), abs=0.07)


def test_what_the_policy_placed_does_not_bias_it() -> None:
    mixed = log(400_000, 0.4, seed=2, explored=0.15)
    truth = tuple(-0.4 * np.log([1, 2, 3]))
    assert position_offsets(mixed)["feed"] == pytest.approx(truth, abs=0.12)
    naive = position_offsets(mixed.assign(explored=True))["feed"]
    assert naive[2] < truth[2] - 0.3, "without the explored slice the bias is large: the test can tell"


def test_down_sampled_negatives_count_for_all_they_stand_for() -> None:
    whole = log(200_000, 0.5, seed=3)
    kept = whole[whole["label"] | (np.random.default_rng(0).random(len(whole)) < 0.25)].assign(weight_rate=0.25)
    assert position_offsets(kept)["feed"] == pytest.approx(position_offsets(whole)["feed"], abs=0.05)


def test_whoever_gets_a_long_page_may_click_more() -> None:
    """Three ads for those who click most, one for the others: within a length, places alone tell."""
    rng = np.random.default_rng(5)
    shown = rng.choice([1, 3], 300_000, p=[0.25, 0.75])
    position = 1 + (rng.random(len(shown)) * shown).astype(int)
    label = rng.random(len(shown)) < np.where(shown == 1, 0.05, 0.15) * position.astype(float) ** -0.5
    told = pd.DataFrame({"surface": "feed", "position": position, "shown": shown, "label": label, "explored": True, "weight_rate": 1.0})
    told["user_id"] = ""
    truth = tuple(-0.5 * np.log([1, 2, 3]))
    assert position_offsets(told)["feed"] == pytest.approx(truth, abs=0.05)
    assert position_offsets(told.assign(shown=0))["feed"][1] > truth[1] + 0.15, "the lengths mixed: the test can tell"


def test_a_surface_with_few_clicks_leans_on_the_others() -> None:
    """Over twenty logs of some seventy clicks: much closer to the truth than their own counts are."""
    many, truth = log(200_000, 0.4, seed=4), -0.4 * np.log(3)
    leaning, alone = [], []
    for seed in range(20):
        few = log(900, 0.4, seed=100 + seed, surface="proactive")
        found = position_offsets(pd.concat([many, few], ignore_index=True))["proactive"]
        rate = few.groupby("position")["label"].mean()
        leaning.append(found[2] - truth)
        alone.append(np.log(rate[3] / rate[1]) - truth)
    assert np.sqrt(np.mean(np.square(leaning))) < 0.5 * np.sqrt(np.mean(np.square(alone)))


def test_what_nobody_explored_follows_the_usual_law_and_not_the_policy() -> None:
    rows = log(50_000, 0.4, seed=7, explored=0.0)
    assert position_offsets(rows)["feed"] == pytest.approx(tuple(-DECAY_PRIOR[0] * np.log([1, 2, 3])), abs=1e-3)


def test_some_sixty_explored_clicks_do_not_carry_an_offset_away() -> None:
    """Over thirty logs of that size: the second and third place are promised within a sixth of the truth, by root mean square."""
    truth = -0.35 * np.log([2, 3])
    found = np.array([position_offsets(log(800, 0.35, seed=200 + seed))["feed"][1:] for seed in range(30)])
    assert np.sqrt(np.square(found - truth).mean()) < np.log(7 / 6) and np.abs(found - truth).max() < np.log(1.5)


def test_programs_click_wherever_an_ad_stands_and_are_left_out() -> None:
    people, rng = log(150_000, 0.6, seed=8), np.random.default_rng(9)
    bots = people.sample(12_000, random_state=1).assign(user_id=np.char.add("bot", rng.integers(0, 60, 12_000).astype(str)))
    bots["label"] = rng.random(len(bots)) < 0.5
    both = pd.concat([people, bots], ignore_index=True)
    assert programs(both)[len(people) :].mean() > 0.95 and programs(both)[: len(people)].mean() < 0.02
    truth = tuple(-0.6 * np.log([1, 2, 3]))
    assert position_offsets(both)["feed"] == pytest.approx(truth, abs=0.06)
    assert position_offsets(both.assign(user_id=""))["feed"][2] > truth[2] + 0.15, "left in, they flatten the curve: the test can tell"


def test_offsets_start_at_zero_and_never_rise() -> None:
    rng = np.random.default_rng(6)
    noise = pd.DataFrame(
        {
            "surface": "feed",
            "position": rng.integers(1, 6, 400),
            "shown": 0,
            "label": rng.random(400) < 0.2,
            "explored": True,
            "weight_rate": 1.0,
            "user_id": "",
        }
    )
    found = position_offsets(noise)["feed"]
    assert found[0] == 0 and list(found) == sorted(found, reverse=True) and len(found) == 5


def test_rows_get_the_offset_of_their_place_and_deeper_ones_the_last() -> None:
    rows = pd.DataFrame({"surface": ["feed", "feed", "search", "feed"], "position": [1, 2, 2, 9]})
    assert offset_of(rows, {"feed": (0.0, -0.5)}).tolist() == [0.0, -0.5, 0.0, -0.5]
