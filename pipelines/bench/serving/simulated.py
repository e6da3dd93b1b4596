"""The simulation of a serving process beside a real one: latencies at three loads, from the service times that the process showed alone."""

from __future__ import annotations

import asyncio
import time
from typing import Final

import numpy as np

from pipelines.bench.serving.overload import TMAX_MS, Askers, Reply, closed_loop, pinned_server
from pipelines.operations.verb import Progress
from pipelines.planning.simulation.machine import Machine, simulate
from pipelines.planning.simulation.scenarios import Scenario
from pipelines.planning.simulation.service_times import ServiceTimes
from pipelines.reporting.figure import Figure
from serving.http.access import secret
from serving.settings import load

LOADS: Final = (0.3, 0.6, 0.9)
ADS: Final = 100_000
WARM_SECONDS: Final = 5.0
SECONDS: Final = 20.0
RESTS: Final = 0.03
"""Seconds between one answer and the next question, where a process shall have rested."""
NEAR: Final = 0.15
"""How far the simulated p50 and p99 may lie from the real ones."""
SEED: Final = 11


async def asked_at(connections: Askers, moments: list[float]) -> list[Reply]:
    """Asks at these moments, seconds from now, whatever the answers do."""
    began, tasks = time.perf_counter(), []
    for moment in moments:
        due = began + moment
        if (wait := due - time.perf_counter()) > 0:
            await asyncio.sleep(wait)
        tasks.append(asyncio.create_task(connections.ask(due)))
    return list(await asyncio.gather(*tasks))


async def with_rests(connections: Askers, seconds: float) -> list[Reply]:
    """What came of asking one at a time, each after a rest."""
    until, found = time.perf_counter() + seconds, []
    while time.perf_counter() < until:
        await asyncio.sleep(RESTS)
        found.append(await connections.ask(time.perf_counter()))
    return found


async def _measured(url: str, token: str, say: Progress) -> tuple[ServiceTimes, float, dict[float, list[Reply]]]:
    connections = Askers(url, token)
    try:
        say("One client, for the service times")
        await closed_loop(connections, 1, WARM_SECONDS)
        alone = await closed_loop(connections, 1, SECONDS)
        rested = await with_rests(connections, SECONDS)
        times = ServiceTimes.of([reply.seconds for reply in alone if reply.good], [reply.seconds for reply in rested if reply.good])
        rated = 1000 / times.mean_ms
        seen = {}
        rng = np.random.default_rng(SEED)
        for load_ in LOADS:
            say(f"{load_:.0%} of {rated:.0f} requests a second")
            gaps = rng.exponential(1 / (rated * load_), int(rated * load_ * SECONDS))
            seen[load_] = await asked_at(connections, np.cumsum(gaps).tolist())
        return times, rated, seen
    finally:
        connections.close()


def compare(say: Progress) -> tuple[ServiceTimes, list[Figure]]:
    """Service times of a real process on this machine, and how far the simulation of it is from it."""
    settings = load()
    with pinned_server(ADS) as url:
        times, rated, seen = asyncio.run(_measured(url, secret(settings), say))
    figures = [
        Figure("real_service_ms", times.mean_ms, "ms"),
        Figure("real_longer_after_a_rest_ms", times.rested_ms, "ms"),
        Figure("real_rate_per_s", rated, "1/s"),
    ]
    for load_, replies in seen.items():
        deadline = TMAX_MS / 1000
        model = Machine(1, rated * load_, times, settings.http.decisions_at_once, settings.http.decisions_waiting, deadline)
        steady = simulate(model, Scenario("steady", "", 20 * SECONDS, 20 * SECONDS, 20 * SECONDS), SEED)
        real = np.array([reply.seconds for reply in replies if reply.good]) * 1000
        own = steady.took[steady.ads] * 1000
        for name, q in (("p50", 0.5), ("p99", 0.99)):
            ratio = float(np.quantile(own, q) / np.quantile(real, q))
            tag = f"{name}_at_{load_ * 100:.0f}"
            figures.append(Figure(f"real_{tag}_ms", float(np.quantile(real, q)), "ms"))
            figures.append(Figure(f"simulated_over_real_{tag}", ratio, "ratio", "0.85 to 1.15", abs(ratio - 1) <= NEAR))
    return times, figures
