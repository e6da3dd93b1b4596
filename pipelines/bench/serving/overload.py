"""`bench overload`: what a worker still answers in time when it is asked for several times what it can do, and how soon it recovers."""

from __future__ import annotations

import asyncio
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec
import numpy as np

from feature_repo.home import Home
from pipelines.bench.serving.synthetic import catalogue, ranker
from pipelines.operations.api_server import server
from pipelines.operations.verb import Progress
from pipelines.reporting.figure import Figure, report
from serving.bundles.aliases import write_aliases
from serving.http.access import secret
from serving.settings import load

TIMES: Final = 8
"""How many times the rated load is asked for."""
TMAX_MS: Final = 100
CLIENTS: Final = (1, 2, 4)
"""Connections of the closed loops that find the rate: each asks when it was answered. The best of them is the rate."""
OPEN_MOST: Final = 400
"""Most connections of the open loop; a request that finds none free is not sent and counts as not answered."""
CALM: Final = 10
"""Answers in a row, each as fast as before the load, that say that a worker has recovered."""
GOODPUT: Final = 0.8
RECOVERY_SECONDS: Final = 5.0
PATIENCE_SECONDS: Final = 60.0
"""After which a worker that has not recovered is taken not to."""


@dataclass(frozen=True)
class Reply:
    """What came of a request: seconds from when it was due, the status (0: no answer), and whether there were ads in it."""

    seconds: float
    status: int
    ads: bool

    @property
    def good(self) -> bool:
        return self.ads and self.seconds * 1000 <= TMAX_MS


class Askers:
    """Keep-alive connections to a server, as many as are needed up to a bound."""

    def __init__(self, url: str, token: str) -> None:
        to = urlsplit(url)
        self._host, self._port = to.hostname or "", to.port or 0
        asked = {"surface": "proactive", "user_id": "u1", "device": "mobile", "region": "regions0", "language": "languages2"}
        body = msgspec.json.encode({**asked, "tmax_ms": TMAX_MS, "consent": True})
        authorization = f"Authorization: Bearer {token}\r\n" if token else ""
        head = f"POST /v1/ads HTTP/1.1\r\nHost: {to.netloc}\r\n{authorization}Content-Type: application/json\r\n"
        self._request = f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body
        self._free: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []
        self._open = 0

    async def ask(self, due: float) -> Reply:
        """One request, due at a moment of time.perf_counter."""
        if not self._free and self._open >= OPEN_MOST:
            return Reply(time.perf_counter() - due, 0, False)
        try:
            reader, writer = self._free.pop() if self._free else await self._connected()
            writer.write(self._request)
            head = await reader.readuntil(b"\r\n\r\n")
            fields = dict(line.split(b": ", 1) for line in head.lower().split(b"\r\n")[1:] if b": " in line)
            body = await reader.readexactly(int(fields[b"content-length"]))
        except (OSError, asyncio.IncompleteReadError):
            self._open -= 1
            return Reply(time.perf_counter() - due, 0, False)
        took = time.perf_counter() - due
        if fields.get(b"connection") == b"close":
            writer.close()
            self._open -= 1
        else:
            self._free.append((reader, writer))
        return Reply(took, int(head[9:12]), b'"creative_id"' in body)

    async def _connected(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        self._open += 1
        return await asyncio.open_connection(self._host, self._port)

    def close(self) -> None:
        for _, writer in self._free:
            writer.close()


async def closed_loop(connections: Askers, clients: int, seconds: float) -> list[Reply]:
    """What came of asking again whenever an answer has come."""
    until = time.perf_counter() + seconds

    async def one() -> list[Reply]:
        found = []
        while (now := time.perf_counter()) < until:
            found.append(await connections.ask(now))
        return found

    return [answer for found in await asyncio.gather(*(one() for _ in range(clients))) for answer in found]


async def open_loop(connections: Askers, rate: float, seconds: float) -> list[Reply]:
    """What came of asking at a rate, requests a second, whatever the answers do."""
    began, tasks = time.perf_counter(), []
    for n in range(int(rate * seconds)):
        due = began + n / rate
        if (wait := due - time.perf_counter()) > 0:
            await asyncio.sleep(wait)
        tasks.append(asyncio.create_task(connections.ask(due)))
    return list(await asyncio.gather(*tasks))


async def recovery(connections: Askers, usual: float) -> float | None:
    """Seconds until CALM answers in a row have ads and take no longer than usual, seconds; None where that does not come."""
    began, row = time.perf_counter(), 0
    since = began
    while (now := time.perf_counter()) - began < PATIENCE_SECONDS:
        answer = await connections.ask(now)
        if answer.ads and answer.seconds <= usual:
            row += 1
            if row == CALM:
                return since - began
        else:
            row, since = 0, time.perf_counter()
            await asyncio.sleep(0.01)
    return None


@dataclass(frozen=True)
class Loads:
    """What came of one client alone, and of the overload. rate: requests a second that were answered in time when no more were asked for.
    recovered: seconds until the worker had recovered; None: it did not. alive: whether it answered at the end."""

    alone: list[Reply]
    rate: float
    loaded: list[Reply]
    recovered: float | None
    alive: bool


async def measure(url: str, token: str, seconds: float, say: Progress) -> Loads:
    """One client alone, the rated load, and the overload, each for so many seconds."""
    connections = Askers(url, token)
    await closed_loop(connections, max(CLIENTS), 1.0)
    loops = [await closed_loop(connections, clients, seconds / 2) for clients in CLIENTS]
    alone, rate = loops[0], max(sum(a.good for a in found) / (seconds / 2) for found in loops)
    say(f"rated: {rate:.0f} requests a second; now {TIMES} times as many for {seconds:.0f} s")
    loaded = await open_loop(connections, TIMES * max(rate, 1.0), seconds)
    usual = 1.5 * float(np.quantile([a.seconds for a in alone], 0.99))
    after = await recovery(connections, usual)
    alive = (await connections.ask(time.perf_counter())).status == 200
    connections.close()
    return Loads(alone, rate, loaded, after, alive)


@contextmanager
def pinned_server(ads: int) -> Iterator[str]:
    """The address of one worker over a synthetic catalogue of so many ads. It has a core of its own, and who asks has another."""
    cores = sorted(os.sched_getaffinity(0))
    with tempfile.TemporaryDirectory() as place, ExitStack() as running:
        home = Home(Path(place))
        catalogue(home.snapshots, ads)
        ranker(home.bundles / "click" / "1")
        write_aliases(home.bundles, {"click": {"champion": "1"}})
        running.callback(os.sched_setaffinity, 0, cores)
        os.sched_setaffinity(0, cores[-1:])  # the server inherits its core
        url = running.enter_context(server(home, keep=False))
        os.sched_setaffinity(0, cores[:1])
        yield url


def run(ads: int, seconds: float, say: Progress = lambda line: None) -> dict[str, Any]:
    """Every figure of `bench overload`: one worker over a synthetic catalogue of so many ads; each kind of load lasts so many seconds."""
    with pinned_server(ads) as url:
        found = asyncio.run(measure(url, secret(load()), seconds, say))
    loaded, after = found.loaded, found.recovered
    rate, goodput = found.rate, sum(a.good for a in loaded) / seconds
    share = goodput / rate if rate else 0.0
    at = {status: sum(a.status == status for a in loaded) / len(loaded) for status in (200, 503, 0)}
    figures = [
        Figure("alone_p50_ms", float(np.median([a.seconds for a in found.alone])) * 1000, "ms"),
        Figure("rated_per_s", rate, "1/s"),
        Figure("asked_per_s", len(loaded) / seconds, "1/s"),
        Figure("goodput_per_s", goodput, "1/s"),
        Figure("goodput_over_rated", share, "ratio", f"≥ {GOODPUT}", share >= GOODPUT),
        Figure("recovery_s", after, "s", f"≤ {RECOVERY_SECONDS:g}", after is not None and after <= RECOVERY_SECONDS),
        Figure("crashes", float(not found.alive), "count", "0", found.alive),
        Figure("answered_200", at[200], "share"),
        Figure("turned_away_503", at[503], "share"),
        Figure("no_answer", at[0], "share"),
        Figure("failed", 1 - sum(at.values()), "share", "0", sum(a.status not in at for a in loaded) == 0),
    ]
    return report("bench overload", {"ads": ads, "seconds": seconds, "times": TIMES, "tmax_ms": TMAX_MS, "cores": os.cpu_count()}, figures)
