"""A client's connection: how long it may take to say what it wants and to read its answer, and how it ends when the server stops."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import uvicorn
from starlette.responses import Response
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol
from uvicorn.server import ServerState

from serving.http.answers import problem
from serving.room_settings import HttpSettings


class ServerConfig(uvicorn.Config):
    """uvicorn's configuration, and the limits of a connection."""

    def __init__(self, app: Any, limits: HttpSettings, **others: Any) -> None:
        super().__init__(app, http=Connection, ws="none", **others)
        self.limits = limits


class OpenConnections(ServerState):
    """All connections of a process. draining: the server stops; each is closed after its next answer."""

    def __init__(self) -> None:
        super().__init__()
        self.draining = False


class Connection(HttpToolsProtocol):
    """uvicorn's connection, which waits for ever for a head that drips and for a client that reads nothing. What is refused here is told
    as everywhere else: as a Problem."""

    _reading: asyncio.TimerHandle | None = None
    _writing: asyncio.TimerHandle | None = None
    _unsent = 0
    """Bytes that waited for the client when it was last looked at."""

    @property
    def limits(self) -> HttpSettings:
        return cast(ServerConfig, self.config).limits

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if len(self.connections) > self.limits.connections:
            self._refuse(problem(503, "connections", self.limits.connections, "Too many are open at once; come again later."))
            return
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_reading_timer()
        if self._writing is not None:
            self._writing.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        answered = self.cycle is None or self.cycle.response_complete
        if answered and self.timeout_keep_alive_task is None and not self.transport.is_closing():
            self._await_head()  # empty lines before a request begin nothing that uvicorn would count

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._await_head()

    def on_headers_complete(self) -> None:
        self._stop_reading_timer()
        super().on_headers_complete()
        if isinstance(self.server_state, OpenConnections) and self.server_state.draining and self.cycle is not None:
            self.cycle.keep_alive = False

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._await_reader()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._await_reader()

    def send_400_response(self, msg: str) -> None:
        self._refuse(problem(400, "request", msg, "Send HTTP/1.1, with headers within the usual limits."))

    def drain(self) -> None:
        """Closes the connection after the answer to the request in hand, or to the next."""
        if self.cycle is not None and not self.cycle.response_complete:
            self.cycle.keep_alive = False

    def _await_head(self) -> None:
        if self._reading is None:
            self._reading = self.loop.call_later(self.limits.receive_seconds, self._head_is_late)

    def _stop_reading_timer(self) -> None:
        if self._reading is not None:
            self._reading.cancel()
            self._reading = None

    def _head_is_late(self) -> None:
        self._reading = None
        self._refuse(problem(408, "request", f"incomplete after {self.limits.receive_seconds:g} s", "Send its head faster."))

    def _await_reader(self) -> None:
        """Looks again after a while whether the client has read anything of what waits for it."""
        self._unsent = self.transport.get_write_buffer_size()
        if self._unsent and self._writing is None:
            self._writing = self.loop.call_later(self.limits.send_seconds, self._look_at_reader)

    def _look_at_reader(self) -> None:
        self._writing = None
        unsent = self.transport.get_write_buffer_size()
        if unsent and unsent >= self._unsent:
            self.transport.abort()
            return
        self._await_reader()

    def _refuse(self, answer: Response) -> None:
        """Writes an answer and closes. Where an answer is under way nothing can be said in between: then it only closes."""
        if self.transport.is_closing():
            return
        if self.cycle is None or self.cycle.response_complete:
            answer.headers["Connection"] = "close"
            head = b"".join(name + b": " + value + b"\r\n" for name, value in [*self.server_state.default_headers, *answer.raw_headers])
            self.transport.write(STATUS_LINE[answer.status_code] + head + b"\r\n" + bytes(answer.body))
        self.transport.close()
        self._await_reader()
