"""What browsers send is read: compressed bodies, beacons, preflights, HEAD; and whatever is refused is refused as a Problem."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feature_repo.home import Home
from serving.http.content_coding import TooLong, decoded

JSON = {"content-type": "application/json"}
PAGE = "https://shop.example"


def bare_deflate(data: bytes) -> bytes:
    """Without zlib's header, as some clients send it."""
    made = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return made.compress(data) + made.flush()


def halves(data: bytes) -> bytes:
    """Two members of gzip."""
    return gzip.compress(data[:7], mtime=0) + gzip.compress(data[7:], mtime=0)


def problem_of(answer: Any) -> dict[str, str]:
    """The error of an answer that is a Problem."""
    error = answer.json()["error"]
    assert set(error) == {"thing", "value", "fix"} and all(isinstance(said, str) for said in error.values()) and error["fix"]
    return dict(error)


@pytest.mark.parametrize(
    ("encoding", "encode"),
    [
        ("gzip", gzip.compress), ("x-gzip", gzip.compress), ("GZip", halves), ("deflate", zlib.compress), ("deflate", bare_deflate),
        ("identity", bytes),
    ],
)  # fmt: skip
def test_compressed_bodies_are_read(api: Any, usual: dict[str, Any], encoding: str, encode: Callable[[bytes], bytes]) -> None:
    body = encode(json.dumps(usual).encode())
    answer = api.client.post("/v1/ads", content=body, headers={**JSON, "content-encoding": encoding})
    assert answer.status_code == 200 and len(answer.json()["ads"]) == 3, answer.text


@pytest.mark.parametrize("encoding", ["br", "zstd", "gzip, gzip", "none of these"])
def test_other_encodings_are_415_and_say_what_is_read(api: Any, encoding: str) -> None:
    answer = api.client.post("/v1/ads", content=b"anything", headers={**JSON, "content-encoding": encoding})
    assert (answer.status_code, answer.headers["accept-encoding"]) == (415, "gzip, deflate")
    assert problem_of(answer)["thing"] == "content-encoding"


@pytest.mark.parametrize("encode", [gzip.compress, zlib.compress, lambda data: gzip.compress(data[:1000], mtime=0) * 1000])
def test_a_body_that_decodes_to_too_much_is_413(api: Any, encode: Callable[[bytes], bytes]) -> None:
    bomb = encode(b" " * 50_000_000)
    assert len(bomb) < 256 * 1024
    encoding = "gzip" if bomb[:2] == b"\x1f\x8b" else "deflate"
    answer = api.client.post("/v1/ads", content=bomb, headers={**JSON, "content-encoding": encoding})
    assert answer.status_code == 413 and problem_of(answer)["thing"] == "body"


@pytest.mark.parametrize(
    "body", [b"{}", gzip.compress(b'{"surface": "proactive"}', mtime=0)[:-9], gzip.compress(b"{}", mtime=0) + b"more", b"\x1f\x8b"]
)
@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
def test_a_body_that_is_not_what_its_encoding_says_is_400(api: Any, body: bytes, encoding: str) -> None:
    answer = api.client.post("/v1/ads", content=body, headers={**JSON, "content-encoding": encoding})
    assert answer.status_code == 400 and problem_of(answer)["thing"] == "body"


@settings(deadline=None, database=None)
@given(
    data=st.binary(max_size=3000), limit=st.integers(1, 3000), encode=st.sampled_from([gzip.compress, zlib.compress, bare_deflate, halves])
)
def test_what_is_decoded_is_the_body_or_more_than_the_limit(data: bytes, limit: int, encode: Callable[[bytes], bytes]) -> None:
    encoding = "gzip" if encode in (gzip.compress, halves) else "deflate"
    if len(data) <= limit:
        assert decoded(encode(data), encoding, limit) == data
    else:
        with pytest.raises(TooLong):
            decoded(encode(data), encoding, limit)


@pytest.mark.parametrize("headers", [{"content-type": "text/plain;charset=UTF-8"}, {"content-type": "Text/Plain"}, {}, JSON])
def test_a_beacon_is_read_as_json(api: Any, headers: dict[str, str]) -> None:
    event = {"event_id": "e", "decision_id": "d", "creative_id": "c", "kind": "click", "ts": datetime.now(UTC).isoformat()}
    answer = api.client.post("/v1/events", content=json.dumps({"events": [event]}).encode(), headers=headers)
    assert (answer.status_code, answer.json()["unknown"]) == (200, ["e"]), answer.text


def test_a_preflight_of_an_allowed_page_is_answered_as_browsers_want_it(serve: Callable[..., Any], published_home: Home) -> None:
    api = serve(published_home, allowed_origins=(PAGE,))
    asked = {"origin": PAGE, "access-control-request-method": "POST", "access-control-request-headers": "authorization,content-type"}
    for path in ("/v1/ads", "/v1/search", "/v1/events"):
        answer = api.client.options(path, headers=asked)
        assert answer.status_code == 200 and answer.headers["access-control-allow-origin"] == PAGE
        assert "POST" in answer.headers["access-control-allow-methods"] and answer.headers["access-control-allow-credentials"] == "true"
        assert {"authorization", "content-type"} <= {h.strip().lower() for h in answer.headers["access-control-allow-headers"].split(",")}
    for path, status in (("/v1/ads", 405), ("/nowhere", 404), ("/healthz", 200)):
        answer = api.client.get(path, headers={"origin": PAGE})
        assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (status, PAGE), "errors can be read by the page, too"


def test_a_preflight_of_another_page_is_refused(serve: Callable[..., Any], published_home: Home, api: Any) -> None:
    asked = {"origin": "https://other.example", "access-control-request-method": "POST"}
    answer = serve(published_home, allowed_origins=(PAGE,)).client.options("/v1/events", headers=asked)
    assert answer.status_code == 400 and "access-control-allow-origin" not in answer.headers
    assert problem_of(answer)["thing"] == "preflight"
    answer = api.client.options("/v1/events", headers=asked)
    assert answer.status_code == 405 and "access-control-allow-origin" not in answer.headers, (
        "no page is allowed unless the setting says so"
    )


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_head_is_answered_like_get_without_a_body(api: Any, path: str) -> None:
    answer = api.client.head(path)
    assert answer.status_code == api.client.get(path).status_code == 200


@pytest.mark.parametrize("query", ["\ud83d", "running shoes \ud83d", "\udc00shoes", "\ud83d\ude00"])
def test_half_an_emoji_in_a_query_is_understood_somehow(api: Any, query: str) -> None:
    answer = api.client.post("/v1/search", content=json.dumps({"query": query}).encode(), headers=JSON)
    assert answer.status_code == 200, answer.text
    record = api.client.get(f"/v1/decisions/{answer.json()['decision_id']}")
    assert record.status_code == 200
    assert api.client.get(f"/v1/decisions/{answer.json()['decision_id']}/why").status_code == 200


FIELDS = {
    "/v1/ads": ["surface", "user_id", "request_id", "placement_id", "device", "os", "region", "language", "slots", "\ud800"],
    "/v1/search": ["query", "user_id", "placement_id", "language", "tmax_ms"],
    "/v1/events": ["event_id", "decision_id", "creative_id", "kind", "ts", "event_token", "value_micros"],
}


@pytest.mark.parametrize(("path", "field"), [(path, field) for path, fields in FIELDS.items() for field in fields])
def test_half_a_character_anywhere_is_never_a_5xx(api: Any, path: str, field: str) -> None:
    event = {"event_id": "e", "decision_id": "d", "creative_id": "c", "kind": "click", "ts": datetime.now(UTC).isoformat()}
    body = {"events": [{**event, field: "a\ud800"}]} if path == "/v1/events" else {"surface": "proactive", field: "a\ud800"}
    answer = api.client.post(path, content=json.dumps(body).encode(), headers=JSON)
    assert answer.status_code in (200, 403, 422), answer.text


@pytest.mark.parametrize(
    "path", ["/v1/decisions/%ED%A0%80", "/v1/decisions/a%ED%A0%80/why", "/v1/seen?token=%ED%A0%80", "/v1/click?token=%ED%A0%80.%FF",
             "/v1/creatives/%ED%A0%80/image", "/%ED%A0%80", "/v1/decisions/none?%ED%A0%80=%FF"],
)  # fmt: skip
def test_half_a_character_in_an_address_is_a_4xx(api: Any, path: str) -> None:
    answer = api.client.get(path)
    assert answer.status_code in (403, 404), answer.text
    problem_of(answer)


@pytest.mark.parametrize(
    ("method", "path", "status", "thing"),
    [
        ("GET", "/v2", 404, "path"), ("GET", "/v1/ads", 405, "method"), ("PUT", "/v1/events", 405, "method"),
        ("DELETE", "/healthz", 405, "method"), ("OPTIONS", "/v1/ads", 405, "method"), ("POST", "/v1/ads", 422, "body"),
        ("GET", "/v1/seen", 422, "token"),
    ],
)  # fmt: skip
def test_every_refusal_is_a_problem(api: Any, method: str, path: str, status: int, thing: str) -> None:
    answer = api.client.request(method, path)
    assert (answer.status_code, problem_of(answer)["thing"]) == (status, thing)
    assert ("allow" in answer.headers) == (status == 405)


def test_a_body_that_is_not_text_is_a_problem(api: Any) -> None:
    answer = api.client.post("/v1/ads", content=b'{"surface": "\xff\xfe"}', headers=JSON)
    assert answer.status_code == 400 and problem_of(answer)["thing"] == "body"
