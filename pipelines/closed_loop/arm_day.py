"""What is known of one closed-loop day: figures that a report shows, kept as a file once the day is done."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import numpy as np

from feature_repo.home import Home
from feature_repo.whole_file import write_whole
from pipelines.closed_loop.served_day import Happened
from pipelines.evaluate.regret import BY_LOT, WON, DayWorth
from pipelines.statistics.bootstrap import ends, rows_drawn
from serving.eventlog.log import Event


@dataclass(frozen=True)
class ArmDay:
    """A day that was served.

    visits: requests that were answered, bots' among them. events: reported and counted, by kind; uncounted: by reason; answered_by: pages
    by rung, or by the reason for none. calibration: predicted over true clicks of the ads that won their places; by_lot: of those that were
    drawn. value_micros, best_micros: expected auction value of what was shown to people, and of the oracle's pages; regret_share: the share
    of the latter that was not had, low and high its 95 % interval over resampled visits. explored_share: of the pages. champion, promoted,
    refused: see learned_day.LearnedDay.
    """

    day: str
    visits: int
    shown: int
    events: dict[str, int]
    uncounted: dict[str, int]
    answered_by: dict[str, int]
    spend_micros: int
    calibration: float | None
    calibration_by_lot: float | None
    value_micros: float
    best_micros: float
    regret_share: float | None
    regret_low: float | None
    regret_high: float | None
    regret_by_surface: dict[str, float | None]
    explored_share: float
    champion: dict[str, str]
    promoted: tuple[str, ...]
    refused: dict[str, str]
    seconds: dict[str, float]


def regret_interval(worth: DayWorth, seed: int) -> tuple[float | None, float | None]:
    """The 95 % interval of a day's regret share, over resampled visits."""
    value, best = np.array(worth.value), np.array(worth.best)
    if not best.sum():
        return None, None
    low, high = ends([1 - value[i].sum() / max(best[i].sum(), 1e-9) for i in rows_drawn(len(best), seed)])
    return float(low), float(high)


@dataclass(frozen=True)
class ServedPart:
    """What serving a day left: kept before anything is learned from it, so that it is never served twice."""

    figures: dict[str, Any]
    waiting: list[Event]

    @classmethod
    def of(cls, day: date, happened: Happened, worth: DayWorth, seconds: float, seed: int) -> ServedPart:
        low, high = regret_interval(worth, seed)
        return cls(
            {
                "day": day.isoformat(), "visits": worth.pages, "shown": happened.shown, "events": happened.events,
                "uncounted": happened.late, "answered_by": happened.rungs, "spend_micros": happened.spend_micros,
                "calibration": worth.calibration(WON), "calibration_by_lot": worth.calibration(BY_LOT),
                "value_micros": float(np.sum(worth.value)),
                "best_micros": float(np.sum(worth.best)), "regret_share": worth.regret_share(), "regret_low": low, "regret_high": high,
                "regret_by_surface": {name: worth.regret_share(name) for name in sorted(set(worth.surface))},
                "explored_share": worth.explored / max(worth.pages, 1), "seconds": {"serve": seconds},
            },
            happened.waiting,
        )  # fmt: skip


def folder(home: Home) -> Path:
    """Where an arm keeps which days are done."""
    return home.root / "loop"


def write_served(home: Home, day: date, part: ServedPart) -> None:
    waiting = [{**asdict(event), "ts": event.ts.isoformat()} for event in part.waiting]
    write_whole(folder(home) / f"served-{day}.json", json.dumps({"figures": part.figures, "waiting": waiting}) + "\n")


def read_served(home: Home, day: date) -> ServedPart | None:
    """None for a day that has not been served whole."""
    path = folder(home) / f"served-{day}.json"
    if not path.exists():
        return None
    found = json.loads(path.read_text())
    return ServedPart(found["figures"], [Event(**{**e, "ts": datetime.fromisoformat(e["ts"])}) for e in found["waiting"]])


def write_day(home: Home, done: ArmDay) -> None:
    write_whole(folder(home) / f"day-{done.day}.json", json.dumps(asdict(done)) + "\n")


def read_days(home: Home) -> Sequence[ArmDay]:
    """The days that are done, in order."""
    found = (json.loads(path.read_text()) for path in sorted(folder(home).glob("day-*.json")))
    return [ArmDay(**{**one, "promoted": tuple(one["promoted"])}) for one in found]
