"""The answer to an error that nobody foresaw."""

from __future__ import annotations

import logging
import uuid

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serving.http.answers import unavailable
from serving.seldom import SELDOM
from serving.stores.breaker import OUT_OF_ORDER

log = logging.getLogger(__name__)


class LastResort:
    """Logs an unexpected error under an id, as seldom as seldom.py says, and answers 503 with it: 4xx is for what the asker can mend."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = False

        async def watched(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self.app(scope, receive, watched)
        except Exception as error:
            if scope["type"] != "http" or started:
                raise
            error_id = uuid.uuid4().hex
            kind, broken = type(error).__name__, isinstance(error, OUT_OF_ORDER)
            route = getattr(scope.get("route"), "path", "?")  # as it is declared: what callers name makes no part of its own
            part, message = f"{route}: {kind}", "%s %s failed: error %s: %s"
            SELDOM.log(log, logging.ERROR, part, message, scope["method"], route, error_id, error, traceback=not broken)
            await unavailable(error_id)(scope, receive, send)
