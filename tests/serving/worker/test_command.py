"""The command itself, over real sockets: what it refuses to bind, and bodies that are too large."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from feature_repo.home import Home


def serve(placard: Path, home: Home, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "PLACARD_HOME": str(home.root), **environment}
    return subprocess.run([placard, "serve", *words], env=env, capture_output=True, text=True, timeout=300, check=False)


def test_an_open_bind_is_refused_in_words(placard: Path, home: Home) -> None:
    done = serve(placard, home, "--host", "0.0.0.0", "--port", "0", PLACARD_TOKEN="")
    assert done.returncode != 0
    assert "PLACARD_TOKEN" in done.stderr + done.stdout and "Traceback" not in done.stderr


def test_an_address_that_is_taken_is_named(placard: Path, home: Home) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = serve(placard, home, "--port", str(port), PLACARD_CONSENT_WHEN_ABSENT="refused")
    assert done.returncode != 0
    assert str(port) in done.stderr + done.stdout and "Traceback" not in done.stderr


def test_it_does_not_start_before_somebody_says_what_a_request_without_consent_means(placard: Path, home: Home) -> None:
    done = serve(placard, home, "--port", "0", PLACARD_CONSENT_WHEN_ABSENT="")
    assert done.returncode != 0
    done = serve(placard, home, "--port", "0")
    told = " ".join(done.stderr.split())
    assert done.returncode == 2 and "PLACARD_CONSENT_WHEN_ABSENT" in told and "refused" in told and "given" in told
    assert "Traceback" not in told and not home.root.exists(), "nothing was begun"


def test_over_real_sockets(published_home: Home, running: Callable[..., Any], usual: dict[str, Any]) -> None:
    server = running(published_home, 1)
    status, content = server.call("POST", "/v1/ads", usual)
    assert status == 200 and b'"rung":"full"' in content
    assert server.call("POST", "/v1/ads", {**usual, "user_id": "u" * 300_000})[0] == 413
    with socket.create_connection(("127.0.0.1", server.port)) as raw:
        raw.sendall(b"POST /v1/ads HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\ncontent-type: application/json\r\n\r\n")
        raw.sendall((b"10000\r\n" + b" " * 0x10000 + b"\r\n") * 5)
        assert raw.recv(12) == b"HTTP/1.1 413"
    assert server.call("POST", "/v1/ads", usual)[0] == 200


def test_told_to_stop_it_answers_who_has_asked(published_home: Home, running: Callable[..., Any], usual: dict[str, Any]) -> None:
    server = running(published_home, 1)
    statuses, broken, often = set[int](), list[str](), threading.Event()

    def ask() -> None:
        while True:
            try:
                statuses.add(server.call("POST", "/v1/ads", usual)[0])
            except ConnectionRefusedError:
                return  # it takes no one any more, and says so
            except (OSError, http.client.HTTPException) as error:
                broken.append(repr(error))
                return
            often.set()

    hands = [threading.Thread(target=ask) for _ in range(3)]
    for hand in hands:
        hand.start()
    assert often.wait(120)
    server.process.terminate()
    for hand in hands:
        hand.join(120)
    assert server.process.wait(120) in (0, -signal.SIGTERM)
    assert broken == [] and statuses <= {200, 503}
