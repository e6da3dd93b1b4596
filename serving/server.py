"""Runs the application's workers on one socket, and says when they answer."""

from __future__ import annotations

import http.client
import os
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path

import uvicorn

from serving.app import refuse_open_bind
from serving.errors import ServingError
from serving.settings import Settings, export

READY_SECONDS = 60


def run(settings: Settings, ready_file: str, announce: Callable[[str], None]) -> None:
    """Serves until a signal. Raises ServingError when the address cannot be bound."""
    refuse_open_bind(settings)
    listener = socket.socket(socket.AF_INET6 if ":" in settings.host else socket.AF_INET)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((settings.host, settings.port))
    except OSError as error:
        fix = f"{error.strerror}; choose another with --port, 0 for a free one."
        raise ServingError("address", f"{settings.host}:{settings.port}", fix) from None
    port = listener.getsockname()[1]
    url = f"http://{settings.host}:{port}"
    watcher = threading.Thread(target=_when_ready, args=(settings.host, port, url, ready_file, announce), daemon=True)
    export(settings)
    config = uvicorn.Config(
        "serving.app:create_app", factory=True, workers=settings.workers, log_level="warning", access_log=False,
        timeout_graceful_shutdown=10,
    )  # fmt: skip
    watcher.start()
    if settings.workers == 1:
        uvicorn.Server(config).run(sockets=[listener])
    else:
        from uvicorn.supervisors import Multiprocess

        Multiprocess(config, sockets=[listener]).run()


def _when_ready(host: str, port: int, url: str, ready_file: str, announce: Callable[[str], None]) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline:
        try:
            connection = http.client.HTTPConnection(host, port, timeout=5)
            connection.request("GET", "/healthz")
            if connection.getresponse().status == 200:
                break
        except OSError:
            time.sleep(0.1)
    announce(url)
    if ready_file:
        part = Path(f"{ready_file}.part")
        part.write_text(url + "\n")
        os.replace(part, ready_file)
