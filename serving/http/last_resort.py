"""The answer to an error that nobody foresaw."""

from __future__ import annotations

import logging
import uuid

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serving.http.answers import unavailable

log = logging.getLogger(__name__)


class LastResort:
    """Logs an unexpected error under an id and answers 503 with it: 4xx is for what the asker can mend."""

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
        except Exception:
            if scope["type"] != "http" or started:
                raise
            error_id = uuid.uuid4().hex
            log.exception("%s %s failed: error %s", scope["method"], scope["path"], error_id)
            await unavailable(error_id)(scope, receive, send)
