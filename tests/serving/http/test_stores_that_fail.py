"""Stores that hang, are gone, forget or were emptied: pages are answered in time, nothing is sold that cannot be kept, and it is said."""

from __future__ import annotations

import logging
import signal
import sqlite3
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from feature_repo.home import Home
from pipelines.operations import doctor_stores
from serving.errors import ServingError
from serving.worker.worker import Worker
from tests.conftest import redis_server
from tests.made import Known
from tests.waiting import eventually

LONG = 10 * 60 * 1000
"""Milliseconds that a store would be waited for where nothing else bounds it: longer than a test may take."""
SOON = 200
"""A request's deadline, ms."""
MANY = 30


def an_event(answer: dict[str, Any], kind: str = "impression") -> dict[str, object]:
    return {
        "event_id": f"{kind}-{answer['decision_id']}", "decision_id": answer["decision_id"],
        "creative_id": answer["ads"][0]["creative_id"], "kind": kind, "ts": datetime.now(UTC).isoformat(),
    }  # fmt: skip


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Another process writes into the file, and does not come to an end."""
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("begin exclusive")
        yield
        other.execute("rollback")


@pytest.mark.parametrize(("store", "file"), [("event log", "eventlog/events.db"), ("ledger", "state/ledger.db")])
def test_a_file_that_another_process_locks_keeps_no_page_waiting(
    serve: Callable[..., Any],
    published_home: Home,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    store: str,
    file: str,
) -> None:
    monkeypatch.setattr("serving.stores.sqlite_file.BUSY_MS", LONG)
    api = serve(published_home)
    assert api.ask()["rung"] == "full"
    with caplog.at_level(logging.INFO), locked(published_home.root / file):
        answers = [api.ask(tmax_ms=SOON) for _ in range(MANY)]
        assert api.worker.breakers[store].trouble and store in api.client.get("/readyz").json()["broken"]
        assert f'placard_store_broken{{store="{store}"}} 1.0' in api.client.get("/metrics").text
    assert {a["rung"] for a in answers} == {"no_ad"} and not any(a["ads"] for a in answers)
    said = [r for r in caplog.records if r.levelno >= logging.WARNING]
    assert 1 <= len(said) < 10, "a line for what is broken, and for each way in which it shows"
    assert not any(r.exc_info for r in said)
    eventually(lambda: not api.worker.breakers[store].trouble)
    assert api.ask()["rung"] == "full"
    assert api.client.get("/readyz").json()["broken"] == {}


def test_profiles_that_do_not_come_keep_no_page_waiting(serve: Callable[..., Any], published_home: Home) -> None:
    go = threading.Event()

    class Hanging:
        def read(self, user_id: str, now: datetime) -> Any:
            assert user_id == "warm" or go.wait(LONG / 1000)
            return Known().read(user_id, now)

    api = serve(published_home, Hanging())
    answers = [api.ask(tmax_ms=SOON) for _ in range(MANY)]
    assert all(any(flag.startswith("profile_unreachable") for flag in a["flags"]) for a in answers)
    assert answers[-1]["ads"], "once it is known that nobody answers, there is time for ads without a profile"
    go.set()
    eventually(lambda: not api.worker.breakers["online store"].trouble)
    assert not any(flag.startswith("profile_unreachable") for flag in api.ask()["flags"])


@pytest.fixture
def durable(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """A redis-server that keeps what it acknowledges: its process and its address, which names no limit that a test could wait for."""
    folder = tmp_path / "redis"
    folder.mkdir()
    with redis_server(folder, "--appendonly", "yes", "--appendfsync", "always") as (process, port):
        yield process, f"redis://127.0.0.1:{port}/0?socket_timeout={LONG // 1000}"


@pytest.mark.redis
def test_a_redis_that_hangs_keeps_no_page_waiting(
    serve: Callable[..., Any], published_home: Home, durable: tuple[subprocess.Popen[bytes], str], caplog: pytest.LogCaptureFixture
) -> None:
    process, url = durable
    api = serve(published_home, profile="cluster", redis_url=url)
    assert api.ask()["rung"] == "full"
    process.send_signal(signal.SIGSTOP)
    with caplog.at_level(logging.INFO):
        answers = [api.ask(tmax_ms=SOON) for _ in range(MANY)]
    assert {a["rung"] for a in answers} == {"no_ad"}
    assert len([r for r in caplog.records if r.levelno >= logging.WARNING]) < 10
    process.send_signal(signal.SIGCONT)
    eventually(lambda: api.ask()["rung"] == "full")


@pytest.mark.redis
def test_a_redis_that_is_gone_costs_events_nothing_but_another_try(serve: Callable[..., Any], published_home: Home, tmp_path: Path) -> None:
    with redis_server(tmp_path, "--appendonly", "yes", "--appendfsync", "always") as (process, port):
        api = serve(published_home, profile="cluster", redis_url=f"redis://127.0.0.1:{port}/0")
        shown = api.ask()
        process.kill()
        process.wait()
        answer = api.client.post("/v1/events", json={"events": [an_event(shown)]})
        assert (answer.status_code, answer.headers.get("retry-after")) == (503, "1"), answer.text
        assert api.ask()["no_ad_reason"] in ("store_unavailable", "no_candidate")
        again = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(tmp_path), "--appendonly", "yes"]
        with subprocess.Popen(again, stdout=subprocess.DEVNULL) as restarted:
            try:
                eventually(lambda: api.client.post("/v1/events", json={"events": [an_event(shown)]}).status_code == 200)
                eventually(lambda: api.ask()["rung"] == "full")
                assert api.worker.watch.trouble == "" and api.client.get("/readyz").json()["ready"]
            finally:
                restarted.terminate()


FORGETFUL = {
    "no append-only file": (["--appendonly", "no"], "appendonly yes"),
    "evicts": (["--appendonly", "yes", "--maxmemory", "100mb", "--maxmemory-policy", "volatile-lru"], "noeviction"),
}


@pytest.mark.redis
@pytest.mark.parametrize("how", FORGETFUL)
def test_a_redis_that_forgets_is_refused_at_start_and_by_doctor(
    settings_for: Callable[..., Any], published_home: Home, tmp_path: Path, how: str
) -> None:
    options, fix = FORGETFUL[how]
    with redis_server(tmp_path, *options) as (_, port):
        settings = settings_for(published_home, profile="cluster", redis_url=f"redis://:secret@127.0.0.1:{port}/0".replace(":secret@", ""))
        with pytest.raises(ServingError) as refused:
            Worker(settings, Known())
        assert refused.value.thing == "redis" and fix in refused.value.fix and "PLACARD_REDIS_MAY_FORGET" in refused.value.fix
        check = doctor_stores.redis(settings)
        assert check.verdict == "bad" and fix in check.fix
        allowed = settings_for(published_home, profile="cluster", redis_url=settings.stores.redis_url, redis_may_forget=True)
        Worker(allowed, Known()).stop()
        assert doctor_stores.redis(allowed).verdict == "warn"


def test_a_redis_that_does_not_answer_at_start_is_named_without_its_password(settings_for: Callable[..., Any], home: Home) -> None:
    settings = settings_for(home, profile="cluster", redis_url="redis://:secret@127.0.0.1:1/0")
    with pytest.raises(ServingError) as refused:
        Worker(settings, Known())
    assert "does not answer" in refused.value.fix and "secret" not in str(refused.value)


@pytest.mark.redis
def test_an_emptied_redis_sells_nothing_until_somebody_accepts_it(
    serve: Callable[..., Any], published_home: Home, durable: tuple[subprocess.Popen[bytes], str], settings_for: Callable[..., Any]
) -> None:
    _, url = durable
    api = serve(published_home, profile="cluster", redis_url=url)
    assert api.ask()["rung"] == "full"
    with Redis.from_url(url) as client:
        client.flushall()
    emptied_ledger_sells_nothing(api)


def test_a_ledger_file_that_was_removed_sells_nothing_until_somebody_accepts_it(serve: Callable[..., Any], published_home: Home) -> None:
    api = serve(published_home)
    assert api.ask()["rung"] == "full"
    api.worker.stop()
    for file in published_home.state.glob("ledger.db*"):
        file.unlink()
    emptied_ledger_sells_nothing(serve(published_home))


def emptied_ledger_sells_nothing(api: Any) -> None:
    from serving.worker.ledger_watch import accept

    assert (api.ask()["ads"], api.ask()["rung"]) == ([], "no_ad"), "no page is sold in between"
    api.worker.watch.look()
    ready = api.client.get("/readyz")
    assert ready.status_code == 503 and "placard ledger accept" in ready.json()["ledger"]
    accept(api.worker.ledger, api.home.state)
    api.worker.watch.look()
    assert api.ask()["rung"] == "full"
    ready = api.client.get("/readyz")
    assert (ready.status_code, ready.json()["ledger"]) == (200, "")
