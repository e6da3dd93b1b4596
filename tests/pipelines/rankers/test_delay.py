"""Delays are recovered, of a known law and of the simulator's; recent rows teach without making the rate look low."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.special import gamma

from feature_repo.home import Home
from feature_repo.services import CONVERSION, SURFACE
from feature_repo.text import hash_codes
from pipelines.datasets import labels
from pipelines.datasets.dataset import Dataset
from pipelines.datasets.fresh_labels import fresh_labels
from pipelines.evaluate.offline import predict
from pipelines.rankers.delay import Delays, fit_delays, ripeness, ripeness_offset
from pipelines.rankers.fit_bundle import fit_bundle
from pipelines.rankers.logistic import Logistic
from pipelines.simulator.config import Laws, MarketConfig
from pipelines.simulator.truth import impression_truth
from pipelines.warehouse.label_times import LabelTimes
from tests.worlds.copied import copied

DAY = timedelta(days=1)


def mean_hours(delays: Delays, campaign: str) -> float:
    """Of a campaign's law (Weibull's mean)."""
    return float(delays.scales.get(campaign, delays.scale) * gamma(1 + 1 / delays.shape))


@pytest.mark.parametrize("shape", [0.7, 1.0, 1.6])
def test_a_law_is_recovered_from_what_has_come_so_far(shape: float) -> None:
    """Half of the rows are watched for less than the mean delay: the mean of what came is far too short."""
    rng = np.random.default_rng(2)
    scale = 8 * np.exp(rng.normal(scale=0.4, size=60))
    campaign = rng.integers(0, 60, 30_000)
    delay, seen = scale[campaign] * rng.weibull(shape, len(campaign)), rng.uniform(0, 24, len(campaign))
    came = delay <= seen
    found = fit_delays(campaign[came].astype(str).astype(object), delay[came], seen[came])
    assert found is not None
    assert found.shape == pytest.approx(shape, rel=0.06) and found.spread == pytest.approx(0.4, abs=0.1)
    whole = float(np.exp(np.mean(np.log(scale))))
    assert found.scale == pytest.approx(whole, rel=0.12) and np.median(delay[came]) < 0.8 * np.median(delay)
    each = np.array([found.scales[str(c)] for c in range(60)])
    assert np.corrcoef(np.log(each), np.log(scale))[0, 1] > 0.85
    hours = np.full(len(campaign), 6.0)
    truth = 1 - np.exp(-((6.0 / scale[campaign]) ** shape))
    assert found.come(campaign.astype(str).astype(object), hours) == pytest.approx(truth, abs=0.17)


def test_a_campaign_with_few_outcomes_leans_on_the_whole() -> None:
    rng = np.random.default_rng(3)
    campaign = np.r_[rng.integers(0, 40, 8_000), np.repeat(99, 2)]
    delay = np.r_[6 * rng.exponential(size=8_000), 40.0, 40.0]
    found = fit_delays(campaign.astype(str).astype(object), delay, np.full(len(delay), 1e4))
    assert found is not None
    assert 6 < mean_hours(found, "99") < 20 and mean_hours(found, "nobody") == pytest.approx(6, rel=0.05)


def test_few_outcomes_say_nothing_and_ripe_rows_stay_as_they_are() -> None:
    assert fit_delays(np.array(["a"] * 5, object), np.ones(5), np.ones(5) * 9) is None
    assert (ripeness(pd.DataFrame({"label": [True, False]})) == 1).all()
    assert (ripeness_offset(np.ones(3), 0.2) == 0).all()
    assert 1 / (1 + np.exp(-(np.log(0.2 / 0.8) + ripeness_offset(np.array([0.5]), 0.2)))) == pytest.approx([0.1])


def test_labels_are_those_that_the_first_test_row_could_know() -> None:
    noon = pd.Timestamp("2026-01-05 12:00")
    frame = pd.DataFrame(
        {
            "ts": [noon - DAY, noon - pd.Timedelta(hours=4), noon - pd.Timedelta(hours=4), noon],
            "happened": [noon, noon - pd.Timedelta(hours=1), noon + pd.Timedelta(hours=1), noon + pd.Timedelta(hours=20)],
            "split": ["train", "train", "calibrate", "test"],
        }
    )
    found = fresh_labels(frame, DAY)
    assert found["label"].tolist() == [True, True, False, True]
    assert found["seen_hours"].tolist() == [24, 4, 4, 24] and found["delay_hours"].isna().tolist() == [False, False, True, False]


@pytest.fixture(scope="module")
def eager(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A market whose people click and buy much more than usual: enough outcomes in few days."""
    laws = Laws(base=(-2.6, -2.6, -2.6), conversion_base=-0.9)
    config = MarketConfig(seed=5, users=1500, creatives=200, impressions_per_day=9_000, images=False, laws=laws)
    return Home(copied("tests.worlds.simulated", tmp_path_factory.mktemp("eager") / "placard", config, 6))


@pytest.fixture(scope="module")
def clicks(eager: Home) -> pd.DataFrame:
    """Clicks of the market as fresh conversion rows: five days' before the test, with their truth beside them."""
    last = max(eager.days("impressions"))
    frame = labels.labels(eager, "conversion", last, LabelTimes(DAY, DAY))
    frame["split"] = np.where(frame["ts"] < frame["ts"].min().normalize() + 3 * DAY, "train", "calibrate")
    frame.loc[frame["ts"] >= pd.Timestamp(last - DAY), "split"] = "test"
    truth = impression_truth(eager).to_pandas()[["impression_id", "p_conversion", "delay_hours"]]
    truth = truth.rename(columns={"delay_hours": "mean_hours"})
    frame["impression_id"] = "i" + frame["row_id"].str[1:]
    return fresh_labels(frame, DAY).assign(weight_rate=1.0).merge(truth, on="impression_id", how="left", validate="1:1")


def test_the_simulators_delays_are_recovered(clicks: pd.DataFrame) -> None:
    before = clicks[clicks["split"] != "test"]
    came = before[before["label"]]
    found = fit_delays(came["campaign_id"].to_numpy(object), came["delay_hours"].to_numpy(), came["seen_hours"].to_numpy())
    assert found is not None and len(came) > 1_000
    assert found.shape == pytest.approx(1, abs=0.08), "the simulator's delays are exponential"
    truth = before.groupby("campaign_id").agg(mean=("mean_hours", "first"), came=("label", "sum"))
    truth["found"] = [mean_hours(found, c) for c in truth.index]
    whole = np.exp(np.average(np.log(truth["found"] / truth["mean"]), weights=truth["came"]))
    assert whole == pytest.approx(1, abs=0.06), "over campaigns, by their outcomes"
    many = truth[truth["came"] >= 60]
    assert len(many) >= 5 and np.median(np.abs(many["found"] / many["mean"] - 1)) < 0.12
    naive = came.groupby("campaign_id")["delay_hours"].mean() / truth["mean"]
    assert np.average(naive, weights=truth["came"]) < 0.92, "what came within the day came early"


def test_the_freshest_day_is_predicted_without_bias(clicks: pd.DataFrame, tmp_path: Path) -> None:
    """Learned from one day whose outcomes are all in, and from the next, of which a quarter is still to come."""
    made = rows_of(clicks[clicks["ts"] >= clicks["ts"].min().normalize() + 2 * DAY].reset_index(drop=True))
    fresh = made.rows["ts"] >= made.rows.loc[made.part("test"), "ts"].min() - DAY
    day = np.asarray(fresh) & made.part("calibrate")
    truth = true_rate(made.rows)[day].mean()
    aware = predict(fit_bundle(Logistic(), made, tmp_path / "aware", "1"), made, day).mean()
    blind = replace(made, rows=made.rows.drop(columns=["seen_hours"]), prepared={})
    naive = predict(fit_bundle(Logistic(), blind, tmp_path / "naive", "1"), blind, day).mean()
    assert aware == pytest.approx(truth, rel=0.06)
    assert naive < 0.9 * truth


def rows_of(clicks: pd.DataFrame) -> Dataset:
    """Rankers see the campaign and the surface alone."""
    matrix = np.zeros((len(clicks), len(CONVERSION.columns)), np.float32)
    matrix[:, CONVERSION.names.index("campaign_code")] = hash_codes(clicks["campaign_id"].to_numpy(object))
    matrix[:, CONVERSION.names.index(SURFACE)] = clicks["surface"].map({"search": 0, "feed": 1, "proactive": 2})
    return Dataset("conversion", CONVERSION, clicks, matrix)


def true_rate(rows: pd.DataFrame) -> np.ndarray:
    """P(a conversion within the day | click)."""
    return np.asarray(rows["p_conversion"] * -np.expm1(-24 / rows["mean_hours"]))
