"""A small client that behaves like a site whose visitors are the simulated market's people: asks for ads, reports what came of them."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import urlsplit

import numpy as np

from pipelines.errors import PipelineError
from pipelines.simulator.audience import Audience, Visit

MOMENTS: Final = timedelta(minutes=2)
"""How soon after its page an event is reported with it: within what clocks may differ by."""


@dataclass(frozen=True)
class Served:
    """What was sent and what came back. decision_id: the first decision that showed an ad."""

    requests: int
    shown: int
    clicks: int
    p50_ms: float
    decision_id: str


class Client:
    """One kept-alive connection to the API. token: sent with every request, where there is one."""

    def __init__(self, url: str, token: str = "") -> None:
        parts = urlsplit(url)
        self._headers = {"content-type": "application/json"} | ({"authorization": f"Bearer {token}"} if token else {})
        self._connection = http.client.HTTPConnection(parts.hostname or "127.0.0.1", parts.port, timeout=30)

    def call(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """The answer's JSON. Raises PipelineError on any status but 2xx."""
        payload = None if body is None else json.dumps(body)
        self._connection.request(method, path, payload, self._headers)
        answer = self._connection.getresponse()
        text = answer.read().decode()
        if answer.status >= 300:
            raise PipelineError(f"{method} {path}", answer.status, text[:300])
        return dict(json.loads(text))


def drawn(audience: Audience, surface: str, n: int, seed: int) -> list[Visit]:
    """n visits of the audience's day to a surface, drawn with a fixed seed; again ones where there are too few."""
    visits = audience.visits((surface,))
    return [visits[i] for i in np.random.default_rng(seed).choice(len(visits), size=n, replace=n > len(visits))]


def search_body(visit: Visit) -> dict[str, Any]:
    """The body of POST /v1/search."""
    return {"query": visit.query, **_asker(visit)}


def _asker(visit: Visit) -> dict[str, Any]:
    return {"user_id": visit.user_id, "device": visit.device, "region": visit.region, "language": visit.language}


def send_traffic(client: Client, audience: Audience, visits: Sequence[Visit], say: Callable[[str], None]) -> Served:
    """Asks for proactive ads for each visit and reports what its person does with them: an impression of every ad shown, and whatever
    follows within moments. What comes hours later is not waited for."""
    shown = clicks = 0
    latencies, example = [], ""
    for i, visit in enumerate(visits):
        started = time.perf_counter()
        answer = client.call("POST", "/v1/ads", {"surface": visit.surface, **_asker(visit), "slots": 2})
        latencies.append((time.perf_counter() - started) * 1000)
        events, now = [], datetime.now(UTC)
        for n, reaction in enumerate(audience.react(visit.visit_id, [(ad["creative_id"], ad["position"]) for ad in answer["ads"]], now)):
            if reaction.ts - now <= MOMENTS:
                named = {"event_id": f"{answer['decision_id']}-{n}", "decision_id": answer["decision_id"]}
                happened = {"creative_id": reaction.creative_id, "kind": reaction.kind, "ts": reaction.ts.isoformat()}
                events.append(named | happened | {"value_micros": reaction.value_micros})
        kinds = [event["kind"] for event in events]
        shown, clicks = shown + kinds.count("impression"), clicks + kinds.count("click")
        if events:
            example = example or answer["decision_id"]
            client.call("POST", "/v1/events", {"events": events})
        if i % 20 == 0:
            say(f"{i + 1} of {len(visits)} requests, {shown} ads shown, {clicks} clicks")
    return Served(len(visits), shown, clicks, float(np.median(latencies)), example)
