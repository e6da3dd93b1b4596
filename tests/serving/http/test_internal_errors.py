"""An error that nobody foresaw: no ad, or not acknowledged; never blamed on the asker, and found in the log by its id."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from feature_repo.home import Home


class Broken:
    """In place of anything: every use of it fails."""

    surfaces = ("proactive",)

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError("out of order")


def test_an_engine_that_breaks_answers_with_no_ad_and_an_id(
    serve: Callable[..., Any], published_home: Home, caplog: pytest.LogCaptureFixture
) -> None:
    api = serve(published_home)
    api.worker.engine = Broken()
    with caplog.at_level(logging.ERROR):
        answer = api.ask()
    assert (answer["rung"], answer["no_ad_reason"], answer["ads"]) == ("no_ad", "internal_error", [])
    logged = [r for r in caplog.records if answer["decision_id"] in r.getMessage()]
    assert logged and logged[0].exc_info is not None
    assert api.client.get(f"/v1/decisions/{answer['decision_id']}").json()["no_ad_reason"] == "internal_error"
    assert b'placard_decisions_total{rung="no_ad",surface="proactive"} 1.0' in api.client.get("/metrics").content


def test_a_decision_that_cannot_be_recorded_sells_nothing(serve: Callable[..., Any], published_home: Home) -> None:
    api = serve(published_home)
    log, api.worker.eventlog = api.worker.eventlog, Broken()
    answer = api.ask()
    assert (answer["rung"], answer["no_ad_reason"], answer["ads"]) == ("no_ad", "internal_error", [])
    api.worker.eventlog = log
    assert api.ask()["rung"] == "full"


def test_events_that_cannot_be_kept_are_not_acknowledged(
    serve: Callable[..., Any], published_home: Home, caplog: pytest.LogCaptureFixture
) -> None:
    api = serve(published_home)
    shown = api.ask()
    event = {
        "event_id": "e1", "decision_id": shown["decision_id"], "creative_id": shown["ads"][0]["creative_id"], "kind": "click",
        "ts": datetime.now(UTC).isoformat(),
    }  # fmt: skip
    log, api.worker.eventlog = api.worker.eventlog, Broken()
    with caplog.at_level(logging.ERROR):
        answer = api.client.post("/v1/events", json={"events": [event]})
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert any(answer.json()["error"]["value"] in r.getMessage() for r in caplog.records)
    api.worker.eventlog = log
    assert api.send(event)["accepted"] == 1, "sent again, it is kept"
