"""Limits on request bodies: their size, as they come and decoded, and the time they may take to arrive."""

from __future__ import annotations

import asyncio

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serving.http.answers import problem
from serving.http.content_coding import ENCODINGS, Garbled, TooLong, decoded

BEACONS = "/v1/events"
"""Where browsers tell what came of ads, with `navigator.sendBeacon`: it sends JSON as text/plain, or without a type."""


class BodyLimit:
    """Reads a body whole before anything else looks at it. Answers 413 to one over the limit, whether its length is declared or not, or
    decoded; 408 to one that does not arrive in time; 415 to an encoding other than gzip and deflate; 400 to one that cannot be decoded."""

    def __init__(self, app: ASGIApp, limit: int, seconds: float) -> None:
        self.app, self.limit, self.seconds = app, limit, seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] in ("GET", "HEAD"):
            await self.app(scope, receive, send)
            return
        try:
            async with asyncio.timeout(self.seconds):
                body = await self._whole(receive)
        except TimeoutError:
            late = problem(408, "body", f"incomplete after {self.seconds:g} s", "Send it faster, or less at a time.")
            await _last(late)(scope, receive, send)
            return
        except TooLong:
            await _last(self._too_long("bytes"))(scope, receive, send)
            return
        if body is None:  # the client has gone
            return
        headers = MutableHeaders(scope=scope)
        refusal, plain = self._decoded(body, headers)
        if refusal is not None:
            await refusal(scope, receive, send)
            return
        if scope["path"] == BEACONS and headers.get("content-type", "text/plain").split(";")[0].strip().lower() == "text/plain":
            headers["content-type"] = "application/json"
        sent = False

        async def whole() -> Message:
            nonlocal sent
            if sent:
                return await receive()
            sent = True
            return {"type": "http.request", "body": plain, "more_body": False}

        await self.app(scope, whole, send)

    async def _whole(self, receive: Receive) -> bytes | None:
        """The body; None for a client that went before it was complete. Raises TooLong."""
        body, more = bytearray(), True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                return None
            body += message.get("body", b"")
            more = message.get("more_body", False)
            if len(body) > self.limit:
                raise TooLong
        return bytes(body)

    def _decoded(self, body: bytes, headers: MutableHeaders) -> tuple[Response | None, bytes]:
        """The refusal, or the plain body; the headers then say that it is plain."""
        encoding = _encoding(headers)
        if not encoding:
            return None, body
        if encoding not in ENCODINGS:
            refusal = problem(415, "content-encoding", encoding, f"Send the body plain, or as {' or '.join(ENCODINGS)}.")
            refusal.headers["Accept-Encoding"] = ", ".join(ENCODINGS)
            return refusal, b""
        try:
            plain = decoded(body, encoding, self.limit)
        except TooLong:
            return self._too_long("bytes when decoded"), b""
        except Garbled:
            return problem(400, "body", f"not {encoding}", "Send it as its Content-Encoding says, and whole."), b""
        del headers["content-encoding"]
        headers["content-length"] = str(len(plain))
        return None, plain

    def _too_long(self, what: str) -> Response:
        return problem(413, "body", f"more than {self.limit} {what}", "Send less at a time.")


def _encoding(headers: Headers) -> str:
    """The body's encoding; "" for none."""
    told = ", ".join(headers.getlist("content-encoding")).strip().lower()
    return "" if told == "identity" else "gzip" if told == "x-gzip" else told


def _last(answer: Response) -> Response:
    """An answer after which the connection is closed: the rest of the body is not waited for."""
    answer.headers["Connection"] = "close"
    return answer
