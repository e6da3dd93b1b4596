"""What people do with the ads that they are shown: drawn from the truth, the same again, and with a memory."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import numpy as np
import pytest

from feature_repo.days import end_of
from feature_repo.home import Home
from pipelines.simulator.audience import Audience, Reaction, Visit
from pipelines.simulator.config import Laws, MarketConfig, save
from pipelines.simulator.inventory import SLOTS
from pipelines.simulator.shown_before import ShownBefore
from pipelines.simulator.truth import Judge, market_truth
from pipelines.simulator.world import World
from tests.pipelines.simulator.conftest import Market

LIVELY: Final = MarketConfig(
    seed=5, users=800, creatives=200, impressions_per_day=4_000, horizon_days=10, images=False, laws=Laws(base=(-4.6, -5.0, -4.8))
)
"""People who click much: a day of few visits tells much."""
DAY: Final = LIVELY.first + timedelta(days=3)
MOST: Final = max(SLOTS.values())
"""Ads on the longest page; each surface's pages are full, with ads by lot."""


@dataclass(frozen=True)
class Answered:
    """A visit, what it was shown (creative and position), and what came of it."""

    visit: Visit
    page: list[tuple[str, int]]
    came: list[Reaction]

    @property
    def creatives(self) -> list[str]:
        return [creative for creative, _ in self.page]


@pytest.fixture(scope="module")
def lively(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A market of which no day has been made."""
    home = Home(tmp_path_factory.mktemp("lively"))
    save(home, LIVELY)
    return home


@pytest.fixture(scope="module")
def world() -> World:
    return World.of(LIVELY)


def answer(home: Home, world: World) -> list[Answered]:
    """Every visit of DAY with ads by lot, of people who had seen nothing before."""
    rng, servable = np.random.default_rng(5), world.live(3).servable
    audience, out = Audience(home, DAY, ShownBefore(world)), []
    for visit in audience.visits():
        page = [(f"c{ad}", place + 1) for place, ad in enumerate(rng.choice(servable, SLOTS[visit.surface], replace=False))]
        out.append(Answered(visit, page, audience.react(visit.visit_id, page)))
    return out


@pytest.fixture(scope="module")
def answered(lively: Home, world: World) -> list[Answered]:
    return answer(lively, world)


def test_the_visits_are_the_requests_of_the_simulated_day(market: Market) -> None:
    day = market.days[3]
    visits, logged = Audience(market.home, day, ShownBefore(market.world)).visits(), market.table("decisions")
    logged = logged[logged.ts.dt.date == day]
    told = zip(logged.ts, logged.user_id, logged.surface, logged.device, logged.os, logged.region, logged.language, strict=True)
    assert [(v.ts, v.user_id, v.surface, v.device, v.os, v.region, v.language) for v in visits] == list(told)
    typed = market.table("queries").set_index("query_id").text
    searches = [v for v in visits if v.surface == "search"]
    assert len(searches) > 500 and all(typed[v.visit_id] == v.query for v in searches)
    assert not any(v.query for v in visits if v.surface != "search")


def test_the_same_past_and_pages_give_the_same_again(lively: Home, world: World, answered: list[Answered], tmp_path: Path) -> None:
    assert answer(lively, world) == answered
    other = Home(tmp_path)
    save(other, replace(LIVELY, seed=6))
    visits = Audience(other, DAY, ShownBefore(world)).visits()
    assert [v.user_id for v in visits[:20]] != [a.visit.user_id for a in answered[:20]], "another seed is another market"


def test_every_shown_ad_is_an_impression_and_what_follows_comes_after_it(answered: list[Answered]) -> None:
    for a in answered:
        assert sorted(r.creative_id for r in a.came if r.kind == "impression") == sorted(a.creatives)
        assert [r.ts for r in a.came] == sorted(r.ts for r in a.came)
        when = {(r.kind, r.creative_id): r.ts for r in a.came}
        assert all(ts > when["impression", creative] == a.visit.ts for (kind, creative), ts in when.items() if kind != "impression")
        assert all(ts > when["click", creative] for (kind, creative), ts in when.items() if kind == "conversion")
        assert all((r.value_micros > 0) == (r.kind == "conversion") for r in a.came)
        assert a.visit.surface != "search" or {r.kind for r in a.came} <= {"impression", "click", "conversion"}
    kinds = Counter(r.kind for a in answered for r in a.came)
    assert kinds["like"] > 3 and kinds["hide"] > max(kinds["report"], 3)


def test_clicks_and_conversions_come_as_often_as_the_truth_says(lively: Home, world: World, answered: list[Answered]) -> None:
    """At each position and in all, within four standard deviations of independent draws; half as much again would be far outside."""
    memory, midnight = ShownBefore(world), end_of(DAY) - timedelta(days=1)
    judge, curves = Judge(lively, DAY, memory), market_truth(lively).examination
    clicks, mean, variance, bought, odds = np.zeros(MOST), np.zeros(MOST), np.zeros(MOST), 0, list[float]()
    for a in answered:
        p = judge.p_click(a.visit.visit_id, a.creatives)
        if not judge.is_bot(a.visit.visit_id):
            p = p * curves[a.visit.surface]
        mean[: len(p)] += p
        variance[: len(p)] += p * (1 - p)
        clicked = [r.creative_id for r in a.came if r.kind == "click"]
        clicks[: len(p)] += np.isin(a.creatives, clicked)
        odds += judge.p_conversion(a.visit.visit_id, clicked).tolist() if clicked else []
        bought += sum(r.kind == "conversion" for r in a.came)
        for creative in a.creatives:
            memory.show(int(a.visit.user_id[1:]), int(creative[1:]), 3 + (a.visit.ts - midnight) / timedelta(days=1))
    assert (np.abs(clicks - mean) < 4 * np.sqrt(variance)).all()
    assert abs(clicks.sum() - mean.sum()) < 4 * np.sqrt(variance.sum()) < 0.3 * mean.sum()
    chance = np.array(odds)
    assert bought >= 5 and abs(bought - chance.sum()) < 4 * np.sqrt((chance * (1 - chance)).sum())


def test_who_has_seen_a_campaign_clicks_on_it_less(lively: Home, world: World, answered: list[Answered]) -> None:
    tired = ShownBefore(world)
    fresh, worn = Judge(lively, DAY, ShownBefore(world)), Judge(lively, DAY, tired)
    for a in answered[:60]:
        for n in range(5):
            tired.show(int(a.visit.user_id[1:]), int(a.creatives[0][1:]), 3 + n / 86_400)
    late = [a for a in answered[:60] if a.visit.ts > end_of(DAY - timedelta(days=1)) + timedelta(minutes=1)]
    people = [a for a in late if not fresh.is_bot(a.visit.visit_id)]
    assert len(people) > 40
    for a in people:
        now, before = (judge.p_click(a.visit.visit_id, a.creatives[:1])[0] for judge in (worn, fresh))
        assert now < before


def test_a_page_that_is_shown_at_another_hour_is_answered_then(lively: Home, world: World, answered: list[Answered]) -> None:
    at = datetime.combine(DAY, datetime.min.time(), answered[0].visit.ts.tzinfo) + timedelta(hours=23)
    came = Audience(lively, DAY, ShownBefore(world)).react(answered[0].visit.visit_id, answered[0].page, at)
    assert {r.ts for r in came if r.kind == "impression"} == {at}


def test_what_was_shown_before_is_read_from_the_logs(market: Market) -> None:
    """Counts of the last day, and what is left of the impressions after so many nights, against the table itself."""
    last, shown = market.days[-1], market.table("impressions")
    memory = ShownBefore.of_logs(market.world, market.home, last + timedelta(days=1))
    user = str(shown.user_id.value_counts().index[0])
    mine = shown[shown.user_id == user]
    ad, campaign, advertiser = (str(mine[column].iloc[-1]) for column in ("creative_id", "campaign_id", "advertiser_id"))
    number, who, which = market.config.day_number(last), int(user[1:]), np.array([int(ad[1:])])
    today = mine[(mine.ts.dt.date == last) & (mine.campaign_id == campaign)]
    assert memory.seen_today(who, which, number + 1 - 1e-9).tolist() == [len(today)]
    nights = np.array([(last - moment.date()).days for moment in mine.ts])
    left, found = market.config.laws.kept**nights, memory.worn(who, which, number + 1 - 1e-9)
    assert found.campaign[0] == pytest.approx(left[mine.campaign_id == campaign].sum(), rel=1e-6)
    assert found.advertiser[0] == pytest.approx(left[mine.advertiser_id == advertiser].sum(), rel=1e-6)
    later = memory.worn(who, which, number + 1.5)
    assert later.campaign[0] == pytest.approx(market.config.laws.kept * found.campaign[0])


def test_nobody_is_told_a_probability() -> None:
    """Whoever imitates traffic learns what happened, and no more."""
    told = {*Reaction.__dataclass_fields__, *Visit.__dataclass_fields__, *(name for name in vars(Audience) if not name.startswith("_"))}
    assert told == {
        "kind", "creative_id", "ts", "value_micros", "visit_id", "surface", "user_id", "device", "os", "region", "language", "query",
        "visits", "react", "write_truth",
    }  # fmt: skip
