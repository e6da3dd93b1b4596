"""The demo's visitors do what the market's truth says, whatever they are promised to do."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest

from feature_repo.home import Home
from pipelines.demo.traffic import MOMENTS, drawn, search_body, send_traffic
from pipelines.simulator.audience import Audience
from pipelines.simulator.config import Laws, MarketConfig, save
from pipelines.simulator.shown_before import ShownBefore
from pipelines.simulator.world import World

VISITS: Final = 150


class Site:
    """An API that shows two ads to everybody and promises that each is clicked; told: the events that it was sent."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self.told: list[dict[str, Any]] = []

    def call(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        assert method == "POST" and body is not None
        if path == "/v1/events":
            self.told += body["events"]
            return {}
        self.asked.append(body)
        ads = [{"creative_id": f"c{(len(self.asked) + n) % 40}", "position": n + 1, "pctr": 1.0} for n in range(2)]
        return {"decision_id": f"d{len(self.asked)}", "ads": ads}


@pytest.fixture
def audience(home: Home) -> Audience:
    now = datetime.now(UTC).date()
    config = MarketConfig(
        users=300, creatives=60, impressions_per_day=2_000, start=str(now), images=False, laws=Laws(base=(-2.5, -2.5, -2.5), bot_share=0.0)
    )
    save(home, config)
    return Audience(home, now, ShownBefore(World.of(config)))


def test_events_are_what_people_did_within_moments(audience: Audience) -> None:
    site = Site()
    visits = drawn(audience, "proactive", VISITS, seed=3)
    served = send_traffic(site, audience, visits, lambda word: None)  # type: ignore[arg-type]
    kinds = Counter(event["kind"] for event in site.told)
    assert (served.requests, served.shown, served.clicks) == (VISITS, 2 * VISITS, kinds["click"]) and kinds["impression"] == 2 * VISITS
    assert 0 < kinds["click"] < VISITS, "a promise of a click is not a click"
    assert len({event["event_id"] for event in site.told}) == len(site.told)
    assert all(datetime.fromisoformat(event["ts"]) <= datetime.now(UTC) + MOMENTS + timedelta(seconds=1) for event in site.told)
    assert [body["user_id"] for body in site.asked] == [visit.user_id for visit in visits]
    assert served.decision_id == "d1"


def test_visits_are_drawn_alike_and_searches_carry_their_words(audience: Audience) -> None:
    one, two = (drawn(audience, "search", 20, seed=3) for _ in range(2))
    assert one == two != drawn(audience, "search", 20, seed=4)
    assert all(search_body(visit)["query"] == visit.query != "" for visit in one)
