"""Runs the application's workers on one socket, and says when they answer."""

from __future__ import annotations

import faulthandler
import http.client
import logging
import os
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from feature_repo.home import Home
from feature_repo.whole_file import write_whole
from serving.errors import ServingError
from serving.eventlog.opening import open_eventlog
from serving.http.access import refuse_open_bind
from serving.http.connection import ServerConfig
from serving.http.consent import refuse_unsaid_consent
from serving.http.draining import DrainingServer
from serving.http.workers import Workers
from serving.ledger.opening import open_durable_ledger
from serving.settings import Settings, export
from serving.surfaces.surfaces import surfaces
from serving.understanding.lazy_profiles import LazyProfiles
from serving.worker.metrics_board import board_folder, clear_boards

log = logging.getLogger(__name__)
SAY_SECONDS: Final = 60.0
"""After which what is still late is named again."""
ANSWER_SECONDS: Final = 30.0


def run(settings: Settings, ready_file: Path | None, announce: Callable[[str], None]) -> None:
    """Serves until a signal. Raises ServingError when the address cannot be bound, a store cannot be opened or the settings do not say
    what a request without consent means, PluginError for a rule or source of another distribution that cannot be used."""
    refuse_open_bind(settings)
    refuse_unsaid_consent(settings)
    ledger = open_durable_ledger(settings)  # what cannot be opened is told here, once, and not by every worker
    surfaces(LazyProfiles(settings), ledger, settings)  # nor does any worker serve without a rule that the settings name
    ledger.close()
    open_eventlog(settings).close()
    listener = socket.socket(socket.AF_INET6 if ":" in settings.http.host else socket.AF_INET)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((settings.http.host, settings.http.port))
    except OSError as error:
        fix = f"{error.strerror}; choose another with --port, 0 for a free one."
        raise ServingError("address", f"{settings.http.host}:{settings.http.port}", fix) from None
    port = listener.getsockname()[1]
    url = f"http://{settings.http.host}:{port}"
    export(settings)
    clear_boards(settings.home)
    ready = _Ready(settings.home, settings.http.host, port, settings.http.workers)
    watcher = threading.Thread(target=_when_ready, args=(ready, url, ready_file, announce), daemon=True)
    config = ServerConfig(
        "serving.http.app:create_app", settings.http, factory=True, workers=settings.http.workers, log_level="warning", access_log=False,
        timeout_graceful_shutdown=10,
    )  # fmt: skip
    watcher.start()
    if settings.http.workers == 1:
        faulthandler.enable()
        DrainingServer(config).run(sockets=[listener])
    else:
        Workers(config, sockets=[listener]).run()


@dataclass(frozen=True)
class _Ready:
    """Whether the server answers, with every worker: each has published its figures once it had loaded what it serves."""

    home: Home
    host: str
    port: int
    workers: int

    def late(self) -> str:
        """What is not there yet; "" once the server answers with every worker."""
        loaded = len(list(board_folder(self.home, os.getpid()).glob("[0-9]*")))
        if self.workers > 1 and loaded < self.workers:
            return f"{self.workers - loaded} of {self.workers} workers have not loaded what they serve"
        connection = http.client.HTTPConnection(self.host, self.port, timeout=ANSWER_SECONDS)
        try:
            connection.request("GET", "/healthz")
            status = connection.getresponse().status
            return "" if status == 200 else f"/healthz answers with status {status}"
        except (OSError, http.client.HTTPException) as error:
            return f"/healthz does not answer ({error or type(error).__name__})"
        finally:
            connection.close()


def _when_ready(ready: _Ready, url: str, ready_file: Path | None, announce: Callable[[str], None]) -> None:
    """Waits as long as the process lives; says every minute what is late."""
    started = told = time.monotonic()
    while late := ready.late():
        if time.monotonic() - told > SAY_SECONDS:
            told = time.monotonic()
            log.warning("not ready after %.0f s: %s", told - started, late)
        time.sleep(0.1)
    announce(url)
    if ready_file:
        write_whole(ready_file, url + "\n", synced=False)
