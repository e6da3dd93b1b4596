"""Champions, and what was served and came of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from feature_repo.home import Home
from pipelines.monitor.guard import Guard, Look
from pipelines.registry import journal
from pipelines.registry.journal import Change
from serving.bundles import aliases
from serving.eventlog.log import EventLog
from serving.eventlog.memory import MemoryEventLog
from serving.settings import Settings

Make = Callable[..., Any]


@pytest.fixture
def turn() -> datetime:
    """When version 1 took over from version 0."""
    return datetime(2026, 3, 9, 12, tzinfo=UTC)


@pytest.fixture
def eventlog() -> EventLog:
    """In memory: the others pass the same contract, and write thousands of records slowly because they write them safely."""
    return MemoryEventLog()


@pytest.fixture
def settings(home: Home, turn: datetime) -> Settings:
    aliases.write_aliases(home.bundles, {"click": {"champion": "1"}, "conversion": {"champion": "5"}})
    for head, version in (("click", "1"), ("conversion", "5")):
        journal.append(home.bundles, [Change(turn.isoformat(), head, "champion", version, "0", "promoted")])
    return Settings(home_path=home.root)


@pytest.fixture
def serve(eventlog: EventLog, decided: Make, ad: Make, happened: Make, turn: datetime) -> Callable[..., None]:
    """serve(n, promised, true, ...): n decisions, one every 0.5 s from `start`, each with an ad at the first position, all seen."""

    def run(n: int, promised: float, true: float, start: datetime | None = None, seed: int = 1, **changes: Any) -> None:
        start = start or turn
        rng = np.random.default_rng(seed)
        for i in range(n):
            at = start + timedelta(seconds=0.5 * i)
            key = f"{start:%d%H%M}-{seed}-{i}"
            eventlog.append_decision(replace(decided(key, at, [ad("a", promised, 1), ad("b", promised, 2)]), **changes))
            kinds = ["impression"] + ["click"] * (rng.random() < true)
            eventlog.append_events([happened(key, "a", kind, at) for kind in kinds], at + timedelta(seconds=1))

    return run


@pytest.fixture
def convert(eventlog: EventLog, decided: Make, ad: Make, happened: Make, turn: datetime) -> Callable[..., None]:
    """convert(n, promised, every, ...): n decisions, one a minute, with an ad that is clicked in every second of them; every so many
    clicks a conversion."""

    def run(n: int, promised: float, every: int, start: datetime | None = None, scored_by: str = "", **changes: Any) -> None:
        start = start or turn
        for i in range(n):
            at, key = start + timedelta(minutes=i), f"{start:%d%H%M}-{promised}-{i}"
            shown = replace(ad("a", 0.5, 2), pcvr=promised, scored_by=scored_by)
            eventlog.append_decision(replace(decided(key, at, [shown]), **{"conversion": "conversion@5", **changes}))
            kinds = ["impression", *(["click"] if i % 2 else []), *(["conversion"] if i % (2 * every) == 1 else [])]
            eventlog.append_events([happened(key, "a", kind, at) for kind in kinds], at)

    return run


@pytest.fixture
def looked(settings: Settings, eventlog: EventLog, turn: datetime) -> Callable[..., Look]:
    """A look at the click champion some seconds after it took over."""

    def run(seconds: float = 600, **changes: Any) -> Look:
        return Guard(settings, "click", **changes).now(eventlog, turn + timedelta(seconds=seconds))

    return run


@pytest.fixture
def converted(settings: Settings, eventlog: EventLog, turn: datetime) -> Callable[..., Look]:
    """A look at the conversion champion's matured days."""

    def run(days: int = 2) -> Look:
        return Guard(settings, "conversion").matured(eventlog, turn.date() + timedelta(days=days), 7)

    return run


@pytest.fixture
def left() -> Callable[[Look], set[str]]:
    """The measures whose bands were left."""
    return lambda look: {r.guardrail.measure for r in look.readings if not r.holds}
