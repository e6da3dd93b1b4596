"""Bad input is refused with the field's name, too much of it with 413; none of it is a 5xx."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from feature_repo.home import Home
from serving.snapshot import open_current, set_current
from serving.snapshot.manifest import write_columns

EVENT = {"event_id": "e", "decision_id": "d", "creative_id": "c", "kind": "click", "ts": "2026-01-05T12:00:00Z"}
JSON = {"content-type": "application/json"}


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"surface": "billboard"}, "surface"),
        ({"surface": 7}, "surface"),
        ({"user_id": "a b"}, "user_id"),
        ({"user_id": "u" * 129}, "user_id"),
        ({"request_id": ""}, "request_id"),
        ({"slots": 0}, "slots"),
        ({"slots": 21}, "slots"),
        ({"slots": "many"}, "slots"),
        ({"slots": 1.5}, "slots"),
        ({"tmax_ms": 0}, "tmax_ms"),
        ({"region": "x" * 65}, "region"),
        ({"device": "a\x00b"}, "device"),
        ({"consent": "perhaps"}, "consent"),
        ({"colour": "red"}, "colour"),
        ({"user_id": None}, "user_id"),
    ],
)
def test_a_request_for_ads_is_refused_by_field(api: Any, usual: dict[str, Any], changes: dict[str, object], field: str) -> None:
    answer = api.client.post("/v1/ads", json={**usual, **changes})
    assert (answer.status_code, answer.json()["error"]["thing"]) == (422, field), answer.text
    assert answer.json()["error"]["fix"]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"kind": "blink"}, "events.0.kind"),
        ({"ts": "yesterday"}, "events.0.ts"),
        ({"ts": "2026-01-05T12:00:00"}, "events.0.ts"),
        ({"ts": "0001-01-01T00:00:00+23:59"}, "events.0.ts"),
        ({"ts": "9999-12-31T23:59:59-23:59"}, "events.0.ts"),
        ({"event_id": "a\nb"}, "events.0.event_id"),
        ({"value_micros": -1}, "events.0.value_micros"),
        ({"value_micros": 10**16}, "events.0.value_micros"),
        ({"more": 1}, "events.0.more"),
    ],
)
def test_an_event_is_refused_by_field(api: Any, changes: dict[str, object], field: str) -> None:
    answer = api.client.post("/v1/events", json={"events": [{**EVENT, **changes}]})
    assert (answer.status_code, answer.json()["error"]["thing"]) == (422, field), answer.text


def test_no_events_and_too_many_are_refused(api: Any) -> None:
    for events in ([], [EVENT] * 501):
        answer = api.client.post("/v1/events", json={"events": events})
        assert (answer.status_code, answer.json()["error"]["thing"]) == (422, "events")


@pytest.mark.parametrize(
    "body",
    [
        b"", b"{", b"null", b"[]", b'"a"', b"\xff\xfe", b"{}", b'{"slots": 1e999}', b'{"slots": NaN}', b'{"slots": ' + b"9" * 5_000 + b"}",
        b"[" * 20_000, b'{"surface": "\\ud800", "user_id": "\\udfff"}', b'{"\\ud800": 1, "surface": "proactive"}',
        b'{"query": "shoes", "query": 7}', b'{"query": ["shoes"]}', b'{"query": null}',
        b'{"surface": "proactive", "surface": {}}',
    ],
)  # fmt: skip
@pytest.mark.parametrize("path", ["/v1/ads", "/v1/search", "/v1/events"])
@pytest.mark.parametrize("headers", [JSON, {"content-type": "text/plain"}, {}], ids=["json", "text", "untyped"])
def test_what_is_not_a_request_is_a_4xx(api: Any, path: str, body: bytes, headers: dict[str, str]) -> None:
    answer = api.client.post(path, content=body, headers=headers)
    assert answer.status_code in (400, 422), answer.text


def test_a_body_over_the_limit_is_413_whether_its_length_is_declared_or_not(api: Any, usual: dict[str, Any]) -> None:
    limit = 256 * 1024

    def chunks() -> Iterator[bytes]:
        for _ in range(limit // 1024 + 1):
            yield b" " * 1024

    declared = api.client.post("/v1/ads", content=b" " * (limit + 1), headers=JSON)
    streamed = api.client.post("/v1/events", content=chunks(), headers=JSON)
    for answer in (declared, streamed):
        assert (answer.status_code, answer.json()["error"]["thing"]) == (413, "body")


def test_a_body_of_just_the_limit_is_read(api: Any, usual: dict[str, Any]) -> None:
    body = b'{"surface": "proactive"}'
    answer = api.client.post("/v1/ads", content=body + b" " * (256 * 1024 - len(body)), headers=JSON)
    assert answer.status_code == 200, answer.text


def test_unknown_paths_methods_and_decisions(api: Any) -> None:
    assert api.client.get("/v1/ads").status_code == 405
    assert api.client.get("/v2").status_code == 404
    for path in ("/v1/decisions/none", "/v1/decisions/none/why", "/v1/decisions/%00", "/v1/decisions/%ED%A0%80"):
        answer = api.client.get(path)
        assert (answer.status_code, answer.json()["error"]["thing"]) == (404, "decision")


@pytest.mark.parametrize("placement", ["nowhere", "feed-main", "search-main"])
def test_a_placement_that_is_not_the_surfaces_is_refused(serve: Callable[..., Any], published_home: Home, placement: str) -> None:
    snapshot = open_current(published_home.snapshots)
    known = {"feed-main": "feed", "proactive-main": "proactive", "search-main": "search"}
    arrays = {
        **snapshot.arrays,
        "placement.id": np.array([k.encode() for k in known]),
        "placement.surface": np.array([s.encode() for s in known.values()]),
        "placement.slots": np.array([3, 2, 4], np.int32),
        "placement.floor_micros": np.full(3, 1_200_000),
    }
    set_current(published_home.snapshots, write_columns(published_home.snapshots, snapshot.as_of, arrays, len(snapshot)))
    api = serve(published_home)
    answer = api.client.post("/v1/ads", json={"surface": "proactive", "user_id": "u1", "placement_id": placement})
    assert answer.status_code == 422
    error = answer.json()["error"]
    assert (error["thing"], error["value"]) == ("placement_id", placement) and "proactive-main" in error["fix"]
    record = api.client.get(f"/v1/decisions/{api.ask(slots=9)['decision_id']}").json()
    assert len(record["shown"]) <= 2 and record["lottery"]["floor_micros"] == 1_200_000, "the default placement's limits apply"
