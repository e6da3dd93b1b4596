"""A small catalogue with keywords, pages and an encoder, written and opened as serving does, and an engine over it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from feature_repo.catalog import CATALOG
from serving.bundles import Bundle
from serving.engine.engine import Engine
from serving.engine.live import Live
from serving.language.text_encoder import TextEncoder
from serving.ledger.memory import MemoryLedger
from serving.record.decision import Decision
from serving.record.request import AdRequest
from serving.settings import Settings
from serving.snapshot import open_current, set_current
from serving.snapshot.snapshot import write_snapshot
from serving.surfaces.search import search
from tests.made import Known

NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)
PRODUCTS = ("running shoes", "garden hose", "espresso machine", "city hotel")
CATEGORIES = ("sports", "home", "food", "travel")
ADVERTISERS = 6


def table(name: str, rows: list[dict[str, Any]]) -> pa.Table:
    schema = CATALOG[name]
    usual = {"created_ts": datetime(2026, 1, 1, tzinfo=UTC), "source": "test"}
    return pa.Table.from_pylist([{n: (usual | row).get(n) for n in schema.names} for row in rows], schema)


def catalogue() -> dict[str, pa.Table]:
    """Every advertiser sells every product: a campaign each, an ad group with a responsive and a plain creative."""
    campaigns, groups, creatives, keywords, pages = [], [], [], [], []
    for a in range(ADVERTISERS):
        for p, product in enumerate(PRODUCTS):
            k = f"k{a}{p}"
            campaigns.append(
                {
                    "campaign_id": k, "advertiser_id": f"a{a}", "status": "active", "objective": "cpc", "bid_micros": 300_000 + 50_000 * a,
                    "daily_budget_micros": 10**10, "start_ts": datetime(2026, 1, 1, tzinfo=UTC), "hours": [], "frequency_cap": 0,
                    "surfaces": [], "regions": [], "languages": [], "devices": [], "age_bands": [], "genders": [],
                    "bid_adjustments": [{"kind": "device", "value": "mobile", "factor": 2.0}] if a == 0 else [],
                }
            )  # fmt: skip
            groups.append({"ad_group_id": f"g{a}{p}", "campaign_id": k, "name": product})
            for c in range(2):
                creatives.append(
                    {
                        "creative_id": f"c{a}{p}{c}", "ad_group_id": f"g{a}{p}", "campaign_id": k, "advertiser_id": f"a{a}",
                        "category": CATEGORIES[p], "language": "en",
                        "headline": f"{{KeyWord:{product}}} sale" if not c else f"Brand{a} {product}",
                        "description": f"All about {product}", "headlines": [f"Save on {product}", "Fresh picks"],
                        "descriptions": [], "call_to_action": "Learn more" if c else "Shop now", "image_path": "",
                        "landing_url": f"https://x.example/{a}/{p}" if a else "", "policy_status": "approved",
                    }
                )  # fmt: skip
            pages.append({"landing_url": f"https://x.example/{a}/{p}", "title": product, "text": f"Our {product}. " * (a + 1)})
            for n, kind in enumerate(("exact", "phrase", "broad")):
                keywords.append(
                    {
                        "keyword_id": f"w{a}{p}{n}", "ad_group_id": f"g{a}{p}", "campaign_id": k, "text": product, "match_type": kind,
                        "negative": False, "bid_micros": 400_000 + 10_000 * a,
                    }
                )  # fmt: skip
            keywords.append(
                {
                    "keyword_id": f"w{a}{p}9",
                    "ad_group_id": "",
                    "campaign_id": k,
                    "text": "free",
                    "match_type": "broad",
                    "negative": True,
                    "bid_micros": 0,
                }
            )
    advertisers = [{"advertiser_id": f"a{a}", "name": f"A{a}", "brand": f"Brand{a}"} for a in range(ADVERTISERS)]
    return {
        "advertisers": table("advertisers", advertisers),
        "campaigns": table("campaigns", campaigns), "ad_groups": table("ad_groups", groups), "creatives": table("creatives", creatives),
        "keywords": table("keywords", keywords), "landing_pages": table("landing_pages", pages),
        "placements": table("placements", [{"placement_id": "search-main", "surface": "search", "slots": 4, "floor_micros": 1_000_000}]),
    }  # fmt: skip


@dataclass(frozen=True)
class Searching:
    live: Live
    settings: Settings
    ask: Callable[..., Decision]


@pytest.fixture(scope="session")
def click(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    from pipelines.bench.serving.synthetic import ranker

    return ranker(tmp_path_factory.mktemp("click") / "1", trees=10, rows=2_000)


@pytest.fixture(scope="session")
def encoder() -> TextEncoder:
    from pipelines.language.encoder import learn

    texts = [f"{p} sale all about {p}" for p in PRODUCTS for _ in range(3)] + [
        "sneakers running shoes trainers",
        "hotel room city break",
    ] * 3
    return TextEncoder("7", learn(texts, 1)[:, :4])


@pytest.fixture(scope="session")
def searching(tmp_path_factory: pytest.TempPathFactory, click: Bundle, encoder: TextEncoder) -> Searching:
    home = tmp_path_factory.mktemp("search")
    version = write_snapshot(home / "snapshots", NOON, catalogue(), {}, encoder)
    set_current(home / "snapshots", version)
    live = Live(open_current(home / "snapshots"), {("click", "champion"): click}, None, encoder)
    return Searching(live, Settings(home_path=home), asker(home, live))


def asker(home: Path, live: Live, **changes: Any) -> Callable[..., Decision]:
    settings = Settings(home_path=home, explore_share=changes.pop("explore_share", 0), reserve_micros=1_000, **changes)
    engine = Engine({"search": search(Known(), MemoryLedger(), settings)}, settings)

    def ask(query: str, request_id: str = "r1", device: str = "desktop", slots: int = 4) -> Decision:
        return engine.decide(AdRequest(request_id, "search", "u1", NOON, device=device, query=query, slots=slots, tmax_ms=60_000), live)

    return ask


@pytest.fixture(scope="session")
def searched_catalog() -> dict[str, pa.Table]:
    return catalogue()


@pytest.fixture(scope="session")
def over() -> Callable[..., Callable[..., Decision]]:
    """Makes another asker: over(home, live, **settings)."""
    return asker
