"""How a serving process ends: what was asked is answered, and nobody's request is cut off."""

from __future__ import annotations

import asyncio
from socket import socket
from typing import Final

import uvicorn

from serving.http.connection import Connection, OpenConnections
from serving.http.listener import knocked, take_no_more

IDLE_SECONDS: Final = 1.0
"""How long a connection may still bring a request after the server was told to stop: one may be on its way."""
HANDSHAKE_SECONDS: Final = 0.2
"""How long a connection may take to be opened that a client has begun to open."""
TICK_SECONDS: Final = 0.02


class DrainingServer(uvicorn.Server):
    """uvicorn closes idle connections at once when it stops, and resets a request that is on its way. This server accepts whom the kernel
    has greeted already, answers every request of the next second with `Connection: close`, and only then closes what is idle."""

    def __init__(self, config: uvicorn.Config, alone: bool = True) -> None:
        """alone: the socket is this process's; where it is shared, its owner says when it takes no more."""
        super().__init__(config)
        self.server_state: OpenConnections = OpenConnections()
        self._alone = alone

    async def shutdown(self, sockets: list[socket] | None = None) -> None:
        listeners = sockets or []
        if self._alone:
            take_no_more(listeners)
        self.server_state.draining = True
        for connection in list(self.server_state.connections):
            if isinstance(connection, Connection):
                connection.drain()
        loop = asyncio.get_running_loop()
        began = loop.time()
        while not self.force_exit and (passed := loop.time() - began) < IDLE_SECONDS:
            if passed > HANDSHAKE_SECONDS and not self.server_state.connections and not knocked(listeners):
                break
            await asyncio.sleep(TICK_SECONDS)
        await super().shutdown(sockets)
