"""A server of our own, with worker processes, under load."""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from feature_repo.home import Home

READY_SECONDS = 300
Get = Callable[[str], Any]


@dataclass
class Server:
    """A `placard serve` process; every call opens a connection of its own, so that any worker may answer it."""

    process: subprocess.Popen[bytes]
    port: int

    def call(self, method: str, path: str, body: object = None) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        try:
            connection.request(method, path, None if body is None else json.dumps(body), {"content-type": "application/json"})
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def get(self, path: str) -> Any:
        return json.loads(self.call("GET", path)[1])


@dataclass
class Load:
    """Asks for ads without a pause. served: (seconds of the monotonic clock when asked, policy). failed: whatever was no 200."""

    server: Server
    body: dict[str, Any]
    served: list[tuple[float, str]] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    stop: threading.Event = field(default_factory=threading.Event)
    hands: list[threading.Thread] = field(default_factory=list)

    def end(self) -> None:
        """Asks no more, and waits for the last answers."""
        self.stop.set()
        for hand in self.hands:
            hand.join(120)

    def run(self) -> None:
        while not self.stop.is_set():
            at = time.monotonic()
            try:
                status, content = self.server.call("POST", "/v1/ads", self.body)
                answer = json.loads(content)
                if status != 200 or answer["rung"] != "full" or len(answer["ads"]) != self.body["slots"]:
                    self.failed.append(f"{status} {content[:200]!r}")
                self.served.append((at, answer["policy"]))
            except (OSError, ValueError, KeyError, http.client.HTTPException) as error:
                self.failed.append(repr(error))

    def until(self, holds: Callable[[], bool], seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        while not holds() and time.monotonic() < deadline:
            time.sleep(0.05)
        return holds()


@pytest.fixture
def running(placard: Path, tmp_path: Path) -> Iterator[Callable[..., Server]]:
    """Starts the command over a state folder and waits until every worker answers; ends it after the test."""
    processes: list[subprocess.Popen[bytes]] = []

    def start(home: Home, workers: int = 2, **environment: str) -> Server:
        ready = tmp_path / "ready"
        usual = {
            "PLACARD_HOME": str(home.root), "PLACARD_EXPLORE_SHARE": "0", "PLACARD_RESERVE_MICROS": "1000", "PLACARD_TMAX_MS": "60000",
            "PLACARD_CONSENT_WHEN_ABSENT": "given",
        }  # fmt: skip
        process = subprocess.Popen(
            [placard, "serve", "--port", "0", "--workers", str(workers), "--ready-file", str(ready)],
            env={**os.environ, **usual, **environment},
        )
        processes.append(process)
        deadline = time.monotonic() + READY_SECONDS
        while not ready.exists():
            assert process.poll() is None and time.monotonic() < deadline, "the server did not start"
            time.sleep(0.05)
        return Server(process, int(ready.read_text().rsplit(":", 1)[1]))

    yield start
    for process in processes:
        process.terminate()
        assert process.wait(120) is not None


@pytest.fixture
def loaded() -> Iterator[Callable[..., Load]]:
    """Load on a server from several threads."""
    started: list[Load] = []

    def start(server: Server, body: dict[str, Any], threads: int = 2) -> Load:
        load = Load(server, body)
        load.hands += [threading.Thread(target=load.run, daemon=True) for _ in range(threads)]
        for hand in load.hands:
            hand.start()
        started.append(load)
        return load

    yield start
    for load in started:
        load.end()
