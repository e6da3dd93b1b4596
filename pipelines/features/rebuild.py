"""Builds again, in order, the days that would come out otherwise now: those that came late and those that read what has changed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta

from pipelines.features.day_gate import require_inputs
from pipelines.features.days import due_days
from pipelines.features.history import build_day
from pipelines.features.publish import Published, publish
from serving.settings import Settings


@dataclass(frozen=True)
class Rebuilt:
    """days: that were due and are published anew, in order. set_aside: bad rows. published: None where no day was due."""

    days: tuple[date, ...]
    set_aside: int
    published: Published | None


def rebuild(settings: Settings, until: date, days: int, done: Callable[[str], None] = lambda what: None) -> Rebuilt:
    """Of the last `days` days up to `until`. Raises what the gates raise; then the days before are checked and nothing is published."""
    due, bad = due_days(settings, until - timedelta(days=days - 1), until), 0
    for day in due:
        require_inputs(settings, day)
        bad += build_day(settings.home, day, settings.threads, settings.features.embeddings, done, settings.features.least_rows_share)
    return Rebuilt(tuple(due), bad, publish(settings, due) if due else None)
