"""The HTTP edge: routes, limits, tokens and errors; everything else is behind it."""

from __future__ import annotations

import gc
import hmac
import ipaddress
import logging
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from starlette.concurrency import run_in_threadpool
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from feature_repo.errors import PlacardError
from serving.billing import bill
from serving.bundles import Bundle
from serving.bundles.aliases import folder
from serving.deps import LazyProfiles, open_eventlog, open_ledger
from serving.engine import Engine
from serving.errors import BundleRefused, ServingError
from serving.explain import why
from serving.metrics import Metrics
from serving.reload import Reloader
from serving.request import AdRequest
from serving.settings import Settings, load
from serving.shadow import Shadow
from serving.surfaces.proactive import proactive
from serving.wire import AdsBody, EventsBody, answer

log = logging.getLogger(__name__)
ENCODER = msgspec.json.Encoder()
TEXTS = ("headline", "description", "call_to_action", "image_path", "landing_url")


def is_loopback(host: str) -> bool:
    """Whether an address is only reachable from this machine."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def refuse_open_bind(settings: Settings) -> None:
    """Raises ServingError when the API would be reachable from outside without a token."""
    if settings.token is None and not is_loopback(settings.host):
        raise ServingError("host", settings.host, "Set PLACARD_TOKEN to bind anything but loopback.")


class BodyLimit:
    """Answers 413 to a body over the limit, whether its length is declared or not."""

    def __init__(self, app: ASGIApp, limit: int) -> None:
        self.app, self.limit = app, limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] in ("GET", "HEAD"):
            await self.app(scope, receive, send)
            return
        body, more = bytearray(), True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            body += message.get("body", b"")
            more = message.get("more_body", False)
            if len(body) > self.limit:
                await _problem(413, "body", f"more than {self.limit} bytes", "Send less at a time.")(scope, receive, send)
                return
        sent = False

        async def whole() -> Message:
            nonlocal sent
            if sent:
                return await receive()
            sent = True
            return {"type": "http.request", "body": bytes(body), "more_body": False}

        await self.app(scope, whole, send)


def _json(content: Any, status: int = 200) -> Response:
    return Response(ENCODER.encode(content), status, media_type="application/json")


def _problem(status: int, thing: str, value: object, fix: str) -> Response:
    return _json({"error": {"thing": thing, "value": str(value)[:200], "fix": fix}}, status)


class Worker:
    """One process's engine and stores."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.eventlog, self.ledger = open_eventlog(settings), open_ledger(settings)
        self.reloader = Reloader(settings)
        self.engine = Engine({"proactive": proactive(LazyProfiles(settings), self.ledger, settings)}, settings)
        self.shadow = Shadow(lambda: self.reloader.live, self.eventlog, settings.shadow_queue)
        self.metrics = Metrics(self.reloader, self.shadow)

    def start(self) -> None:
        self.reloader.start()
        self.shadow.start()
        self._warm()
        gc.collect()
        gc.freeze()  # a collection over the loaded libraries costs 100 ms at p99

    def _warm(self) -> None:
        """The first request through a cold Feast takes half a second; it is made here and forgotten."""
        for surface in self.engine.surfaces:
            self.engine.decide(AdRequest("warm", surface, "warm", datetime.now(UTC), tmax_ms=60_000), self.reloader.live)

    def stop(self) -> None:
        self.reloader.stop()
        self.shadow.stop()
        self.eventlog.close()
        self.ledger.close()

    def decide(self, body: AdsBody) -> dict[str, object]:
        """Decides, records, and only then answers."""
        started, live = time.perf_counter(), self.reloader.live
        decision = self.engine.decide(body.request(self.settings, uuid.uuid4().hex, datetime.now(UTC)), live)
        self.eventlog.append_decision(decision)
        self.shadow.offer(decision)
        self.metrics.decided(decision, time.perf_counter() - started)
        texts: list[dict[str, str]] = []
        if live.snapshot is not None:
            rows = live.snapshot.rows_of([ad.creative_id for ad in decision.shown])
            texts = [{name: live.snapshot.text(f"text.{name}", row) for name in TEXTS} for row in rows]
        return answer(decision, texts)

    def bundle_of(self, policy: str) -> Bundle | None:
        """The bundle that scored a decision, while it is still installed."""
        head, _, version = policy.partition("@")
        for bundle in self.reloader.live.bundles.values():
            if bundle.name == policy:
                return bundle
        try:
            return Bundle.load(folder(self.settings.home.bundles, head, version)) if version else None
        except BundleRefused:
            return None


def create_app(settings: Settings | None = None) -> FastAPI:
    """The application. Raises ServingError for a bind that needs a token."""
    settings = settings or load()
    refuse_open_bind(settings)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        app.state.worker = worker = Worker(settings)
        await run_in_threadpool(worker.start)
        yield
        await run_in_threadpool(worker.stop)

    app = FastAPI(title="Placard", version="1", lifespan=lifespan, description="Ads, priced and explained.")
    app.add_middleware(BodyLimit, limit=settings.max_body_bytes)
    errors: dict[int | str, dict[str, Any]] = {413: {"description": "Body too large"}, 400: {"description": "Not JSON"}}
    locked: dict[int | str, dict[str, Any]] = {401: {"description": "Token needed"}, 404: {"description": "Unknown decision"}}

    @app.exception_handler(PlacardError)
    async def refused(request: Request, error: PlacardError) -> Response:
        return _problem(422, error.thing, error.value, error.fix)

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> Response:
        first = error.errors()[0]
        field = ".".join(str(p) for p in first["loc"][1:]) or str(first["loc"][0])
        return _json(
            {"error": {"thing": field, "value": str(first.get("input"))[:200], "fix": first["msg"]},
             "detail": [{"loc": list(e["loc"]), "msg": e["msg"], "type": e["type"]} for e in error.errors()]}, 422,
        )  # fmt: skip

    @app.middleware("http")
    async def never_5xx(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
        try:
            return await call_next(request)
        except Exception:
            log.exception("%s %s failed", request.method, request.url.path)
            return _problem(422, "request", request.url.path, "It could not be handled; the server's log says why.")

    def authorised(request: Request) -> bool:
        if settings.token is None:
            return True
        given = request.headers.get("authorization", "").removeprefix("Bearer ")
        return hmac.compare_digest(given.encode(), settings.token.get_secret_value().encode())

    def worker_of(request: Request) -> Worker:
        worker: Worker = request.app.state.worker
        return worker

    @app.post("/v1/ads", responses=errors, summary="Ads for a person and a place")
    async def ads(body: AdsBody, request: Request) -> Response:
        worker = worker_of(request)
        if body.surface not in worker.engine.surfaces:
            return _problem(422, "surface", body.surface, f"Open surfaces: {', '.join(worker.engine.surfaces)}.")
        return _json(await run_in_threadpool(worker.decide, body))

    @app.post("/v1/events", responses=errors, summary="What came of shown ads")
    async def events(body: EventsBody, request: Request) -> Response:
        worker = worker_of(request)
        result = await run_in_threadpool(bill, [e.event() for e in body.events], worker.eventlog, worker.ledger, worker.reloader.live)
        worker.metrics.received(body.events, result)
        return _json(result)

    @app.get("/v1/decisions/{decision_id}", responses=locked, summary="The whole record of a decision")
    async def decision(decision_id: str, request: Request) -> Response:
        if not authorised(request):
            return _problem(401, "authorization", "absent or wrong", "Send `Authorization: Bearer <token>`.")
        found = await run_in_threadpool(worker_of(request).eventlog.decision, decision_id)
        return _json(found) if found else _problem(404, "decision", decision_id, "Use the decision_id of an answer.")

    @app.get("/v1/decisions/{decision_id}/why", responses=locked, summary="Why these ads, at these prices")
    async def explain(decision_id: str, request: Request) -> Response:
        if not authorised(request):
            return _problem(401, "authorization", "absent or wrong", "Send `Authorization: Bearer <token>`.")
        worker = worker_of(request)
        found = await run_in_threadpool(worker.eventlog.decision, decision_id)
        if found is None:
            return _problem(404, "decision", decision_id, "Use the decision_id of an answer.")
        return _json(await run_in_threadpool(why, found, worker.bundle_of(found.policy)))

    @app.get("/healthz", summary="The process is alive")
    async def healthz() -> Response:
        return _json({"alive": True})

    @app.get("/readyz", responses={503: {"description": "Nothing to serve yet"}}, summary="There is a catalogue to serve")
    async def readyz(request: Request) -> Response:
        reloader = worker_of(request).reloader
        live = reloader.live
        old = None if live.snapshot is None else datetime.now(UTC) - live.snapshot.as_of
        state = {
            "ready": live.snapshot is not None,
            "snapshot": live.snapshot.version if live.snapshot else None,
            "stale": old is not None and old > timedelta(days=3),
            "models": {f"{head}@{alias}": b.manifest.version for (head, alias), b in live.bundles.items()},
            "refused": reloader.refused,
        }
        return _json(state, 200 if state["ready"] else 503)

    @app.get("/metrics", responses={401: {"description": "Token needed"}}, summary="Prometheus metrics")
    async def metrics(request: Request) -> Response:
        if not authorised(request):
            return _problem(401, "authorization", "absent or wrong", "Send `Authorization: Bearer <token>`.")
        return Response(worker_of(request).metrics.render(), media_type="text/plain; version=0.0.4")

    return app
