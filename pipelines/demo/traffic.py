"""A small client that behaves like a site: asks for ads, reports impressions, clicks as often as the ranker predicts."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pyarrow.parquet as pq

from feature_repo.home import Home
from pipelines.errors import PipelineError


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


def users(home: Home, n: int, seed: int) -> list[str]:
    """n users of the newest day with impressions, drawn with a fixed seed."""
    day = home.days("impressions")[-1]
    ids = pq.read_table(home.partition("impressions", day), columns=["user_id", "surface"], partitioning=None).to_pandas()
    unique = np.sort(ids["user_id"].unique())
    return [str(u) for u in np.random.default_rng(seed).choice(unique, size=n, replace=n > len(unique))]


def searches(home: Home, n: int, seed: int) -> list[dict[str, str]]:
    """n searches of the newest day with queries, as bodies of POST /v1/search, drawn with a fixed seed."""
    day = home.days("queries")[-1]
    asked = pq.read_table(home.partition("queries", day), partitioning=None).to_pandas().sort_values("query_id")
    drawn = asked.iloc[np.random.default_rng(seed).choice(len(asked), size=n, replace=n > len(asked))]
    return [
        {"query": q.text, "user_id": q.user_id, "device": q.device, "region": q.region, "language": q.language} for q in drawn.itertuples()
    ]


def send_traffic(client: Client, people: Sequence[str], seed: int, say: Callable[[str], None]) -> Served:
    """Asks for proactive ads for each user and reports an impression for every ad shown, and clicks as often as predicted."""
    rng = np.random.default_rng(seed)
    shown = clicks = 0
    latencies, example = [], ""
    for i, user in enumerate(people):
        started = time.perf_counter()
        answer = client.call("POST", "/v1/ads", {"surface": "proactive", "user_id": user, "device": "mobile", "slots": 2})
        latencies.append((time.perf_counter() - started) * 1000)
        events = []
        now = datetime.now(UTC).isoformat()
        for ad in answer["ads"]:
            shown += 1
            example = example or answer["decision_id"]
            base = {"decision_id": answer["decision_id"], "creative_id": ad["creative_id"], "ts": now}
            key = f"{answer['decision_id']}-{ad['position']}"
            events.append({**base, "event_id": f"{key}-impression", "kind": "impression"})
            if rng.random() < ad["pctr"]:
                clicks += 1
                events.append({**base, "event_id": f"{key}-click", "kind": "click"})
        if events:
            client.call("POST", "/v1/events", {"events": events})
        if i % 20 == 0:
            say(f"{i + 1} of {len(people)} requests, {shown} ads shown, {clicks} clicks")
    return Served(len(people), shown, clicks, float(np.median(latencies)), example)
