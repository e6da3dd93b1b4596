"""A real Prometheus reads a real server of two workers, and answers every query of the dashboards and alerts."""

from __future__ import annotations

import http.client
import json
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
import yaml

from feature_repo.home import Home
from tests.conftest import absent, free_port, listens, wait_for
from tests.infra.test_figures import QUERIES
from tests.serving.conftest import published_home, template, usual
from tests.serving.worker.conftest import Server, running

pytestmark = pytest.mark.slow
__all__ = ["published_home", "running", "template", "usual"]
"""Fixtures: a state folder with a catalogue and a champion, and servers over it."""
WINDOW = "60s"
"""What stands for every window of time: the test has a minute."""
NOTHING_YET = (
    "shadow",
    "_late_total",
    "too_late",
    "turned_away",
    "errors_total",
    "trained_to",
    "no_ads",
    "_stale",
    "unreachable",
    "cache_hits",
    "cache_failures",
)
"""Parts of the names of what has no samples where nothing is wrong, no shadow runs and no online store is read."""


@pytest.fixture
def prometheus(tmp_path: Path) -> Iterator[Callable[[int], Callable[[str], list[Any]]]]:
    """Starts a Prometheus that reads a port every two seconds; gives what asks it a query."""
    binary = shutil.which("prometheus")
    started: list[subprocess.Popen[bytes]] = []

    def start(target: int) -> Callable[[str], list[Any]]:
        if binary is None:
            absent("prometheus", "apt-get install prometheus")
        job = {"job_name": "placard", "scrape_interval": "2s", "static_configs": [{"targets": [f"127.0.0.1:{target}"]}]}
        (tmp_path / "prometheus.yaml").write_text(yaml.safe_dump({"scrape_configs": [job]}))
        port = free_port()
        folders = [f"--config.file={tmp_path / 'prometheus.yaml'}", f"--storage.tsdb.path={tmp_path / 'series'}"]
        argv = [str(binary), *folders, f"--web.listen-address=127.0.0.1:{port}"]
        started.append(subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
        wait_for(lambda: listens(port), started[0])

        def ask(query: str) -> list[Any]:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
            try:
                connection.request("GET", f"/api/v1/query?{urlencode({'query': query})}")
                answer = json.loads(connection.getresponse().read())
            finally:
                connection.close()
            assert answer["status"] == "success", f"{query}: {answer}"
            return list(answer["data"]["result"])

        return ask

    yield start
    for process in started:
        process.terminate()
        process.wait(60)


def bought(server: Server, body: dict[str, Any], n: int) -> None:
    """Asks for ads, and tells of an impression and a click."""
    answer = json.loads(server.call("POST", "/v1/ads", body)[1])
    event = {"decision_id": answer["decision_id"], "creative_id": answer["ads"][0]["creative_id"], "ts": datetime.now(UTC).isoformat()}
    kinds = [{**event, "event_id": f"{kind}{n}", "kind": kind} for kind in ("impression", "click")]
    assert server.call("POST", "/v1/events", {"events": kinds})[0] == 200


def in_short(query: str) -> str:
    """The query over short windows; an alert's condition is left out, so that something is to be seen."""
    for window in ("[$__rate_interval]", *(f"[{w}]" for w in ("1m", "5m", "10m", "15m", "30m", "1h"))):
        query = query.replace(window, f"[{WINDOW}]")
    return query.replace("$instance", ".+")


def test_every_query_is_answered(
    published_home: Home, running: Callable[..., Server], usual: dict[str, Any], prometheus: Callable[[int], Callable[[str], list[Any]]]
) -> None:
    (published_home.features("user_profile") / "day=2026-01-30").mkdir(parents=True)
    server = running(published_home)
    ask = prometheus(server.port)
    deadline, n = time.monotonic() + 180, 0
    seen = False
    while not seen and time.monotonic() < deadline:
        bought(server, {**usual, "user_id": f"u{n}"}, n := n + 1)
        time.sleep(0.1)
        found = ask(f"rate(placard_charged_micros_total[{WINDOW}])")
        seen = bool(found) and float(found[0]["value"][1]) > 0 and n > 40
    assert seen
    empty = []
    for where, query in QUERIES:
        if not ask(in_short(query)) and where.startswith("dashboard") and not any(part in query for part in NOTHING_YET):
            empty.append(where)
    assert empty == []
    (workers,) = ask("placard_workers")
    assert float(workers["value"][1]) == 2
