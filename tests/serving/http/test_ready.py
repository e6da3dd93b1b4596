"""The ready file is written whenever the server answers, and a worker that starts is not ended."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from feature_repo.home import Home
from serving.http import server, workers


class Late:
    """Is late until it is let go; what it waits for is told in `asked`."""

    def __init__(self) -> None:
        self.workers, self.asked, self.go = 1, threading.Event(), threading.Event()

    def late(self) -> str:
        self.asked.set()
        return "" if self.go.is_set() else "/healthz does not answer"


def test_the_ready_file_comes_however_late(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr(server, "SAY_SECONDS", -1.0)
    ready: Any = Late()
    announced: list[str] = []
    watcher = threading.Thread(target=server._when_ready, args=(ready, "http://here", tmp_path / "url", announced.append))
    watcher.start()
    ready.asked.wait()
    assert not (tmp_path / "url").exists() and announced == []
    ready.go.set()
    watcher.join()
    assert (tmp_path / "url").read_text() == "http://here\n" and announced == ["http://here"]
    assert "/healthz does not answer" in caplog.text


class Pipe:
    """What the supervisor and a worker say to each other."""

    def __init__(self) -> None:
        self.sent, self.answers = 0, list[bool]()

    def poll(self) -> bool:
        return bool(self.answers)

    def recv(self) -> bool:
        return self.answers.pop(0)

    def send(self, word: bytes) -> None:
        self.sent += 1


class Alive:
    alive = True

    def is_alive(self) -> bool:
        return self.alive


@pytest.fixture
def worker() -> Any:
    made = object.__new__(workers.ServerProcess)
    made._asked, made._serves = None, False
    made.parent_conn, made.process = Pipe(), Alive()  # type: ignore[assignment]
    return made


def test_a_worker_that_starts_may_be_silent_for_as_long_as_it_takes(worker: Any) -> None:
    assert worker.is_alive(timeout=0) and worker.is_alive(timeout=0)
    assert worker.parent_conn.sent == 1, "one question at a time"
    worker.parent_conn.answers.append(False)
    assert worker.is_alive(timeout=0) and worker.is_alive(timeout=0), "it answers, and still loads"


def test_a_worker_that_served_and_falls_silent_is_replaced(worker: Any) -> None:
    worker.is_alive(timeout=60)
    worker.parent_conn.answers.append(True)
    assert worker.is_alive(timeout=60)
    assert not worker.is_alive(timeout=0)


def test_a_worker_that_ended_is_replaced_at_once(worker: Any) -> None:
    worker.process.alive = False
    assert not worker.is_alive()


@pytest.mark.parametrize(("gone", "names"), [("snapshots", ["snapshot"]), ("bundles/click/1", ["click@champion"])])
def test_readyz_names_what_is_served_although_its_folder_is_gone(
    serve: Callable[..., Any], published_home: Home, gone: str, names: list[str]
) -> None:
    api = serve(published_home)
    assert api.client.get("/readyz").json()["missing"] == {}
    folder = published_home.root / gone
    folder.rename(folder.with_name("elsewhere"))
    api.worker.reloader.refresh()
    ready = api.client.get("/readyz")
    assert (ready.status_code, list(ready.json()["missing"])) == (200, names)
    assert str(folder) in ready.json()["missing"][names[0]]
    assert api.ask()["rung"] == "full", "it is served from memory"
    folder.with_name("elsewhere").rename(folder)
    api.worker.reloader.refresh()
    assert api.client.get("/readyz").json()["missing"] == {}
