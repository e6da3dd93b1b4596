"""Events: once each, durable before the answer, charged within the budget whatever comes at once."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime
from typing import Any

import numpy as np

from feature_repo.home import Home
from serving.snapshot import open_current, set_current
from serving.snapshot.manifest import write_columns


def event_of(answer: dict[str, Any], place: int = 0, kind: str = "click", event_id: str = "") -> dict[str, object]:
    ad, now = answer["ads"][place], datetime.now(UTC).isoformat()
    key = event_id or f"{answer['decision_id']}:{ad['creative_id']}:{kind}"
    return {"event_id": key, "decision_id": answer["decision_id"], "creative_id": ad["creative_id"], "kind": kind, "ts": now}


def spent(api: Any, campaign: str) -> int:
    return int(api.worker.ledger.spent([campaign], datetime.now(UTC).date())[0])


def test_a_click_costs_the_price_that_was_answered_and_an_impression_nothing(api: Any) -> None:
    answer = api.ask()
    ad = answer["ads"][0]
    before = spent(api, ad["campaign_id"])
    result = api.send(event_of(answer, kind="impression"), event_of(answer))
    assert result == {"accepted": 2, "duplicate": 0, "unknown": [], "late": {}, "charged_micros": ad["price_micros"]}
    assert spent(api, ad["campaign_id"]) - before == ad["price_micros"]


def test_sent_again_it_counts_and_costs_once(api: Any) -> None:
    answer = api.ask()
    event, campaign = event_of(answer), answer["ads"][0]["campaign_id"]
    api.send(event_of(answer, kind="impression"))
    first = api.send(event)
    after = spent(api, campaign)
    again = api.send(event, event)
    assert (again["accepted"], again["duplicate"], again["charged_micros"]) == (0, 2, first["charged_micros"])
    other_id = api.send(event_of(answer, event_id="another-id-of-the-same-click:" + answer["decision_id"]))
    assert other_id["accepted"] == 1
    assert spent(api, campaign) == after


def test_an_id_that_stood_for_something_else_buys_nothing(api: Any) -> None:
    """Else money would be taken for an event that no log has."""
    answer = api.ask()
    api.send(event_of(answer, 0, event_id=f"reused:{answer['decision_id']}"))
    campaign = answer["ads"][1]["campaign_id"]
    before = spent(api, campaign)
    again = api.send(event_of(answer, 1, event_id=f"reused:{answer['decision_id']}"))
    assert (again["accepted"], again["duplicate"], again["charged_micros"]) == (0, 1, 0)
    assert spent(api, campaign) == before


def test_events_of_nobody_knows_what_are_named_and_not_kept(api: Any) -> None:
    answer = api.ask()
    stranger = {**event_of(answer), "creative_id": "not-shown", "event_id": f"s:{answer['decision_id']}"}
    lost = {**event_of(answer), "decision_id": "never-made", "event_id": f"l:{answer['decision_id']}"}
    result = api.send(stranger, lost, event_of(answer))
    assert (result["accepted"], result["unknown"]) == (1, [stranger["event_id"], lost["event_id"]])
    assert api.worker.eventlog.event(str(lost["event_id"])) is None


def test_events_out_of_their_time_are_named_and_cost_nothing(api: Any) -> None:
    answer = api.ask()
    years = {f"{year}:{answer['decision_id']}": year for year in (2001, 2030, 2081, 2099)}
    late = [{**event_of(answer, event_id=key), "ts": f"{year}-06-01T12:00:00Z"} for key, year in years.items()]
    result = api.send(*late)
    reasons = {key: "before_the_decision" if year == 2001 else "in_the_future" for key, year in years.items()}
    assert (result["accepted"], result["late"], result["charged_micros"]) == (0, reasons, 0)
    sold = api.send(event_of(answer, kind="impression"), event_of(answer))
    assert sold["charged_micros"] == answer["ads"][0]["price_micros"], "the click itself still counts"


def test_fifty_duplicates_at_once_are_one_click(api: Any) -> None:
    answer = api.ask()
    ad, event = answer["ads"][0], event_of(answer)
    api.send(event_of(answer, kind="impression"))
    before = spent(api, ad["campaign_id"])
    with ThreadPoolExecutor(25) as pool:
        results = list(pool.map(lambda _: api.send(event), range(50)))
    assert sum(r["accepted"] for r in results) == 1
    assert sum(r["duplicate"] for r in results) == 49
    assert {r["charged_micros"] for r in results} == {ad["price_micros"]}
    assert spent(api, ad["campaign_id"]) - before == ad["price_micros"]


def test_what_was_acknowledged_is_on_disk(api: Any) -> None:
    """Read by a connection of its own, as another process would."""
    answer = api.ask()
    event = event_of(answer)
    api.send(event)
    with closing(sqlite3.connect(f"file:{api.home.eventlog / 'events.db'}?mode=ro", uri=True)) as other:
        assert other.execute("select count(*) from events where id = ?", (event["event_id"],)).fetchone() == (1,)
        assert other.execute("select count(*) from decisions where id = ?", (answer["decision_id"],)).fetchone() == (1,)


def test_no_budget_is_exceeded_by_clicks_that_come_at_once(serve: Callable[..., Any], published_home: Home) -> None:
    """Sixty clicks, each worth more than a tenth of the day's budget, over sixteen connections."""
    snapshot, budget = open_current(published_home.snapshots), 500_000
    arrays = {name: np.array(array) for name, array in snapshot.arrays.items()}
    arrays["campaign.budget_micros"][:] = budget
    set_current(published_home.snapshots, write_columns(published_home.snapshots, snapshot.as_of, arrays, len(snapshot)))
    api = serve(published_home)
    answers = [api.ask(user_id=f"u{n}") for n in range(60)]
    clicks = [event_of(a) for a in answers]
    prices: dict[str, int] = {}
    for answer in answers:
        ad = answer["ads"][0]
        prices[ad["campaign_id"]] = prices.get(ad["campaign_id"], 0) + ad["price_micros"]
    assert max(prices.values()) > budget, "the clicks must be worth more than the budget, or nothing is tested"
    api.send(*(event_of(a, kind="impression") for a in answers))
    with ThreadPoolExecutor(16) as pool:
        charged = sum(r["charged_micros"] for r in pool.map(lambda e: api.send(e), clicks))
    spends = {campaign: spent(api, campaign) for campaign in prices}
    assert spends == {campaign: min(due, budget) for campaign, due in prices.items()}
    assert charged == sum(spends.values())
    broke = {campaign for campaign, micros in spends.items() if micros == budget}
    after = api.ask(user_id="u99")
    assert broke and broke.isdisjoint(ad["campaign_id"] for ad in after["ads"])
    assert api.client.get(f"/v1/decisions/{after['decision_id']}").json()["funnel"]["rejected"]["Budget"] > 0


def test_an_impression_counts_towards_the_cap_once(api: Any) -> None:
    answer = api.ask(user_id="capped")
    shown = event_of(answer, kind="impression")
    api.send(shown)
    api.send(shown)
    campaign = answer["ads"][0]["campaign_id"]
    now = datetime.now(UTC)
    assert api.worker.ledger.past("capped", now.date(), now).exposures[campaign] == 1
