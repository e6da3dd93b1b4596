"""Requests made from the OpenAPI document, valid and not: none is a 5xx, and what comes is what is documented."""

from __future__ import annotations

import json
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import content_type_conformance, response_schema_conformance, status_code_conformance

from tests.examples import examples

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
WORDS = st.sampled_from(["surface", "user_id", "slots", "events", "ts", "kind"])
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner),
)
steady = settings(deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck), phases=[Phase.generate])


@pytest.mark.hypothesis
def test_no_made_up_request_is_a_5xx(api: Any) -> None:
    schema = schemathesis.openapi.from_asgi("/openapi.json", api.client.app)
    seen = []
    for found in schema.get_all_operations():
        operation = found.ok()

        @settings(steady, max_examples=examples(40))
        @given(case=operation.as_strategy())
        def keeps_its_word(case: Any) -> None:
            case.call_and_validate(checks=CHECKS)

        keeps_its_word()
        seen.append(operation.label)
    assert len(seen) == 13


@settings(steady, max_examples=examples(150))
@given(body=ANYTHING, path=st.sampled_from(["/v1/ads", "/v1/events"]))
def test_no_json_at_all_is_a_5xx(api: Any, body: Any, path: str) -> None:
    answer = api.client.post(path, content=json.dumps(body).encode(), headers={"content-type": "application/json"})
    assert answer.status_code in (200, 400, 422), answer.text


@settings(steady, max_examples=examples(60))
@given(ts=st.datetimes(timezones=st.timezones()), micros=st.integers())
def test_no_moment_and_no_value_is_a_5xx(api: Any, ts: Any, micros: int) -> None:
    event = {"event_id": "e", "decision_id": "d", "creative_id": "c", "kind": "click", "ts": ts.isoformat(), "value_micros": micros}
    assert api.client.post("/v1/events", json={"events": [event]}).status_code in (200, 422)
