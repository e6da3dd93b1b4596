"""When a request arrived: its deadline counts from there, whatever it waits for."""

from __future__ import annotations

import time
from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

ARRIVED: Final = "arrived"
"""The name under which the moment stands in a request's state: seconds by time.perf_counter, which never goes back."""


class Arrival:
    """Notes the moment. It belongs around all that takes time."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            scope.setdefault("state", {})[ARRIVED] = time.perf_counter()
        await self.app(scope, receive, send)
