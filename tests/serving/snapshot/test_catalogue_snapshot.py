"""Snapshots: the same bytes twice, an atomic pointer, clear refusals, defaults for cold ads."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from feature_repo.catalog import CATALOG
from feature_repo.tables import AD_TABLES
from serving.errors import ServingError, SnapshotMissing
from serving.snapshot import current_version, open_current, open_snapshot, set_current, write_snapshot

AS_OF = datetime(2026, 1, 5, tzinfo=UTC)
BEFORE = AS_OF - timedelta(days=3)


def campaign(name: str, **changes: Any) -> dict[str, Any]:
    return {
        "campaign_id": name, "advertiser_id": "a1", "created_ts": BEFORE, "source": "test", "status": "active", "objective": "cpc",
        "bid_micros": 500_000, "daily_budget_micros": 10_000_000, "start_ts": BEFORE, "end_ts": None, "hours": [], "surfaces": [],
        "regions": [], "languages": [], "devices": [], "age_bands": [], "genders": [], "frequency_cap": 0, **changes,
    }  # fmt: skip


def creative(name: str, of: str) -> dict[str, Any]:
    return {
        "creative_id": name, "ad_group_id": "g", "campaign_id": of, "advertiser_id": "a1", "created_ts": BEFORE, "source": "test",
        "category": "travel", "language": "en", "headline": "Städte", "description": "", "call_to_action": "Book", "image_path": "",
        "landing_url": "", "video_seconds": None, "policy_status": "approved",
    }  # fmt: skip


def catalog(campaigns: list[dict[str, Any]], creatives: list[dict[str, Any]]) -> dict[str, pa.Table]:
    rows = {"campaigns": campaigns, "creatives": creatives}
    return {name: pa.Table.from_pylist(rows.get(name, []), schema=schema) for name, schema in CATALOG.items()}


CAMPAIGNS = [
    campaign("k1", regions=["north"]), campaign("k2", status="paused"), campaign("k3", end_ts=AS_OF), campaign("k4"),
]  # fmt: skip
CREATIVES = [creative(f"c{i}{k}", k) for i in range(2) for k in ("k1", "k2", "k3", "k4", "gone")]


def test_only_ads_of_running_campaigns_are_in_it(tmp_path: Path) -> None:
    set_current(tmp_path, write_snapshot(tmp_path, AS_OF, catalog(CAMPAIGNS, CREATIVES), {}))
    snapshot = open_current(tmp_path)
    assert [snapshot.text("id.creative_id", r) for r in range(len(snapshot))] == ["c0k1", "c0k4", "c1k1", "c1k4"]
    assert snapshot.text("text.headline", 0) == "Städte"
    assert snapshot.rows_of(["c1k4", "c0k1"]) == [3, 0]
    assert snapshot.budget_of("k1") == 10_000_000 and snapshot.budget_of("nobody") == 0


def test_the_order_of_the_rows_changes_nothing(tmp_path: Path) -> None:
    one = write_snapshot(tmp_path / "a", AS_OF, catalog(CAMPAIGNS, CREATIVES), {})
    two = write_snapshot(tmp_path / "b", AS_OF, catalog(CAMPAIGNS[::-1], CREATIVES[::-1]), {})
    assert one == two
    for file in (tmp_path / "a" / one).iterdir():
        assert file.read_bytes() == (tmp_path / "b" / two / file.name).read_bytes(), file.name
    assert write_snapshot(tmp_path / "a", AS_OF, catalog(CAMPAIGNS, CREATIVES), {}) == one


def test_cold_ads_have_the_defaults_and_known_ads_their_values(tmp_path: Path) -> None:
    table = next(t for t in AD_TABLES if any(f.dtype == "float32" for f in t.features))
    feature = next(f for f in table.features if f.dtype == "float32")
    row = {f.name: f.filled(1)[0] if f.dtype != "vector" else f.filled(1)[0].tolist() for f in table.features}
    row |= {table.entity: "c0k1", feature.name: 0.123, "event_timestamp": AS_OF, "created_timestamp": AS_OF}
    features = {table.name: pa.Table.from_pylist([row], schema=table.schema)}
    snapshot = open_snapshot(tmp_path / write_snapshot(tmp_path, AS_OF, catalog(CAMPAIGNS, CREATIVES), features))
    values = snapshot[f"ad.{feature.name}"]
    assert values[0] == pytest.approx(0.123) and np.allclose(values[1:], feature.default)


def test_an_empty_catalogue_can_be_published_and_opened(tmp_path: Path) -> None:
    set_current(tmp_path, write_snapshot(tmp_path, AS_OF, catalog([], []), {}))
    assert len(open_current(tmp_path)) == 0


def test_the_pointer_only_names_what_is_there(tmp_path: Path) -> None:
    with pytest.raises(SnapshotMissing):
        current_version(tmp_path)
    version = write_snapshot(tmp_path, AS_OF, catalog(CAMPAIGNS, CREATIVES), {})
    with pytest.raises(SnapshotMissing):
        current_version(tmp_path)
    with pytest.raises(SnapshotMissing):
        set_current(tmp_path, "no-such-version")
    set_current(tmp_path, version)
    assert current_version(tmp_path) == version


def test_what_cannot_be_read_is_refused_with_its_fix(tmp_path: Path) -> None:
    version = write_snapshot(tmp_path, AS_OF, catalog(CAMPAIGNS, CREATIVES), {})
    (tmp_path / version / "policy.npy").write_bytes(b"torn")
    with pytest.raises(SnapshotMissing, match="publish again"):
        open_snapshot(tmp_path / version)
    (tmp_path / version / "manifest.json").write_text("{")
    with pytest.raises(SnapshotMissing, match="publish again"):
        open_snapshot(tmp_path / version)


@pytest.mark.parametrize("column", ["query.key", "query.query_category_coec_30d"])
def test_a_snapshot_of_other_query_features_is_refused(tmp_path: Path, column: str) -> None:
    """Absent, as from a version that knew fewer of them, or of other queries."""
    version = write_snapshot(tmp_path, AS_OF, catalog(CAMPAIGNS, CREATIVES), {})
    file = tmp_path / version / f"{column}.npy"
    np.save(file, np.zeros(3))
    with pytest.raises(SnapshotMissing, match=r"query.*publish again"):
        open_snapshot(tmp_path / version)
    file.unlink()
    with pytest.raises(SnapshotMissing, match=f"{column}.*publish again"):
        open_snapshot(tmp_path / version)


def test_an_ad_bids_what_its_group_says_or_else_its_campaign(tmp_path: Path) -> None:
    groups_of = {"c1": "g1", "c2": "g2", "c3": "g3", "c4": "nowhere"}
    rows = catalog([campaign("k1")], [creative(c, "k1") | {"ad_group_id": g} for c, g in groups_of.items()])
    bids = {"g1": 700_000, "g2": None, "g3": 0}
    groups = [
        {"ad_group_id": g, "campaign_id": "k1", "created_ts": BEFORE, "source": "test", "name": g, "bid_micros": b} for g, b in bids.items()
    ]
    rows["ad_groups"] = pa.Table.from_pylist(groups, schema=CATALOG["ad_groups"])
    snapshot = open_snapshot(tmp_path / write_snapshot(tmp_path, AS_OF, rows, {}))
    assert snapshot["bid_micros"].tolist() == [700_000, 500_000, 500_000, 500_000]


def test_a_placement_must_be_one_of_the_surface(tmp_path: Path) -> None:
    rows = catalog([campaign("k1")], [creative("c1", "k1")])
    known = {
        "search-main": ("search", 4, 900),
        "search-side": ("search", 2, 500),
        "feed-top": ("feed", 1, 700),
        "feed-low": ("feed", 3, 200),
    }
    placements = [
        {"placement_id": key, "created_ts": BEFORE, "source": "test", "surface": surface, "slots": slots, "floor_micros": floor}
        for key, (surface, slots, floor) in known.items()
    ]
    rows["placements"] = pa.Table.from_pylist(placements, schema=CATALOG["placements"])
    snapshot = open_snapshot(tmp_path / write_snapshot(tmp_path, AS_OF, rows, {}))
    for surface in ("search", "feed", "proactive"):
        for key, (of, _, floor) in known.items():
            if of == surface:
                found = snapshot.placement(surface, key)
                assert found is not None and (found.placement_id, found.floor_micros) == (key, floor)
            else:
                with pytest.raises(ServingError, match="placement_id"):
                    snapshot.placement(surface, key)
        with pytest.raises(ServingError, match="nowhere"):
            snapshot.placement(surface, "nowhere")
    defaults = {surface: snapshot.placement(surface, "") for surface in ("search", "feed", "proactive")}
    assert {s: p and p.placement_id for s, p in defaults.items()} == {"search": "search-main", "feed": "feed-top", "proactive": None}
