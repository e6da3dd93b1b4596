"""What was drawn agrees with the truth that is told of it, within what chance allows."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from feature_repo.taxonomy import CATEGORIES, SURFACES
from pipelines.simulator import clicks
from pipelines.simulator.day import asked
from pipelines.simulator.memory import LivedDay
from pipelines.simulator.past import morning
from pipelines.simulator.truth import market_truth

if TYPE_CHECKING:
    from conftest import Market

UNLIKELY = 1e-4
"""A test of chance fails below this: the market is seeded, so it either always passes or never."""


def surprise(p: pd.Series, happened: pd.Series) -> float:
    """Two-sided p-value of `happened` being independent draws with chances p (normal approximation)."""
    z = (happened.sum() - p.sum()) / np.sqrt((p * (1 - p)).sum())
    return float(2 * stats.norm.sf(abs(z)))


def test_click_rates_are_of_this_world(outcomes: pd.DataFrame) -> None:
    assert 0.005 <= outcomes.clicked.mean() <= 0.03
    by_day = outcomes.groupby(outcomes.ts.dt.date).clicked.mean()
    assert by_day.between(0.005, 0.03).all()


def test_observed_clicks_match_their_chances(outcomes: pd.DataFrame) -> None:
    assert surprise(outcomes.p_click, outcomes.clicked) > UNLIKELY
    for column in ("surface", "position", "explored", "device", "bot"):
        for value, rows in outcomes.groupby(column):
            assert surprise(rows.p_click, rows.clicked) > UNLIKELY, (column, value)
    for decile, rows in outcomes.groupby(pd.qcut(outcomes.p_click, 10, labels=False)):
        assert surprise(rows.p_click, rows.clicked) > UNLIKELY, f"decile {decile}"


def test_conversions_match_their_chances_and_their_delay(market: Market, outcomes: pd.DataFrame) -> None:
    """Of clicks old enough for nearly all to have arrived; the delay is exponential with the mean that the truth states."""
    clicked = outcomes[outcomes.clicked & (outcomes.ts < pd.Timestamp(market.days[-3], tz="UTC"))]
    assert surprise(clicked.p_conversion, clicked.converted) > UNLIKELY
    engagements = market.table("engagements")
    bought = engagements[engagements.kind == "conversion"].merge(
        engagements[["event_id", "ts"]], left_on="cause_id", right_on="event_id", suffixes=("", "_click")
    )
    bought = bought.merge(outcomes[["impression_id", "delay_hours"]], on="impression_id")
    early = bought[bought.ts_click < pd.Timestamp(market.days[-3], tz="UTC")]
    hours = (early.ts - early.ts_click).dt.total_seconds() / 3600
    assert stats.kstest(hours / early.delay_hours, "expon").pvalue > UNLIKELY
    laws = market_truth(market.home).laws
    assert np.median(outcomes.delay_hours.drop_duplicates()) == pytest.approx(laws.delay_hours, rel=0.25)


def test_nothing_arrives_before_its_day_and_what_is_late_waits(market: Market) -> None:
    """Conversions beyond the last day made are in no table, only under the truth."""
    end = pd.Timestamp(market.days[-1], tz="UTC") + pd.Timedelta(days=1)
    engagements = market.table("engagements")
    assert (engagements.created_ts < end).all()
    assert market.home.days("engagements") == market.days
    waiting = list((market.home.truth / "arrivals").glob(f"day={end.date()}/*.parquet"))
    assert waiting, "some do arrive later"
    converted = sum(d.conversions for d in market.report.days)
    arrived = (engagements.kind == "conversion").sum()
    assert 0 < arrived < converted


def test_position_bias_is_the_stated_curve(market: Market, outcomes: pd.DataFrame) -> None:
    """On drawn slates position is independent of the ad, so click rates by position are proportional to the curve."""
    curves = market_truth(market.home).examination
    drawn = outcomes[outcomes.explored & ~outcomes.bot].assign(seen=lambda f: f.p_click / f.examination)
    for surface in SURFACES:
        rows = drawn[drawn.surface == surface]
        stated = np.array(curves[surface])
        assert stated[0] == 1 and (np.diff(stated) < 0).all()
        assert np.allclose(rows.examination, stated[rows.position - 1])
        rows = rows[rows.groupby("decision_id").position.transform("max") == len(stated)]
        first, last = rows[rows.position == 1], rows[rows.position == len(stated)]
        assert first.seen.mean() == pytest.approx(last.seen.mean(), rel=0.25), "relevance does not depend on the position"


def test_people_tire_of_campaigns_and_of_advertisers(market: Market, outcomes: pd.DataFrame) -> None:
    """The truth's weariness is what the log of the days before makes people remember, a night later as much less as the law says."""
    world, laws, number = market.world, market.config.laws, 3
    day = outcomes[outcomes.ts.dt.date == market.days[number]].sort_values(
        "impression_id", key=lambda s: s.str.split("-").str[-1].astype(int)
    )
    user = day.user_id.str[1:].astype(int).to_numpy()
    campaign = day.campaign_id.str[1:].astype(int).to_numpy()
    exposures = LivedDay(morning(market.home, world, number), world.ads.campaign_advertiser)
    told = np.empty(len(day))
    for request in day.groupby("decision_id", sort=False).indices.values():
        told[request] = clicks.weariness(world, user[request], exposures.worn(user[request], campaign[request]))
        exposures.add(user[request], campaign[request])
    assert np.allclose(told, day.weariness)
    assert 0.3 < (told > 0.2).mean() < 0.98 and told.max() > 3 * np.median(told) > 0
    yesterday = exposures.memory.after(exposures.shown, laws.kept)
    assert yesterday.weight.max() > laws.kept, "more than one evening is remembered"


def test_tastes_drift(market: Market) -> None:
    first, near, far = (market.world.tastes(n).interest[:, 1:].ravel() for n in (0, 2, 20))
    assert 0.97 < np.corrcoef(first, near)[0, 1] < 0.9999
    assert 0.5 < np.corrcoef(first, far)[0, 1] < 0.95


def test_the_page_around_an_ad_matters(market: Market) -> None:
    """Off search: the same ads for the same people, beside a page of a like topic and of another."""
    world = market.world
    requests = asked(world, 2)
    social = requests.rows(np.flatnonzero(requests.surface > 0)[:500])
    ads = world.live(2).servable[np.arange(40)][None, :].repeat(len(social), axis=0)
    alike = world.likeness[social.page[:, None], world.ads.category[ads]]
    odds = clicks.appeal(world, 2, social, ads) - clicks.appeal(world, 2, replace(social, page=np.zeros(len(social), np.int64)), ads)
    assert np.allclose(odds, market.config.laws.page * alike) and alike.max() == pytest.approx(1) and alike.min() < -0.3
    activity = market.table("activity")
    reading = activity[activity.ts.dt.date == market.days[2]].groupby("user_id").category.agg(set)
    beside = [CATEGORIES[page] in reading.get(user, ()) for user, page in zip(world.people.ids[social.user], social.page, strict=True)]
    assert np.mean(beside) > 0.9, "the log tells what people were reading"


def test_a_poor_landing_page_loses_buyers(market: Market, outcomes: pd.DataFrame) -> None:
    page = market.world.ads.page[outcomes.creative_id.str[1:].astype(int)]
    good, poor = outcomes[~outcomes.bot & (page > 0.8)], outcomes[~outcomes.bot & (page < -0.8)]
    assert good.p_conversion.mean() > 1.6 * poor.p_conversion.mean()
    texts = market.table("landing_pages")
    length = texts.text.str.split().str.len()
    told = market.world.ads.page[texts.landing_url.str.split("/").str[-1].astype(int)]
    assert np.corrcoef(length, told)[0, 1] > 0.5, "a page's text shows how good it is"


def test_exposures_are_counted_and_bots_click_blindly(market: Market, outcomes: pd.DataFrame) -> None:
    laws = market_truth(market.home).laws
    keyed = outcomes.sort_values("ts", kind="stable")
    before = keyed.groupby([keyed.ts.dt.date, "user_id", "campaign_id"]).cumcount()
    assert (before == keyed.seen_today).all(), "seen_today counts the campaign's impressions to the user before, that day"
    assert (outcomes[outcomes.bot].p_click == laws.bot_click).all()
    assert (outcomes[outcomes.bot].p_conversion == 0).all()
    per_user = outcomes.groupby("user_id").bot.first()
    assert 0.002 < per_user.mean() < 0.05


def test_truth_tells_clicks_apart(outcomes: pd.DataFrame) -> None:
    """There is something to learn: the true chances beat the base rate by far, and no feature could do better."""
    p, y = outcomes.p_click, outcomes.clicked
    base = y.mean()
    entropy = -(base * np.log(base) + (1 - base) * np.log(1 - base))
    loss = -(y * np.log(p) + (1 - y) * np.log1p(-p)).mean()
    assert loss / entropy < 0.92


def test_popularity_and_activity_are_skewed(market: Market, outcomes: pd.DataFrame) -> None:
    for column, least in (("creative_id", 0.3), ("user_id", 0.35)):
        counts = outcomes[column].value_counts()
        assert counts.iloc[: len(counts) // 10].sum() / len(outcomes) > least, f"the top tenth of {column}"
    counts = outcomes.creative_id.value_counts().to_numpy()[:100]
    slope = np.polyfit(np.log(np.arange(1, len(counts) + 1)), np.log(counts), 1)[0]
    assert -1.6 < slope < -0.25, "a power law over the first hundred"


def test_somebody_and_something_is_new_every_day(market: Market) -> None:
    users = market.table("users")
    decisions, impressions = market.table("decisions"), market.table("impressions")
    assert all(d.new_users > 0 and d.new_creatives > 0 for d in market.report.days)
    first_asked = decisions.groupby("user_id").ts.min()
    joined = users[users.ts >= pd.Timestamp(market.days[1], tz="UTC")].set_index("user_id").ts
    assert (first_asked[joined.index] == joined).all(), "a newcomer is known from the first request on, on that very day"
    creatives = market.table("creatives").groupby("creative_id").created_ts.min()
    debut = impressions.groupby("creative_id").ts.min()
    assert (debut >= creatives[debut.index]).all()
    cold = debut.dt.normalize() == creatives[debut.index]
    shown_cold = set(debut[cold].dt.date)
    assert shown_cold == set(market.days), "ads without a history are shown every day"


def test_asked_for_volume_is_about_met(market: Market) -> None:
    per_day = market.report.impressions / len(market.days)
    assert per_day == pytest.approx(market.config.impressions_per_day, rel=0.15)
