"""Time is kept from arrival to answer: who is late is told at once, queues are bounded, and clients that drip are cut off."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from time import perf_counter
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from starlette.types import Message, Receive, Scope, Send

from feature_repo.home import Home
from serving.engine.engine import Engine
from serving.http.admission_rule import AdmissionRule
from serving.http.body_limit import BodyLimit
from serving.http.connection import ServerConfig
from serving.http.draining import DrainingServer
from serving.http.queues import Queue
from serving.room_settings import HttpSettings
from tests.made import Known
from tests.serving.http.plain_app import app as plain_app
from tests.waiting import eventually

SECONDS = 60
"""Far more than anything here takes."""


class Untouchable:
    """In place of a store: every use of it fails."""

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(name)


class Held:
    """Profiles whose readers wait until they are let go."""

    def __init__(self) -> None:
        self.entered, self.go = threading.Semaphore(0), threading.Event()

    def read(self, user_id: str, now: datetime) -> Any:
        if user_id != "warm":
            self.entered.release()
            assert self.go.wait(SECONDS)
        return Known().read(user_id, now)


def test_the_deadline_of_a_request_counts_from_its_arrival(bench: Any) -> None:
    engine, request = Engine({"proactive": bench.surface}, bench.settings), bench.decide().request
    waited = engine.decide(request, bench.live, perf_counter() - request.tmax_ms / 1000 * 0.95)
    assert waited.stage_ms["queue"] >= request.tmax_ms * 0.95
    assert waited.rung == "popular", "no model is asked so late"
    assert "queue" not in engine.decide(request, bench.live).stage_ms, "no queue, no stage"


def test_who_is_late_before_it_begins_gets_no_ad_and_costs_no_store_anything(
    serve: Callable[..., Any], published_home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    api = serve(published_home, Untouchable())
    monkeypatch.setattr("serving.http.arrival.time", SimpleNamespace(perf_counter=lambda: perf_counter() - 61))
    log, api.worker.eventlog = api.worker.eventlog, Untouchable()
    answer = api.ask()
    api.worker.eventlog = log
    assert (answer["rung"], answer["no_ad_reason"], answer["ads"], answer["flags"]) == ("no_ad", "late", [], [])
    assert api.client.get(f"/v1/decisions/{answer['decision_id']}").status_code == 404, "it sold nothing and is not recorded"
    said = api.client.get("/metrics").text
    assert 'placard_too_late_total{surface="proactive"} 1.0' in said
    assert 'placard_decisions_total{rung="no_ad",surface="proactive"} 1.0' in said


def test_a_full_queue_of_decisions_is_503_at_once_and_health_and_money_go_on(serve: Callable[..., Any], published_home: Home) -> None:
    held = Held()
    api = serve(published_home, held, decisions_at_once=1, decisions_waiting=1)
    queue = api.client.app.state.queues.deciding
    with ThreadPoolExecutor(2) as threads:
        asked: list[Future[Any]] = [threads.submit(api.ask), threads.submit(api.ask)]
        assert held.entered.acquire(timeout=SECONDS)
        eventually(lambda: queue.inside == 2)
        for path in ("/v1/ads", "/v1/search"):
            refused = api.client.post(path, content=b"not even JSON")
            assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
            assert refused.json()["error"]["thing"] == "queue of decisions"
        assert [api.client.get(path).status_code for path in ("/healthz", "/readyz")] == [200, 200]
        event = {"event_id": "e", "decision_id": "d", "creative_id": "c", "kind": "click", "ts": datetime.now(UTC).isoformat()}
        assert api.send(event)["unknown"] == ["e"]
        assert 'placard_turned_away_total{queue="decisions"} 2.0' in api.client.get("/metrics").text
        held.go.set()
        assert [one.result(SECONDS)["rung"] for one in asked] == ["full", "full"]
    assert queue.inside == 0 and api.ask()["rung"] == "full"


def test_a_full_queue_of_events_is_503_at_once_and_ads_go_on(
    serve: Callable[..., Any], published_home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    api = serve(published_home, events_at_once=1, events_waiting=0)
    entered, go = threading.Event(), threading.Event()
    bill = api.worker.bill

    def slow(events: Any) -> Any:
        entered.set()
        assert go.wait(SECONDS)
        return bill(events)

    monkeypatch.setattr(api.worker, "bill", slow)
    event = {"event_id": "e", "decision_id": "d", "creative_id": "c", "kind": "click", "ts": datetime.now(UTC).isoformat()}
    with ThreadPoolExecutor(1) as threads:
        first = threads.submit(api.send, event)
        assert entered.wait(SECONDS)
        for refused in (api.client.post("/v1/events", json={"events": [event]}), api.client.get("/v1/seen?token=t")):
            assert (refused.status_code, refused.json()["error"]["thing"]) == (503, "queue of events")
        assert api.ask()["rung"] == "full"
        go.set()
        assert first.result(SECONDS)["unknown"] == ["e"]


def test_a_body_that_drips_is_408_and_the_last_of_its_connection() -> None:
    sent: list[Message] = []

    async def reached(scope: Scope, receive: Receive, send: Send) -> None:
        raise AssertionError("the body is not complete")

    drops = iter([b"{", b'"surface"'])

    async def drips() -> Message:
        drop = next(drops, None)
        if drop is None:
            await asyncio.Event().wait()
        return {"type": "http.request", "body": drop, "more_body": True}

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": "/v1/ads", "headers": []}
    asyncio.run(BodyLimit(reached, 1024, 0.01)(scope, drips, send))
    assert sent[0]["status"] == 408 and (b"connection", b"close") in sent[0]["headers"]
    assert msgspec.json.decode(sent[1]["body"])["error"]["thing"] == "body"


@contextmanager
def running(app: Any = plain_app, **limits: Any) -> Iterator[tuple[tuple[str, int], ServerConfig]]:
    """A server in a thread; gives its address and its configuration."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    address = listener.getsockname()
    config = ServerConfig(app, HttpSettings(**limits), log_level="critical", timeout_keep_alive=SECONDS, timeout_graceful_shutdown=1)
    server = DrainingServer(config)
    thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
    thread.start()
    try:
        eventually(lambda: server.started)
        yield address, config
    finally:
        server.should_exit = True
        thread.join(SECONDS)  # what it has answered is what is tested here; how it ends is tested in test_drain.py


def said(address: tuple[str, int], data: bytes) -> tuple[int, dict[str, str]]:
    """What a client is told that sends just this: the status, and the Problem. Returns once the server has closed the connection."""
    with socket.create_connection(address, SECONDS) as client:
        client.sendall(data)
        answer = b"".join(iter(lambda: client.recv(65536), b""))
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"connection: close" in head.lower() and b"application/json" in head
    return int(head.split()[1]), msgspec.json.decode(body)["error"]


@pytest.mark.parametrize(
    "begun",
    [b"", b"GET /heal", b"GET /healthz HTTP/1.1\r\nhost: here\r\nx-slow: ", b"\r\n"],
    ids=["nothing", "line", "header", "empty"],
)
def test_a_head_that_does_not_arrive_is_408(begun: bytes) -> None:
    with running(receive_seconds=0.05) as (address, _):
        status, error = said(address, begun)
    assert (status, error["thing"]) == (408, "request") and error["fix"]


def test_empty_lines_between_requests_do_not_keep_a_connection() -> None:
    with running() as (address, config), socket.create_connection(address, SECONDS) as client:
        client.sendall(b"GET / HTTP/1.1\r\nhost: here\r\n\r\n")
        assert client.recv(65536).startswith(b"HTTP/1.1 200")
        config.limits = HttpSettings(receive_seconds=0.05)
        client.sendall(b"\r\n")
        assert b"".join(iter(lambda: client.recv(65536), b"")).startswith(b"HTTP/1.1 408")


def test_what_is_not_http_is_a_problem_too() -> None:
    with running() as (address, _):
        status, error = said(address, b"\x16\x03\x01 hello\r\n\r\n")
    assert (status, error["thing"]) == (400, "request")


def test_more_connections_than_may_be_open_are_told_so() -> None:
    with running(connections=1) as (address, _), socket.create_connection(address, SECONDS) as first:
        first.sendall(b"GET / HTTP/1.1\r\nhost: here\r\n\r\n")
        assert first.recv(65536).startswith(b"HTTP/1.1 200")
        status, error = said(address, b"")
    assert (status, error["thing"]) == (503, "connections")


def test_a_client_that_reads_nothing_is_cut_off() -> None:
    let_go = threading.Event()

    async def endless(scope: Scope, receive: Receive, send: Any) -> None:
        if scope["type"] == "lifespan":
            await plain_app(scope, receive, send)
            return
        await send({"type": "http.response.start", "status": 200, "headers": []})
        while not send.__self__.disconnected:
            await send({"type": "http.response.body", "body": b"x" * 1_000_000, "more_body": True})
        let_go.set()

    with running(endless, send_seconds=0.05) as (address, _), socket.create_connection(address, SECONDS) as client:
        client.sendall(b"GET / HTTP/1.1\r\nhost: here\r\n\r\n")
        assert let_go.wait(SECONDS)


def test_a_queue_lets_in_who_can_foreseeably_be_answered_in_time() -> None:
    queue = Queue("decisions", AdmissionRule(at_once=2, most=102, patience=0.06, took=0.02))
    with ExitStack() as inside:
        let_in = [inside.enter_context(queue.place()) for _ in range(10)]
        assert let_in == [True] * 5 + [False] * 5, "the fifth has two rounds before it and is answered in the third"
        assert queue.inside == 5
    queue.rule.took = 10.0
    with queue.place() as one, queue.place() as two, queue.place() as three:
        assert (one, two, three) == (True, True, False), "a free thread is never left idle"
    assert queue.inside == 0


def test_a_queue_learns_how_long_its_work_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    ticks = iter(range(0, 1000, 3))
    monkeypatch.setattr("serving.http.queues.time", SimpleNamespace(perf_counter=lambda: next(ticks)))

    async def often(queue: Queue) -> None:
        for _ in range(100):
            assert await queue.run(lambda: "done") == "done"

    queue = Queue("decisions", AdmissionRule(1, 2))
    asyncio.run(often(queue))
    assert queue.rule.took == pytest.approx(3, rel=1e-3)
