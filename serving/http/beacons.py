"""The addresses that come with every ad: a pixel that tells of its impression, a redirect that tells of a click, and its image."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from typing import Final
from urllib.parse import urlsplit

from fastapi import FastAPI, Request
from fastapi.responses import FileResponse, RedirectResponse, Response
from starlette.concurrency import run_in_threadpool

from serving.errors import ServingError
from serving.eventlog.log import Event
from serving.http.answers import problem
from serving.http.queues import Queue
from serving.http.responses import FORGED, LATER, Responses
from serving.http.wire import Problem
from serving.worker.signing import Told
from serving.worker.worker import Worker

PIXEL: Final = base64.b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")
"""A GIF of one transparent pixel."""
TO_LANDING: Final[Responses] = {
    302: {"description": "The landing page"},
    404: {"model": Problem, "description": "The ad has no landing page of the web"},
}
NO_IMAGE: Final[Responses] = {404: {"model": Problem, "description": "The catalogue has no such image"}}
UNCACHED: Final = {"Cache-Control": "no-store"}
IMAGES: Final = {".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".gif": "image/gif", ".webp": "image/webp"}
"""Images that are served, by suffix."""


def add_beacons(app: FastAPI, queue: Queue) -> None:
    """Adds the routes to the application. queue: of events."""

    def said_by(request: Request, token: str) -> Told | Response:
        """What a token tells of, or the refusal of one that is not good."""
        worker: Worker = request.app.state.worker
        try:
            return worker.signer.read(token, datetime.now(UTC))
        except ServingError as error:
            return problem(403, error.thing, error.value, error.fix)

    async def bill(request: Request, said: Told, kind: str) -> None:
        """Bills the event. Its id follows from the ad and the kind: a page that is reloaded tells of nothing new. What billing raises is no
        fault of the token: it is answered 503, and asked again the address charges."""
        worker: Worker = request.app.state.worker
        event = Event(f"{said.decision_id}:{said.creative_id}:{kind}", said.decision_id, said.creative_id, kind, datetime.now(UTC))
        await queue.run(worker.bill, [event])

    @app.get("/v1/seen", response_class=Response, responses={**FORGED, **LATER}, summary="A pixel; the ad whose token is sent was seen")
    async def seen(request: Request, token: str) -> Response:
        said = said_by(request, token)
        if isinstance(said, Response):
            return said
        await bill(request, said, "impression")
        return Response(PIXEL, media_type="image/gif", headers=UNCACHED)

    @app.get(
        "/v1/click",
        response_class=Response,
        responses={**TO_LANDING, **FORGED, **LATER},
        summary="To the landing page; the ad whose token is sent was clicked",
    )
    async def click(request: Request, token: str) -> Response:
        said = said_by(request, token)
        if isinstance(said, Response):
            return said
        await bill(request, said, "click")
        worker: Worker = request.app.state.worker
        landing = await run_in_threadpool(worker.landing_url, said.decision_id, said.creative_id)
        if urlsplit(landing).scheme not in ("http", "https"):
            return problem(404, "landing page", landing, "The ad has none that can be opened.")
        return RedirectResponse(landing, 302, headers=UNCACHED)

    @app.get("/v1/creatives/{creative_id}/image", response_class=Response, responses=NO_IMAGE, summary="The image of a live ad")
    async def image(creative_id: str, request: Request) -> Response:
        worker: Worker = request.app.state.worker
        path = await run_in_threadpool(worker.image_path, creative_id)
        kind = IMAGES.get(path.suffix.lower()) if path is not None else None
        if path is None or kind is None:
            return problem(404, "image of creative", creative_id, "The catalogue has none.")
        return FileResponse(path, media_type=kind, headers={"Cache-Control": "public, max-age=86400", "X-Content-Type-Options": "nosniff"})
