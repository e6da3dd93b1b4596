"""Money and caps trust no caller, over HTTP and as strangers would try it; details are tested in the rooms of billing and the ledger."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import numpy as np

from feature_repo.home import Home
from serving.snapshot import open_current, set_current
from serving.snapshot.manifest import write_columns

Serve = Callable[..., Any]
CLICKS = 120


def told(answer: dict[str, Any], place: int, kind: str, event_id: str = "") -> dict[str, object]:
    ad, now = answer["ads"][place], datetime.now(UTC).isoformat()
    key = event_id or f"{kind}:{answer['decision_id']}:{ad['creative_id']}"
    return {"event_id": key, "decision_id": answer["decision_id"], "creative_id": ad["creative_id"], "kind": kind, "ts": now}


def publish(home: Home, without: str = "", **columns: int) -> None:
    """Publishes the catalogue again, with other values for all campaigns, or without one of them."""
    snapshot = open_current(home.snapshots)
    arrays = {name: np.array(array) for name, array in snapshot.arrays.items()}
    for name, value in columns.items():
        arrays[f"campaign.{name}"][:] = value
    if without:
        arrays["campaign.id"][snapshot.campaign_place[without]] = b"z" * 9
    set_current(home.snapshots, write_columns(home.snapshots, snapshot.as_of, arrays, len(snapshot)))


def all_spent(api: Any) -> dict[str, int]:
    changed, _ = api.worker.ledger.changes(datetime.now(UTC).date(), 0)
    return dict(changed)


def test_a_click_of_a_campaign_that_has_left_the_catalogue_costs_what_was_agreed(serve: Serve, published_home: Home) -> None:
    api = serve(published_home)
    answer = api.ask()
    gone, price = answer["ads"][0]["campaign_id"], answer["ads"][0]["price_micros"]
    publish(published_home, without=gone)
    api.worker.reloader.refresh()
    assert gone not in api.worker.reloader.live.snapshot.campaign_place
    charged = api.send(told(answer, 0, "impression"), told(answer, 0, "click"))["charged_micros"]
    assert charged == price > 0 and all_spent(api) == {gone: price}


def test_one_impression_under_five_ids_counts_once(serve: Serve, published_home: Home) -> None:
    api = serve(published_home)
    answer = api.ask(user_id="five")
    api.send(*(told(answer, 0, "impression", f"{n}:{answer['decision_id']}") for n in range(5)))
    now = datetime.now(UTC)
    assert api.worker.ledger.past("five", now.date(), now).exposures == {answer["ads"][0]["campaign_id"]: 1}


def test_a_cap_of_one_is_kept_by_pages_asked_for_at_once(serve: Serve, published_home: Home) -> None:
    publish(published_home, cap=1)
    api = serve(published_home, decisions_at_once=4, decisions_waiting=64)
    with ThreadPoolExecutor(8) as threads:
        pages = list(threads.map(lambda n: (n % 3, api.ask(user_id=f"u{n % 3}")), range(24)))
    shown = Counter((user, ad["campaign_id"]) for user, page in pages for ad in page["ads"])
    assert len(shown) > 6 and set(shown.values()) == {1}


def test_the_end_of_a_budget_sells_no_click_for_less_than_its_price(serve: Serve, published_home: Home) -> None:
    api = serve(published_home)
    dearest = max(ad["price_micros"] for ad in api.ask(user_id="before")["ads"])
    publish(published_home, budget_micros=int(dearest * 2.5))
    api.worker.reloader.refresh()
    due = got = 0
    for n in range(80):
        answer = api.ask(user_id=f"u{n}")
        for place, ad in enumerate(answer["ads"]):
            due += ad["price_micros"]
            got += api.send(told(answer, place, "impression"), told(answer, place, "click"))["charged_micros"]
    assert due == got > 0, "whatever was sold is paid for in full"
    assert max(all_spent(api).values()) <= dearest * 2.5


def test_clicks_of_one_user_in_seconds_are_marked_and_not_charged(serve: Serve, published_home: Home) -> None:
    api = serve(published_home)
    without_impressions = api.ask(user_id="hasty")
    clicks = [told(without_impressions, 0, "click", f"{n}:{without_impressions['decision_id']}") for n in range(CLICKS)]
    assert api.send(*clicks)["charged_micros"] == 0 and all_spent(api) == {}
    pages = [api.ask(user_id="flood", slots=3) for _ in range(CLICKS // 3)]
    results = [api.send(told(page, place, "impression"), told(page, place, "click")) for page in pages for place in range(len(page["ads"]))]
    most = api.worker.settings.attribution.most_clicks_a_minute
    assert sum(result["charged_micros"] > 0 for result in results) <= most
    assert Counter(why for result in results for why in result["late"].values()) == {"too_many_clicks": len(results) - most}


def test_what_a_user_hides_is_not_on_the_next_page(serve: Serve, published_home: Home) -> None:
    api = serve(published_home)
    answer = api.ask(user_id="tired")
    hidden = {ad["creative_id"] for ad in answer["ads"]}
    api.send(*(told(answer, place, "hide") for place in range(len(answer["ads"]))))
    following = api.ask(user_id="tired")
    assert following["ads"] and not hidden & {ad["creative_id"] for ad in following["ads"]}
    reported, advertisers = told(following, 0, "report"), api.worker.eventlog.decision(following["decision_id"]).shown
    api.send(reported)
    later = api.worker.eventlog.decision(api.ask(user_id="tired")["decision_id"]).shown
    assert advertisers[0].advertiser_id not in {ad.advertiser_id for ad in later}
    assert api.ask(user_id="another")["ads"][0]["creative_id"] == answer["ads"][0]["creative_id"]
