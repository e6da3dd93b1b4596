"""Runs the application's workers on one socket, and says when they answer."""

from __future__ import annotations

import http.client
import logging
import os
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import uvicorn

from feature_repo.home import Home
from serving.errors import ServingError
from serving.eventlog.opening import open_eventlog
from serving.http.access import refuse_open_bind
from serving.ledger.opening import open_ledger
from serving.settings import Settings, export
from serving.worker.metrics_board import board_folder, clear_boards

log = logging.getLogger(__name__)
READY_SECONDS = 60


def run(settings: Settings, ready_file: Path | None, announce: Callable[[str], None]) -> None:
    """Serves until a signal. Raises ServingError when the address cannot be bound or a store cannot be opened."""
    refuse_open_bind(settings)
    open_ledger(settings).close()  # what cannot be opened is told here, once, and not by every worker
    open_eventlog(settings).close()
    listener = socket.socket(socket.AF_INET6 if ":" in settings.host else socket.AF_INET)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((settings.host, settings.port))
    except OSError as error:
        fix = f"{error.strerror}; choose another with --port, 0 for a free one."
        raise ServingError("address", f"{settings.host}:{settings.port}", fix) from None
    port = listener.getsockname()[1]
    url = f"http://{settings.host}:{port}"
    export(settings)
    clear_boards(settings.home)
    ready = _Ready(settings.home, settings.host, port, settings.workers)
    watcher = threading.Thread(target=_when_ready, args=(ready, url, ready_file, announce), daemon=True)
    config = uvicorn.Config(
        "serving.http.app:create_app", factory=True, workers=settings.workers, log_level="warning", access_log=False,
        timeout_graceful_shutdown=10,
    )  # fmt: skip
    watcher.start()
    if settings.workers == 1:
        uvicorn.Server(config).run(sockets=[listener])
    else:
        from uvicorn.supervisors import Multiprocess

        Multiprocess(config, sockets=[listener]).run()


@dataclass(frozen=True)
class _Ready:
    """Whether the server answers, with every worker: each has published its figures once it had loaded what it serves."""

    home: Home
    host: str
    port: int
    workers: int

    def now(self) -> bool:
        if self.workers > 1 and len(list(board_folder(self.home, os.getpid()).glob("[0-9]*"))) < self.workers:
            return False
        connection = http.client.HTTPConnection(self.host, self.port, timeout=5)
        try:
            connection.request("GET", "/healthz")
            return connection.getresponse().status == 200
        except OSError:
            return False
        finally:
            connection.close()


def _when_ready(ready: _Ready, url: str, ready_file: Path | None, announce: Callable[[str], None]) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while not ready.now():
        if time.monotonic() > deadline:
            log.error("not every one of %d workers answered within %d s", ready.workers, READY_SECONDS)
            return
        time.sleep(0.1)
    announce(url)
    if ready_file:
        part = ready_file.with_name(f"{ready_file.name}.part")
        part.write_text(url + "\n")
        os.replace(part, ready_file)
