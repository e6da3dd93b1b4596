"""The description of the API follows the token: where one is set, who does not have it learns nothing of the routes."""

from __future__ import annotations

from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

from serving.http.access import authorised
from serving.http.answers import unauthorised
from serving.settings import Settings

PATHS: Final = ("/docs", "/openapi.json")


class DocsLock:
    """Answers 401 where the token is absent or wrong."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self.app, self._settings = app, settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"].startswith(PATHS):
            given = next((value.decode("latin-1") for name, value in scope["headers"] if name == b"authorization"), "")
            if not authorised(self._settings, given):
                await unauthorised()(scope, receive, send)
                return
        await self.app(scope, receive, send)
