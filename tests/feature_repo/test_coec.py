"""Clicks over expected clicks stay sensible where nothing was expected: logs of clicks alone, and logs that lost impressions."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from feature_repo.slots import HIGHEST_COEC
from feature_repo.tables.ad_performance import AD_PERFORMANCE
from feature_repo.tables.user_profile import USER_PROFILE

pytestmark = pytest.mark.filterwarnings("ignore:fetch_arrow_table")  # Ibis's own


def coecs(rows: dict[str, dict[str, Any]]) -> dict[str, dict[str, float]]:
    return {entity: {k: v for k, v in row.items() if "coec" in k} for entity, row in rows.items()}


def clicks_only(timelines: Any, many: int) -> Any:
    world = timelines.make(11, 12, 12)
    world.tables["impressions"] = []
    click = {**world.tables["engagements"][0], "kind": "click", "user_id": "u1", "creative_id": "c1"}
    moment = world.as_of - timedelta(hours=2)
    world.tables["engagements"] += [{**click, "event_id": f"x{i}", "ts": moment, "created_ts": moment} for i in range(many)]
    return world


def test_clicks_without_impressions_say_nothing(timelines: Any, tmp_path: Path) -> None:
    """TalkingData's log: 18,000 clicks on an ad, no impression, and once a ratio of 18,000."""
    world = clicks_only(timelines, 18_000)
    home = world.write(tmp_path)
    for table in (AD_PERFORMANCE, USER_PROFILE):
        found = coecs(timelines.built(home, table, world.as_of))
        assert found and all(value == 1.0 for row in found.values() for value in row.values())


def test_clicks_with_few_impressions_are_capped_within_the_gates_bound(timelines: Any, tmp_path: Path) -> None:
    world = clicks_only(timelines, 500)
    shown = timelines.make(11, 12, 12).tables["impressions"][0]
    moment = world.as_of - timedelta(hours=3)
    world.tables["impressions"] = [{**shown, "user_id": "u1", "creative_id": "c1", "ts": moment, "created_ts": moment}]
    home = world.write(tmp_path)
    for table, entity in ((AD_PERFORMANCE, "c1"), (USER_PROFILE, "u1")):
        found = coecs(timelines.built(home, table, world.as_of))
        assert max(found[entity].values()) == HIGHEST_COEC
        assert all(table.feature(n).high == HIGHEST_COEC for n in found[entity])
