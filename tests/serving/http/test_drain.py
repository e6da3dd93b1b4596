"""The ends of workers: at SIGTERM and SIGHUP every request that a client has begun is answered; a fault leaves a trace."""

from __future__ import annotations

import fcntl
import http.client
import os
import resource
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

import pytest

from serving.http.listener import knocked
from tests.waiting import eventually

SECONDS = 60
CLIENTS = 8
SERVER = """
import socket, sys
from serving.http.connection import ServerConfig
from serving.http.draining import DrainingServer
from serving.http.workers import Workers
from serving.room_settings import HttpSettings

if __name__ == "__main__":
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    workers = int(sys.argv[1])
    config = ServerConfig("tests.serving.http.plain_app:app", HttpSettings(), workers=workers, log_level="error", access_log=False)
    print(listener.getsockname()[1], flush=True)
    if workers == 1:
        DrainingServer(config).run(sockets=[listener])
    else:
        Workers(config, sockets=[listener]).run()
"""


class Client(threading.Thread):
    """Asks again and again, on one connection while the server keeps it. answered: how often; broken: what a request that was begun met
    in place of an answer."""

    def __init__(self, port: int, fresh: bool) -> None:
        super().__init__()
        self.port, self.fresh, self.answered, self.broken = port, fresh, 0, ""
        self.often = threading.Event()

    def run(self) -> None:
        while True:
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=SECONDS)
            try:
                connection.connect()
            except ConnectionRefusedError:
                return  # the server takes no one any more, and says so
            try:
                self._ask(connection)
            except (OSError, http.client.HTTPException) as error:
                self.broken = f"{type(error).__name__} after {self.answered} answers"
                return
            finally:
                connection.close()

    def _ask(self, connection: http.client.HTTPConnection) -> None:
        while connection.sock is not None:
            connection.request("GET", "/")
            assert connection.getresponse().read() == b"ok"
            self.answered += 1
            if self.answered == 20:
                self.often.set()
            if self.fresh:
                return


@contextmanager
def server(workers: int, errors: IO[str] | None = None) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """A server of plain_app.py in processes of its own, and its port. errors: where its log goes."""
    process = subprocess.Popen([sys.executable, "-c", SERVER, str(workers)], stdout=subprocess.PIPE, stderr=errors, text=True)
    assert process.stdout is not None
    try:
        yield process, int(process.stdout.readline())
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def listening(port: int, process: subprocess.Popen[str]) -> None:
    """Waits until the server's first worker listens."""
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), SECONDS).close()
            return
        except ConnectionRefusedError:
            assert process.poll() is None


def children(pid: int) -> set[int]:
    """The worker processes of a supervisor."""
    told = [int(child) for task in Path(f"/proc/{pid}/task").iterdir() for child in (task / "children").read_text().split()]
    found = set[int]()
    for child in told:
        with suppress(OSError):  # it may end while we look
            if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes():
                found.add(child)
    return found


def test_workers_are_replaced_one_by_one_and_no_client_is_cut_off() -> None:
    """SIGHUP: for a new configuration of the environment of a worker, or its memory."""
    with server(2) as (process, port):
        listening(port, process)
        before = children(process.pid)
        clients = [Client(port, fresh=True) for _ in range(2)]
        for client in clients:
            client.start()
        process.send_signal(signal.SIGHUP)
        while children(process.pid) & before or len(children(process.pid)) != 2:
            assert process.poll() is None
            for client in clients:
                assert not client.broken
        process.send_signal(signal.SIGTERM)
        for client in clients:
            client.join(SECONDS)
        assert [client.broken for client in clients if client.broken] == []
        assert process.wait(SECONDS) in (0, -signal.SIGTERM)


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("fresh", [False, True], ids=["kept", "fresh"])
def test_no_client_is_cut_off_when_the_server_is_told_to_stop(workers: int, fresh: bool) -> None:
    with server(workers) as (process, port):
        listening(port, process)
        clients = [Client(port, fresh) for _ in range(CLIENTS)]
        for client in clients:
            client.start()
        for client in clients:
            assert client.often.wait(SECONDS)
        process.send_signal(signal.SIGTERM)
        for client in clients:
            client.join(SECONDS)
        assert [client.broken for client in clients if client.broken] == []
        assert not any(client.is_alive() for client in clients)
        assert process.wait(SECONDS) in (0, -signal.SIGTERM)


def test_a_worker_that_a_fault_ends_leaves_a_trace_and_is_replaced(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with log.open("w") as errors, server(2, errors) as (process, port):
        listening(port, process)
        before = children(process.pid)
        for worker in before:  # one of them may not have come so far that it can leave a trace
            os.kill(worker, signal.SIGSEGV)
        eventually(lambda: all(f"worker {worker} has ended with -11; starting another" in log.read_text() for worker in before))
        eventually(lambda: len(children(process.pid) - before) == 2)
        listening(port, process)
        process.send_signal(signal.SIGTERM)  # a supervisor that is killed leaves its workers behind
        process.wait(SECONDS)
    assert "Fatal Python error: Segmentation fault" in log.read_text()


def test_it_is_seen_who_knocks_where_many_files_are_open() -> None:
    beyond = 1024
    """The first file number that `select.select` refuses."""
    least, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if most != resource.RLIM_INFINITY and most < 2 * beyond:
        pytest.skip(f"a process may open {most} files here, {2 * beyond} are needed")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(least, 2 * beyond), most))
    try:
        with socket.create_server(("127.0.0.1", 0)) as low, socket.socket(fileno=fcntl.fcntl(low, fcntl.F_DUPFD, beyond)) as listener:
            assert listener.fileno() >= beyond and not knocked([listener]) and not knocked([])
            with socket.create_connection(listener.getsockname(), SECONDS):
                while not knocked([listener]):
                    pass
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (least, most))
