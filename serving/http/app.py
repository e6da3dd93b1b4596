"""The HTTP edge: which route does what, who may ask, and what each answer means; everything else is behind it."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from fastapi_offline import FastAPIOffline
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

from feature_repo.private_files import keep_private
from serving.engine.stages import Profiles
from serving.errors import ServingError
from serving.explain import why
from serving.http.access import authorised, refuse_open_bind
from serving.http.answers import as_json, invalid, problem, refused, unauthorised
from serving.http.arrival import ARRIVED, Arrival
from serving.http.beacons import add_beacons
from serving.http.body_limit import BodyLimit
from serving.http.browsers import Browsers
from serving.http.docs_lock import DocsLock
from serving.http.last_resort import LastResort
from serving.http.queues import Admission, Queues
from serving.http.responses import ABSENT, BAD, BUSY, FORGED, LATER, LOCKED, TEXT, UNLISTED
from serving.http.wire import AdsAnswer, AdsBody, EventBody, EventsAnswer, EventsBody, SearchAnswer, SearchBody, billed
from serving.record.decision import legible
from serving.record.request import AdRequest
from serving.settings import Settings, load
from serving.worker.worker import Worker

STALE: Final = timedelta(days=3)
"""A catalogue older than this is still served, and /readyz says so."""


def create_app(settings: Settings | None = None, profiles: Profiles | None = None) -> FastAPI:
    """The application; profiles: the online store's unless given. Raises ServingError for a bind that needs a token."""
    settings = settings or load()
    refuse_open_bind(settings)
    keep_private()  # also under another server than ours

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        app.state.worker = worker = await run_in_threadpool(Worker, settings, profiles)
        worker.gauges.queues = queues.lengths
        await run_in_threadpool(worker.start)
        yield
        await run_in_threadpool(worker.stop)

    app = FastAPIOffline(title="Placard", version="1", lifespan=lifespan, description="Ads, priced and explained.", redoc_url=None)
    app.state.queues = queues = Queues(settings)
    app.add_middleware(DocsLock, settings=settings)
    app.add_middleware(Admission, queues=queues)
    app.add_middleware(BodyLimit, limit=settings.http.max_body_bytes, seconds=settings.http.receive_seconds)
    app.add_middleware(LastResort)
    if settings.http.allowed_origins:
        app.add_middleware(Browsers, origins=settings.http.allowed_origins)
    app.add_middleware(Arrival)  # the last that is added is the first that a request meets

    @app.exception_handler(RequestValidationError)
    async def bad_input(request: Request, error: RequestValidationError) -> Response:
        return invalid(error)

    @app.exception_handler(HTTPException)
    async def refuse(request: Request, error: HTTPException) -> Response:
        return refused(error)

    def locked(request: Request) -> Response | None:
        """The refusal, where a token is needed and absent."""
        if authorised(settings, request.headers.get("authorization", "")):
            return None
        return unauthorised()

    def worker_of(request: Request) -> Worker:
        worker: Worker = request.app.state.worker
        return worker

    async def decided(request: Request, asked: AdRequest) -> Response:
        worker = worker_of(request)
        try:
            worker.check(asked)
        except ServingError as error:
            return problem(422, error.thing, error.value, error.fix)
        return as_json(await queues.deciding.run(worker.decide, asked, request.scope["state"][ARRIVED]))

    def untold(request: Request, events: Sequence[EventBody]) -> Response | None:
        """The refusal of events that neither the server's token nor the ads' own tokens vouch for. A token that is sent is checked in
        any case."""
        trusted, signer, now = authorised(settings, request.headers.get("authorization", "")), worker_of(request).signer, datetime.now(UTC)
        for event in events:
            if event.event_token is None:
                if not trusted:
                    return locked(request)
                continue
            try:
                said = signer.read(event.event_token, now)
            except ServingError as error:
                return problem(403, error.thing, error.value, error.fix)
            if (said.decision_id, said.creative_id) != (event.decision_id, event.creative_id):
                return problem(403, "token", event.event_id, "It is another ad's; send the token that came with the ad.")
        return None

    @app.post("/v1/ads", responses={200: {"model": AdsAnswer}, **BAD, **LOCKED, **BUSY}, summary="Ads for a person and a place")
    async def ads(body: AdsBody, request: Request) -> Response:
        if refusal := locked(request):
            return refusal
        worker = worker_of(request)
        if body.surface == "search":
            return problem(422, "surface", body.surface, "Send the query to POST /v1/search.")
        if body.surface not in worker.engine.surfaces:
            return problem(422, "surface", body.surface, f"Open surfaces: {', '.join(s for s in worker.engine.surfaces if s != 'search')}.")
        return await decided(request, body.request(settings, uuid.uuid4().hex, datetime.now(UTC)))

    @app.post("/v1/search", responses={200: {"model": SearchAnswer}, **BAD, **LOCKED, **BUSY}, summary="Ads for a search")
    async def search(body: SearchBody, request: Request) -> Response:
        if refusal := locked(request):
            return refusal
        return await decided(request, body.request(settings, uuid.uuid4().hex, datetime.now(UTC)))

    @app.post("/v1/events", responses={200: {"model": EventsAnswer}, **BAD, **LOCKED, **FORGED, **LATER}, summary="What came of shown ads")
    async def events(body: EventsBody, request: Request) -> Response:
        if refusal := untold(request, body.events):
            return refusal
        return as_json(billed(await queues.events.run(worker_of(request).bill, [e.event() for e in body.events])))

    @app.get("/v1/decisions/{decision_id}", responses={**LOCKED, **ABSENT}, summary="The whole record of a decision")
    async def decision(decision_id: str, request: Request) -> Response:
        if refusal := locked(request):
            return refusal
        found = await run_in_threadpool(worker_of(request).eventlog.decision, decision_id)
        return as_json(legible(found)) if found else problem(404, "decision", decision_id, "Use the decision_id of an answer.")

    @app.get("/v1/decisions/{decision_id}/why", responses={**LOCKED, **ABSENT}, summary="Why these ads, at these prices")
    async def explain(decision_id: str, request: Request) -> Response:
        if refusal := locked(request):
            return refusal
        worker = worker_of(request)
        found = await run_in_threadpool(worker.eventlog.decision, decision_id)
        if found is None:
            return problem(404, "decision", decision_id, "Use the decision_id of an answer.")
        return as_json(await run_in_threadpool(lambda: why(found, worker.bundle_of(found.policy))))

    async def switched(request: Request, campaign_id: str, paused: bool) -> Response:
        if refusal := locked(request):
            return refusal
        try:
            await run_in_threadpool(worker_of(request).pause, campaign_id, paused)
        except ServingError as error:
            return problem(404, error.thing, error.value, error.fix)
        return as_json({"campaign_id": campaign_id, "paused": paused})

    @app.post("/v1/campaigns/{campaign_id}/pause", responses={**LOCKED, **UNLISTED}, summary="Take a campaign's ads down")
    async def pause(campaign_id: str, request: Request) -> Response:
        return await switched(request, campaign_id, True)

    @app.post("/v1/campaigns/{campaign_id}/resume", responses=LOCKED, summary="Let a paused campaign run again")
    async def resume(campaign_id: str, request: Request) -> Response:
        return await switched(request, campaign_id, False)

    @app.head("/healthz", include_in_schema=False)
    @app.get("/healthz", summary="The process is alive")
    async def healthz() -> Response:
        return as_json({"alive": True})

    @app.head("/readyz", include_in_schema=False)
    @app.get("/readyz", responses={503: {"description": "Nothing to serve yet"}}, summary="There is a catalogue to serve")
    async def readyz(request: Request) -> Response:
        state = readiness(worker_of(request))
        told = state if locked(request) is None else {"ready": state["ready"]}  # the rest names versions and files
        return as_json(told, 200 if state["ready"] else 503)

    @app.get("/metrics", response_class=Response, responses={200: TEXT, **LOCKED}, summary="Prometheus metrics of all workers")
    async def metrics(request: Request) -> Response:
        if refusal := locked(request):
            return refusal
        return Response(await run_in_threadpool(worker_of(request).board.render), media_type="text/plain; version=0.0.4")

    add_beacons(app, queues.events)
    return app


def readiness(worker: Worker) -> dict[str, object]:
    """What a worker serves just now, what it would not take up, what it serves although its folder is gone, which stores do not answer, and
    what is wrong with the ledger. Ready: there is a catalogue, and a ledger that money may be written into."""
    reloader, ledger = worker.reloader, worker.watch.trouble
    snapshot = reloader.live.snapshot
    return {
        "ready": worker.gauges.ready,
        "snapshot": snapshot.version if snapshot is not None else None,
        "stale": snapshot is not None and datetime.now(UTC) - snapshot.as_of > STALE,
        "models": {f"{head}@{alias}": b.manifest.version for (head, alias), b in reloader.live.bundles.items()},
        "refused": reloader.refused,
        "missing": reloader.missing,
        "broken": {store: trouble for store, breaker in worker.breakers.items() if (trouble := breaker.trouble)},
        "ledger": ledger,
    }
