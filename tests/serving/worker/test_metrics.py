"""What Prometheus reads: one worker's figures exactly, several workers' as their sum."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from feature_repo.home import Home
from serving.engine.live import Live
from serving.engine.stage_shares import STAGES, StageShares
from serving.engine.tiers import Tiers
from serving.eventlog.log import Event
from serving.stores.breaker import Breaker
from serving.worker.billing import Bill
from serving.worker.metrics import Metrics
from serving.worker.metrics_board import MetricsBoard, board_folder, clear_boards
from serving.worker.worker_gauges import QueueLength, WorkerGauges
from tests.made import no_cache
from tests.serving.every_store import a_decision

GONE = 2**22 + 1
"""No process has this id: Linux gives out fewer."""


def figures(text: str) -> dict[str, float]:
    families = text_string_to_metric_families(text)
    return {f"{s.name}{sorted(s.labels.items()) or ''}": s.value for f in families for s in f.samples}


def metrics_of(events: int, refused: int = 0) -> Metrics:
    reloader = SimpleNamespace(refused=dict.fromkeys(range(refused)), swaps=1, live=Live(None), missing={})
    shadows = SimpleNamespace(counts=Counter({("click@2", "scored"): 3}), waiting=lambda: {"click@2": 2})
    gauges = WorkerGauges(reloader, SimpleNamespace(trouble=""), shadows)  # type: ignore[arg-type]
    gauges.queues = lambda: {"decisions": QueueLength(events, 10)}
    metrics = Metrics(
        reloader, shadows, Tiers(1), {"ledger": Breaker("ledger")}, StageShares((0.1, 0.2, 0.1, 0.5, 0.1)), no_cache(), gauges,
    )  # type: ignore[arg-type]  # fmt: skip
    one = Event("e", "d", "c", "click", datetime.now(UTC))
    metrics.received([one] * events, Bill(events, 0, (), {}, 10 * events, 10 * events))
    return metrics


def test_errors_and_flags_are_counted_apart() -> None:
    metrics = metrics_of(0)
    metrics.decided(replace(a_decision("d1"), flags=("late", "user_unknown"), errors=("Targeting_failed:KeyError",)), 0.1)
    seen = figures(generate_latest(metrics).decode())
    assert seen["placard_late_total[('surface', 'proactive')]"] == 1
    assert seen["placard_flags_total[('flag', 'user_unknown')]"] == 1
    assert {name: n for name, n in seen.items() if name.startswith("placard_errors_total")} == {
        "placard_errors_total[('component', 'Targeting'), ('error', 'KeyError')]": 1
    }


def test_the_share_of_each_stage_stands_beside_its_budget() -> None:
    metrics = metrics_of(0)
    decision = a_decision("d1")
    spent = {"queue": 3.0, "understanding": 1.0, "sourcing": 2.0, "recall": 10.0, "integrity": 4.0, "precision": 60.0, "delivery": 1.0}
    for _ in range(2):
        metrics.decided(replace(decision, stage_ms=spent, request=replace(decision.request, tmax_ms=100)), 0.1)
    seen = figures(generate_latest(metrics).decode())
    took = [seen[f"placard_stage_share_sum[('stage', '{stage}')]"] for stage in STAGES]
    might = [seen[f"placard_stage_budget_share_total[('stage', '{stage}')]"] for stage in STAGES]
    assert took == pytest.approx([0.12, 0.2, 0.08, 1.2, 0.02])
    assert might == pytest.approx([0.2, 0.4, 0.2, 1.0, 0.2]), "precision took longer than it might, and nobody else did"


def test_what_is_done_is_counted(serve: Callable[..., Any], published_home: Home) -> None:
    api = serve(published_home)
    answer = api.ask()
    ad = answer["ads"][0]
    event = {"event_id": "e1", "decision_id": answer["decision_id"], "creative_id": ad["creative_id"], "kind": "click"}
    api.send({**event, "event_id": "e0", "kind": "impression", "ts": datetime.now(UTC).isoformat()})
    for _ in range(3):
        api.send({**event, "ts": datetime.now(UTC).isoformat()})
    seen = figures(api.client.get("/metrics").text)
    assert seen["placard_decisions_total[('rung', 'full'), ('surface', 'proactive')]"] == 1
    assert seen["placard_ads_shown_total[('surface', 'proactive')]"] == 3
    promised = sum(shown.pctr for shown in api.worker.eventlog.decision(answer["decision_id"]).shown)
    assert seen["placard_promised_clicks_total[('surface', 'proactive')]"] == pytest.approx(promised) and promised > 0
    assert seen["placard_decision_seconds_count[('surface', 'proactive')]"] == 1
    assert seen["placard_stage_seconds_count[('stage', 'precision')]"] == 1
    assert seen["placard_rejected_total[('rule', 'Targeting')]"] > 0
    assert seen["placard_events_total[('kind', 'click')]"] == 3
    assert seen["placard_charged_micros_total"] == ad["price_micros"], "a click that is sent again is money once"
    assert seen["placard_swaps_total"] == 1


def test_several_workers_are_one_sum_and_the_dead_go_on_counting(tmp_path: Path) -> None:
    mine, other, dead = metrics_of(3, refused=1), metrics_of(4, refused=2), metrics_of(5, refused=7)
    MetricsBoard(other, tmp_path, os.getppid()).publish()
    MetricsBoard(dead, tmp_path, GONE).publish()
    board = MetricsBoard(mine, tmp_path, os.getpid())
    seen = figures(board.render().decode())
    assert seen["placard_events_total[('kind', 'click')]"] == 12
    assert seen["placard_charged_micros_total"] == 120
    assert seen["placard_shadow_scored_total[('shadow', 'click@2')]"] == 9
    assert seen["placard_refused"] == 3, "who is gone refuses nothing any more"
    assert seen["placard_workers"] == 2 and seen["placard_ready_workers"] == 0
    assert seen["placard_queue_requests[('queue', 'decisions')]"] == 7 and seen["placard_queue_places[('queue', 'decisions')]"] == 20
    assert seen["placard_shadow_waiting[('shadow', 'click@2')]"] == 4
    assert seen["process_open_fds"] > 0 and seen["process_cpu_seconds_total"] > 0 and seen["process_resident_memory_bytes"] > 2**20
    board.publish()
    again = figures(board.render().decode())
    ours = {name for name in seen if name.startswith("placard_")}
    assert {n: again[n] for n in ours} == {n: seen[n] for n in ours}, "what this worker wrote before is not added to what it has"


def test_a_server_starts_with_a_clean_board(home: Home) -> None:
    for server in (os.getpid(), GONE, os.getppid()):
        MetricsBoard(metrics_of(1), board_folder(home, server), 1).publish()
    clear_boards(home)
    assert [p.name for p in (home.state / "metrics").iterdir()] == [str(os.getppid())], "another server that runs keeps its own"


@pytest.mark.parametrize("workers", [1, 2])
def test_a_worker_on_its_own_writes_no_board(serve: Callable[..., Any], published_home: Home, workers: int) -> None:
    api = serve(published_home, workers=workers)
    assert (published_home.state / "metrics").exists() == (workers > 1)
    assert api.client.get("/metrics").status_code == 200
