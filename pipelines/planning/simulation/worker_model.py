"""A serving process as the simulation sees it: some requests at once share one core, some wait, the others are refused."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Any, Final

import simpy

from serving.http.admission_rule import AdmissionRule

REST: Final = 0.005
"""Seconds without work after which a process has rested: what it needs has left the nearest caches of its core."""
LEAST: Final = 1e-9
"""Seconds of work that count as none, since shares of time are rounded."""


@dataclass
class Job:
    """One request. came: when. work: seconds of the core that it needs. wait: seconds for a store, in which it holds its turn and no core.
    rested: seconds more that it needs where the process has rested. began: when its turn came. ended: when it was answered. outcome: ads,
    late (no ad, its deadline had passed before its turn) or refused."""

    came: float
    work: float
    wait: float = 0.0
    rested: float = 0.0
    began: float = 0.0
    ended: float = 0.0
    outcome: str = ""


class WorkerModel:
    """Processor sharing with the queue of serving: of those whose turn it is, each has the same share of the core."""

    def __init__(self, env: simpy.Environment, rule: AdmissionRule, deadline: float, refusal: float) -> None:
        """rule: how many are worked on at once, and who finds a place. deadline: seconds from arrival. refusal: seconds of the core that
        refusing costs."""
        self._env, self._rule, self._deadline, self._refusal = env, rule, deadline, refusal
        self._at_once = rule.at_once
        self._queue: deque[Job] = deque()
        self._away = 0
        """Jobs that hold a turn and wait for a store."""
        self._active: list[Job] = []
        self._refusals: list[Job] = []
        """Jobs that are being refused: this takes the core as well, and no turn."""
        self._since = 0.0
        self._round = 0
        """Number of the latest plan of when the next job ends; older ones are void."""

    def arrive(self, job: Job) -> None:
        inside = self._away + len(self._active) + len(self._queue)
        if self._rule.full(inside):
            self._advance()
            job.work, job.outcome = self._refusal, "refused"
            self._refusals.append(job)
            self._plan()
        elif inside < self._at_once:
            if not self._sharing and self._env.now - self._since >= REST:
                job.work += job.rested
            self._begin(job)
        else:
            self._queue.append(job)

    def _begin(self, job: Job) -> None:
        job.began = self._env.now
        if self._env.now - job.came >= self._deadline:  # answered without a look
            job.work, job.wait, job.outcome = self._refusal, 0.0, "late"
        if job.wait > 0:
            self._away += 1
            self._after(job.wait, lambda: self._back(job))
        else:
            self._work_on(job)

    def _back(self, job: Job) -> None:
        self._away -= 1
        self._work_on(job)

    def _work_on(self, job: Job) -> None:
        self._advance()
        self._active.append(job)
        self._plan()

    @property
    def _sharing(self) -> list[Job]:
        return self._active + self._refusals

    def _advance(self) -> None:
        """Takes what was worked since the last change off every job."""
        sharing, now = self._sharing, self._env.now
        for job in sharing:
            job.work -= (now - self._since) / len(sharing)
        self._since = now

    def _plan(self) -> None:
        self._round += 1
        sharing, number = self._sharing, self._round
        if sharing:
            self._after(max(min(job.work for job in sharing), 0.0) * len(sharing), lambda: self._due(number))

    def _due(self, number: int) -> None:
        if number != self._round:
            return
        self._advance()
        for job in [j for j in self._sharing if j.work <= LEAST]:
            job.ended, job.outcome = self._env.now, job.outcome or "ads"
            if job in self._refusals:
                self._refusals.remove(job)
            else:
                self._active.remove(job)
                self._rule.learn(job.ended - job.began)
        while self._queue and self._away + len(self._active) < self._at_once:
            self._begin(self._queue.popleft())
        self._plan()

    def _after(self, seconds: float, call: Any) -> None:
        self._env.timeout(seconds).callbacks.append(lambda _: call())
