"""One machine of a plan through a scenario."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import Final

import numpy as np
import simpy
from numpy.typing import NDArray

from pipelines.planning.simulation.scenarios import Scenario
from pipelines.planning.simulation.service_times import ServiceTimes
from pipelines.planning.simulation.worker_model import Job, WorkerModel
from serving.http.admission_rule import for_decisions

STEP: Final = 0.05
"""Seconds over which the rate of arrivals counts as constant."""


@dataclass(frozen=True)
class Machine:
    """workers: processes, each with a core. rate: requests a second at the planned peak. at_once, waiting: of a process, as the settings
    `decisions_at_once` and `decisions_waiting` say. deadline: seconds."""

    workers: int
    rate: float
    times: ServiceTimes
    at_once: int
    waiting: int
    deadline: float


@dataclass(frozen=True)
class Answers:
    """What came of every request, in order of arrival. came: seconds. took: seconds to the answer. ads: answered within the deadline, with
    ads; the others were refused, or were too late."""

    came: NDArray[np.float64]
    took: NDArray[np.float64]
    ads: NDArray[np.bool_]


def arrivals(scenario: Scenario, rate: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """Moments of a Poisson process whose rate follows the scenario, seconds, ascending."""
    starts = np.arange(0, scenario.lasts, STEP)
    counts = rng.poisson([rate * scenario.load(at) * STEP for at in starts])
    return np.sort(np.repeat(starts, counts) + rng.random(int(counts.sum())) * STEP)


def simulate(machine: Machine, scenario: Scenario, seed: int) -> Answers:
    """Every request of the scenario, each taken by a process at random, as a shared listening socket spreads them."""
    rng = np.random.default_rng(seed)
    came = arrivals(scenario, machine.rate, rng)
    work, takes = machine.times.drawn(len(came), rng), rng.integers(machine.workers, size=len(came))
    unlucky, rested = rng.random(len(came)), machine.times.rested_ms / 1000
    jobs = []
    for at, seconds, chance in zip(came.tolist(), work.tolist(), unlucky.tolist(), strict=True):
        share, wait = scenario.waiting(at)
        jobs.append(Job(at, seconds + scenario.added_work(at), wait if chance < share else 0.0, rested))
    env, refusal = simpy.Environment(), machine.times.refusal_ms / 1000
    models = [
        WorkerModel(env, for_decisions(machine.at_once, machine.waiting, machine.deadline), machine.deadline, refusal)
        for _ in range(machine.workers)
    ]

    def clients() -> Generator[simpy.Event, None, None]:
        for job, taken in zip(jobs, takes.tolist(), strict=True):
            if job.came > env.now:
                yield env.timeout(job.came - env.now)
            models[taken].arrive(job)

    env.process(clients())
    env.run()
    took = np.array([job.ended - job.came for job in jobs])
    return Answers(came, took, np.array([job.outcome == "ads" for job in jobs], bool) & (took <= machine.deadline))
