"""Dashboards, alerts and the autoscaler's figures read metrics that a running API exports, by labels that those have."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from serving.record.decision import Decision
from serving.worker.metrics import SHADOWED
from tests.infra.dockerfile import ROOT
from tests.infra.promql import Selected, selected
from tests.serving.conftest import api, template
from tests.serving.every_store import a_decision

__all__ = ["api", "template"]
"""Fixtures: one application over a published catalogue with a champion."""

BOARDS = {path.stem: json.loads(path.read_text()) for path in sorted((ROOT / "infra" / "dashboards").glob("*.json"))}
RULES = {path.stem: yaml.safe_load(path.read_text()) for path in sorted((ROOT / "infra" / "alerts").glob("*.yaml"))}
FROM_PROMETHEUS = {"instance", "job", "pod", "namespace", "region"}
"""Labels that a scrape adds."""
SUFFIXES = {"counter": ("_total",), "gauge": ("",), "histogram": ("_bucket", "_sum", "_count"), "summary": ("_sum", "_count")}


def queries() -> Iterator[tuple[str, str]]:
    """Where each query stands, and the query."""
    for name, board in BOARDS.items():
        for panel in board["panels"]:
            for target in panel["targets"]:
                yield f"dashboard {name}: {panel['title']}", target["expr"]
    for name, file in RULES.items():
        for group in file["groups"]:
            for rule in group["rules"]:
                yield f"alerts {name}: {rule['alert']}", rule["expr"]
    adapter = yaml.safe_load((ROOT / "infra" / "helm" / "prometheus-adapter.yaml").read_text())
    for rule in adapter["rules"]["custom"]:
        yield f"autoscaler: {rule['name']['as']}", rule["seriesQuery"]


QUERIES = list(queries())


@pytest.fixture(scope="module")
def exported(api: Any) -> dict[str, set[str] | None]:
    """Series by name, and the labels that they were seen with; None where none was seen. The API has decided, failed, shown nothing, turned
    away and billed, so that what counts has counted."""
    answer = api.ask()
    event = {"decision_id": answer["decision_id"], "creative_id": answer["ads"][0]["creative_id"], "ts": datetime.now(UTC).isoformat()}
    api.send({**event, "event_id": "e0", "kind": "impression"}, {**event, "event_id": "e1", "kind": "click"})
    broken: Decision = a_decision("d1")
    object.__setattr__(broken, "errors", ("Targeting_failed:KeyError",))
    object.__setattr__(broken, "no_ad_reason", "internal_error")
    api.worker.metrics.decided(broken, 0.1)
    api.worker.metrics.turned_away("decisions")
    for outcome in SHADOWED:
        api.worker.shadows.counts["click@2", outcome] += 1
    for table in ("user_profile", "ad_creative"):
        (api.home.features(table) / "day=2026-01-30").mkdir(parents=True, exist_ok=True)
    found: dict[str, set[str] | None] = {}
    text = api.client.get("/metrics").text
    for family in text_string_to_metric_families(text):
        for suffix in SUFFIXES[family.type]:
            found[family.name + suffix] = None
        for sample in family.samples:
            found[sample.name] = set(sample.labels)
    return found


def test_there_is_a_board_for_each_concern() -> None:
    assert set(BOARDS) == {"serving", "features", "models", "market"} == set(RULES)
    assert len({board["uid"] for board in BOARDS.values()}) == len(BOARDS)


@pytest.mark.parametrize("name", BOARDS)
def test_a_board_is_whole(name: str) -> None:
    """Every panel has a title, a meaning, queries with names, and a place of its own."""
    panels, taken = BOARDS[name]["panels"], set()
    assert len(panels) >= 8 and len({p["id"] for p in panels}) == len(panels) == len({p["title"] for p in panels})
    for panel in panels:
        assert panel["description"] and panel["targets"] and panel["datasource"]["uid"] == "${datasource}"
        assert panel["type"] == "table" or all(t["legendFormat"] for t in panel["targets"]), panel["title"]
        place = panel["gridPos"]
        cells = {(place["x"] + dx, place["y"] + dy) for dx in range(place["w"]) for dy in range(place["h"])}
        assert place["x"] + place["w"] <= 24 and not cells & taken, panel["title"]
        taken |= cells
    assert [v["name"] for v in BOARDS[name]["templating"]["list"]] == ["datasource", "instance"]


@pytest.mark.parametrize(("where", "query"), QUERIES, ids=[where for where, _ in QUERIES])
def test_what_a_query_reads_is_exported(where: str, query: str, exported: dict[str, set[str] | None]) -> None:
    for one in selected(query):
        if one.metric == "up":
            continue  # Prometheus' own
        assert one.metric in exported, f"{where} reads {one.metric}"
        have = exported[one.metric]
        if have is not None:
            assert one.labels <= have | FROM_PROMETHEUS, f"{where} reads {one.metric} by {one.labels - have}"


def test_nearly_every_label_was_seen(exported: dict[str, set[str] | None]) -> None:
    """Else the labels above would be held against nothing."""
    read = {one.metric for _, query in QUERIES for one in selected(query)} - {"up"}
    assert len(read) > 40
    unseen = {"placard_shadow_waiting", "placard_model_trained_to_timestamp_seconds"}  # no shadow, and a bundle that says no time
    unseen |= {f"placard_cache_{what}_total" for what in ("hits", "misses", "failures")}  # no online store and no searches
    assert {name for name in read if exported[name] is None} <= unseen, "tests/serving looks at those"


def test_queries_that_are_wrong_are_seen(exported: dict[str, set[str] | None]) -> None:
    assert selected('sum by (b) (rate(x_total{a="1"}[5m]))') == [Selected("x_total", frozenset({"a", "b"}))]
    assert "placard_decisons_total" not in exported and "rung" in (exported["placard_decisions_total"] or set())
    with pytest.raises(ValueError):
        selected("sum by (b (x)")


def test_what_is_exported_of_ours_is_read_somewhere(exported: dict[str, set[str] | None]) -> None:
    """A figure that no board shows is not looked at."""
    read = {one.metric for _, query in QUERIES for one in selected(query)}
    families = {
        name.removesuffix("_bucket").removesuffix("_sum").removesuffix("_count") for name in exported if name.startswith("placard_")
    }
    shown = {name.removesuffix("_bucket").removesuffix("_sum").removesuffix("_count") for name in read}
    assert families - shown == set(), "show it on a board of infra/dashboards"
