"""What Prometheus is told of the present: versions and their ages, fresh features, money by campaign, queues."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from feature_repo.home import Home
from feature_repo.tables import TABLES
from serving.engine.live import Live
from serving.errors import Broken
from serving.ledger.ledger import Sale
from serving.ledger.memory import MemoryLedger
from serving.worker.campaign_spend import MOST, CampaignSpend
from serving.worker.shared_facts import SharedFacts

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)


def told(text: str) -> dict[tuple[str, ...], float]:
    """Values by name and labels, the labels in their order."""
    return {(s.name, *s.labels.values()): s.value for f in text_string_to_metric_families(text) for s in f.samples}


def sold(ledger: MemoryLedger, campaign: str, micros: int, at: datetime) -> None:
    sale = Sale(f"{campaign}|{at}", campaign, micros, 10**9, at, 1.0, math.inf)
    assert ledger.charge(sale, at.date(), at) == micros


def test_versions_and_ages_are_told(serve: Callable[..., Any], published_home: Home) -> None:
    for day in ("2026-01-29", "2026-01-30"):
        (published_home.features("user_profile") / f"day={day}").mkdir(parents=True)
    api = serve(published_home)
    seen, snapshot = told(api.client.get("/metrics").text), api.worker.reloader.live.snapshot
    assert seen["placard_model_info", "click", "champion", "1"] == 1
    assert seen["placard_snapshot_info", snapshot.version] == 1
    assert seen["placard_snapshot_as_of_timestamp_seconds",] == snapshot.as_of.timestamp() and seen["placard_snapshot_ads",] == len(
        snapshot
    )
    assert seen["placard_features_timestamp_seconds", "user_profile"] == datetime(2026, 1, 31, tzinfo=UTC).timestamp()
    assert not any(("placard_features_timestamp_seconds", t.name) in seen for t in TABLES if t.name != "user_profile"), (
        "none of them is there"
    )
    assert seen["placard_workers",] == seen["placard_ready_workers",] == 1 and seen["placard_missing",] == 0
    http = api.worker.settings.http
    assert seen["placard_queue_requests", "decisions"] == 0
    assert seen["placard_queue_places", "decisions"] == http.decisions_at_once + http.decisions_waiting


@pytest.mark.parametrize("trained_to", ["2026-01-30T00:00:00", "2026-01-30T00:00:00+00:00"])
def test_how_new_the_rows_are_that_a_model_learned_from(home: Home, trained_to: str) -> None:
    bundles = {("click", "champion"): SimpleNamespace(manifest=SimpleNamespace(trained_to=trained_to))}
    live = SimpleNamespace(snapshot=None, bundles=bundles)
    nothing = CampaignSpend(MemoryLedger(), lambda: Live(None), lambda: NOON)
    families = {f.name: f.samples for f in SharedFacts(home, SimpleNamespace(live=live), nothing).collect()}  # type: ignore[arg-type]
    (sample,) = families["placard_model_trained_to_timestamp_seconds"]
    assert sample.labels == {"head": "click", "role": "champion"} and sample.value == datetime(2026, 1, 30, tzinfo=UTC).timestamp()


def test_a_worker_with_nothing_to_serve_is_not_ready(serve: Callable[..., Any], home: Home) -> None:
    seen = told(serve(home).client.get("/metrics").text)
    assert seen["placard_workers",] == 1 and seen["placard_ready_workers",] == 0
    assert ("placard_snapshot_ads",) not in seen


def test_a_ledger_that_is_another_one_is_told(serve: Callable[..., Any], published_home: Home) -> None:
    worker = serve(published_home).worker
    worker.watch.trouble = "emptied"
    families = {f.name: f.samples[0].value for f in worker.gauges.collect() if f.samples}
    assert families["placard_ledger_trouble"] == 1 and families["placard_ready_workers"] == 0


def test_money_is_what_was_charged(serve: Callable[..., Any], published_home: Home) -> None:
    api = serve(published_home)
    answer = api.ask()
    ad = answer["ads"][0]
    event = {"event_id": "e1", "decision_id": answer["decision_id"], "creative_id": ad["creative_id"], "kind": "click"}
    api.send({**event, "event_id": "e0", "kind": "impression", "ts": datetime.now(UTC).isoformat()})
    api.send({**event, "ts": datetime.now(UTC).isoformat()})
    campaign = api.worker.eventlog.decision(answer["decision_id"]).shown[0].campaign_id
    seen = told(api.client.get("/metrics").text)
    snapshot = api.worker.reloader.live.snapshot
    assert seen["placard_campaign_spend_micros", campaign] == seen["placard_spend_today_micros",] == ad["price_micros"] > 0
    assert seen["placard_campaign_left_micros", campaign] == snapshot.budget_of(campaign) - ad["price_micros"]
    assert seen["placard_spending_campaigns",] == 1 and seen["placard_exhausted_campaigns",] == 0
    assert seen["placard_budget_today_micros",] == snapshot["campaign.budget_micros"].sum()


def test_few_campaigns_are_named_and_all_are_summed() -> None:
    ledger, now = MemoryLedger(), NOON
    spend = CampaignSpend(ledger, lambda: Live(None), lambda: now)
    assert spend.spent() == {}
    for n in range(MOST + 10):
        sold(ledger, f"c{n:02}", 100 + n, NOON)
    families = {f.name: f.samples for f in spend.collect()}
    assert families["placard_spend_today_micros"][0].value == sum(100 + n for n in range(MOST + 10))
    named = [s.labels["campaign"] for s in families["placard_campaign_spend_micros"]]
    assert named == [f"c{n:02}" for n in range(MOST + 9, 9, -1)]
    sold(ledger, "c00", 5, NOON + timedelta(minutes=1))
    assert spend.spent()["c00"] == 105, "what is charged later is seen later"
    now = NOON + timedelta(days=1)
    assert spend.spent() == {}, "a new day begins with nothing"


def test_a_ledger_that_does_not_answer_costs_the_money_alone(home: Home) -> None:
    def changes(day: object, mark: int) -> None:
        raise Broken("ledger", "gone", "See why.")

    broken = CampaignSpend(SimpleNamespace(changes=changes), lambda: Live(None), lambda: NOON)  # type: ignore[arg-type]
    facts = SharedFacts(home, SimpleNamespace(live=Live(None)), broken)  # type: ignore[arg-type]
    assert {f.name for f in facts.collect()} == {"placard_features_timestamp_seconds", "placard_model_trained_to_timestamp_seconds"}
    with pytest.raises(Broken):
        list(broken.collect())
