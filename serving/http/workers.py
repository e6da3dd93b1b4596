"""The worker processes of the API. uvicorn's own supervisor ends a worker that does not answer within seconds, also one that is loading
its models: on a busy machine it never gets to serve."""

from __future__ import annotations

import faulthandler
import logging
import math
import signal
import time
from socket import socket
from typing import Final

from uvicorn.config import STARTUP_FAILURE, Config
from uvicorn.server import Server
from uvicorn.supervisors.multiprocess import Multiprocess, Process

from serving.http.draining import DrainingServer
from serving.http.listener import take_no_more

log = logging.getLogger(__name__)
SILENT_SECONDS: Final = 60.0
"""After which a worker that has served, and no longer answers, is replaced. A worker that starts has all the time it needs."""

LOOK_SECONDS: Final = 0.1


class ServerProcess(Process):
    """A process that is asked how it is without waiting for the answer, which is read at the next look."""

    def __init__(self, config: Config, sockets: list[socket]) -> None:
        super().__init__(config, sockets)
        self._asked: float | None = None
        self._serves = False

    @property
    def serves(self) -> bool:
        """Whether it has answered a request for its health since it started."""
        return self.is_alive(math.inf) and self._serves

    @property
    def server(self) -> Server:
        if self._server is None:
            self._server = DrainingServer(self.config, alone=False)
        return self._server

    def target(self, sockets: list[socket] | None = None) -> None:
        """What the process runs. A fault of a library's compiled code leaves the lines that led to it in the log."""
        faulthandler.enable()
        super().target(sockets)

    def is_alive(self, timeout: float = SILENT_SECONDS) -> bool:
        """Whether the process runs and, once it has served, has answered within the timeout, in seconds."""
        if not self.process.is_alive():
            return False
        try:
            while self.parent_conn.poll():
                self._serves, self._asked = bool(self.parent_conn.recv()) or self._serves, None
            if self._asked is None:
                self.parent_conn.send(b"ping")
                self._asked = time.monotonic()
        except (OSError, EOFError):
            return False
        return not self._serves or time.monotonic() - self._asked < timeout


class Workers(Multiprocess):
    """Keeps as many workers as the configuration says; ends when one fails to start, which every other would too."""

    def init_processes(self) -> None:
        self.processes = [self._started() for _ in range(self.processes_num)]

    def terminate_all(self) -> None:
        """The workers stop, and the socket closes with the last of them: nothing new is taken from here on."""
        take_no_more(self.sockets)
        for listener in self.sockets:
            listener.close()
        super().terminate_all()

    def restart_all(self) -> None:
        """On SIGHUP: one worker after the other is replaced by a fresh one, once that serves. Where one does not come to serve, its
        predecessor stays, and so do those after it."""
        for place, old in enumerate(self.processes):
            new = self._started()
            while not new.serves:
                if not new.is_alive():
                    log.error("worker %s did not come to serve; those before it go on", new.pid)
                    return
                if {signal.SIGTERM, signal.SIGINT} & set(self.signal_queue):  # both are asked to stop by what comes next
                    self.processes.append(new)
                    return
                time.sleep(LOOK_SECONDS)
            old.terminate()
            old.join()
            self.processes[place] = new

    def handle_ttin(self) -> None:
        """One worker more."""
        self.processes_num += 1
        self.processes.append(self._started())

    def keep_subprocess_alive(self) -> None:
        for place, worker in enumerate(self.processes):
            if self.should_exit.is_set():
                return
            if worker.is_alive(SILENT_SECONDS):
                continue
            worker.kill()
            worker.join()
            if worker.exitcode == STARTUP_FAILURE:
                log.error("worker %s failed to start; stopping", worker.pid)
                self.should_exit.set()
                return
            log.error("worker %s has ended with %s; starting another", worker.pid, worker.exitcode)
            self.processes[place] = self._started()

    def _started(self) -> ServerProcess:
        worker = ServerProcess(self.config, self.sockets)
        worker.start()
        return worker
