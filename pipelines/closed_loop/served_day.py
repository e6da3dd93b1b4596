"""One day of a simulated market, served by the real worker in this process: its visits in order of time, and what people did then."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Final

from feature_repo.days import end_of
from pipelines.errors import PipelineError
from pipelines.evaluate.regret import DayWorth, Valuer
from pipelines.evaluate.remembered import Remembered
from pipelines.simulator.audience import Audience, Visit
from pipelines.simulator.inventory import SLOTS
from serving.engine.stages import Profiles
from serving.eventlog.log import Event
from serving.record.request import AdRequest
from serving.settings import Settings
from serving.understanding.lazy_profiles import LazyProfiles
from serving.worker.worker import Course, Worker

PATIENT_MS: Final = 600_000
"""Deadline of every request: how fast this machine is must not change what is shown."""
MOMENT: Final = timedelta(microseconds=1)
SAY_EVERY: Final = 250


@dataclass
class Happened:
    """events: by kind, those that were reported and counted. late: by reason, those that did not count. spend_micros: charged.
    waiting: what comes after the day."""

    shown: int = 0
    events: dict[str, int] = field(default_factory=dict)
    late: dict[str, int] = field(default_factory=dict)
    spend_micros: int = 0
    rungs: dict[str, int] = field(default_factory=dict)
    waiting: list[Event] = field(default_factory=list)


class _Clock:
    """The simulated present."""

    def __init__(self, start: datetime) -> None:
        self.moment = start

    def now(self) -> datetime:
        return self.moment


def serve_day(
    settings: Settings, day: date, waiting: Sequence[Event], say: Callable[[str], None] = lambda word: None
) -> tuple[Happened, DayWorth]:
    """Serves and records a day's visits. waiting: events of earlier days that had not happened yet. Raises PipelineError where a request
    could not be answered for a fault of the platform."""
    clock = _Clock(end_of(day - timedelta(days=1)))
    profiles = Remembered(LazyProfiles(settings))
    worker = Worker(settings, profiles, course=Course(clock.now, lambda request: request.request_id))
    try:
        worker.reloader.refresh()
        return _Serving(settings, day, worker, profiles, clock, waiting).run(say)
    finally:
        worker.stop()


class _Serving:
    def __init__(self, settings: Settings, day: date, worker: Worker, profiles: Profiles, clock: _Clock, waiting: Sequence[Event]) -> None:
        self._worker, self._clock, self._end, self._home = worker, clock, end_of(day), settings.home
        self._audience = Audience(settings.home, day)
        self._valuer = Valuer(settings, day, self._audience.before, profiles, worker.ledger)
        self._due = [(event.ts, event.event_id, event) for event in waiting]
        heapq.heapify(self._due)
        self._happened = Happened()

    def run(self, say: Callable[[str], None]) -> tuple[Happened, DayWorth]:
        visits = self._audience.visits(self._worker.engine.surfaces)
        for n, visit in enumerate(visits):
            self._report(visit.ts)
            self._serve(visit)
            if n % SAY_EVERY == 0:
                say(f"{n:,} of {len(visits):,} visits, {self._happened.shown:,} ads shown, {self._happened.events.get('click', 0)} clicks")
        self._report(self._end - MOMENT)
        self._audience.write_truth(self._home)
        self._happened.waiting = [event for _, _, event in sorted(self._due)]
        return self._happened, self._valuer.worth

    def _serve(self, visit: Visit) -> None:
        request = AdRequest(
            visit.visit_id, visit.surface, visit.user_id, visit.ts, f"{visit.surface}-main", visit.device, visit.os, visit.region,
            visit.language, visit.query, SLOTS[visit.surface], PATIENT_MS,
        )  # fmt: skip
        self._valuer.foresee(request, self._worker.reloader.live)
        self._worker.decide(request)
        decision = self._worker.eventlog.decision(visit.visit_id)
        if decision is None:
            raise PipelineError("visit", visit.visit_id, "It has no decision on record; the log says why.")
        rung = decision.rung if decision.shown else decision.no_ad_reason
        self._happened.rungs[rung] = self._happened.rungs.get(rung, 0) + 1
        self._happened.shown += len(decision.shown)
        self._valuer.weigh(decision)
        for n, reaction in enumerate(self._audience.react(visit.visit_id, [(ad.creative_id, ad.position) for ad in decision.shown])):
            event = Event(f"{visit.visit_id}-{n}", visit.visit_id, reaction.creative_id, reaction.kind, reaction.ts, reaction.value_micros)
            heapq.heappush(self._due, (event.ts, event.event_id, event))

    def _report(self, until: datetime) -> None:
        """Reports what happened up to a moment, as a site would."""
        self._clock.moment, told = until, list[Event]()
        while self._due and self._due[0][0] <= until:
            told.append(heapq.heappop(self._due)[2])
        if not told:
            return
        bill = self._worker.bill(told)
        self._happened.spend_micros += bill.charged_micros
        for event in told:
            if why := bill.late.get(event.event_id, "unknown" if event.event_id in bill.unknown else ""):
                self._happened.late[why] = self._happened.late.get(why, 0) + 1
            else:
                self._happened.events[event.kind] = self._happened.events.get(event.kind, 0) + 1
