"""What the event log says of a champion: its promises and what came of them, its slow and its failing decisions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import numpy as np

from pipelines.served.outcomes import CAUSES, promise
from serving.bundles.calibrator import probability
from serving.errors import Busy, ConversionFailed, Late
from serving.eventlog.log import EventLog
from serving.record.decision import Decision, RankedAd
from serving.worker.worker import INTERNAL_ERROR

SCORING_SHARE: Final = 0.5
"""Of a request's deadline that scoring may take (the precision stage's share of it)."""
MACHINES: Final = tuple(f"_failed:{kind.__name__}" for kind in (Late, Busy))
"""Ends of what is named where a scorer was not asked, or not waited for: time was short, which a busy machine makes it."""
LATE: Final = 1.5
"""On a machine that is so many times as busy as before, or more, a scorer that was late is not to blame."""
OTHERS: Final = ""
"""Stands in place of a model's name for all models together."""
Offsets = Mapping[str, Sequence[float]]
"""By surface: log-odds of a click by position relative to the first."""
Happened = dict[tuple[str, str], dict[str, datetime]]
"""(decision, creative) → kind → when first."""


@dataclass(frozen=True)
class Counts:
    """predicted, observed, rows: of its ads whose label has settled. further_...: of those below the first position.
    explored slates are left out of clicks and shown, which compare with what served before. decisions: all that were scored or broke;
    failing among them; late: those that a scorer was late for. times: of each that it scored, the time of scoring over what it may take.
    rest_ms: median time of all stages but scoring, which tells how busy the machine was.
    """

    predicted: float = 0.0
    observed: int = 0
    rows: int = 0
    further_predicted: float = 0.0
    further_observed: int = 0
    further_rows: int = 0
    clicks: int = 0
    shown: int = 0
    decisions: int = 0
    failing: int = 0
    late: int = 0
    times: tuple[float, ...] = ()
    rest_ms: float = float("nan")
    p99_ms: float = float("nan")

    def slow(self, busier: float) -> int:
        """Decisions that took the model too long. busier: how many times as busy as before the machine was; nan where that is not known,
        and then a scorer that was late is not to blame."""
        slow = sum(time > (busier if busier > 1 else 1.0) for time in self.times)
        return slow + (self.late if busier < LATE else 0)


@dataclass(frozen=True)
class Labels:
    """settle: how old an impression must be to count; within: how soon after it an event must come to count."""

    settle: timedelta
    within: timedelta


def failed(decision: Decision, head: str) -> bool:
    """The head's champion was asked and could not answer; of clicks also: everything broke. Not so while a refused bundle has its
    place, nor where it was late or busy, which is the machine's."""
    if any(name.startswith(f"{head}@") for name in decision.refused):
        return False
    errors = decision.errors if decision.version >= 5 else decision.flags  # where a record of that version names them
    theirs = [flag for flag in errors if flag.endswith(f"_failed:{ConversionFailed.__name__}")]
    if head == "conversion":
        return bool(theirs)
    mine = {flag for flag in errors if "Scorer_failed:" in flag and not flag.endswith(MACHINES)} - set(theirs)
    return decision.no_ad_reason == INTERNAL_ERROR or bool(mine)


def late(decision: Decision) -> bool:
    """A scorer was given too little time, or not waited for."""
    return any("Scorer_failed:Late" in flag for flag in (decision.errors if decision.version >= 5 else decision.flags))


def happened(log: EventLog, since: datetime, until: datetime) -> Happened:
    """Events received in [since, until)."""
    found: Happened = {}
    for event, _ in log.events(since, until):
        kinds = found.setdefault((event.decision_id, event.creative_id), {})
        kinds[event.kind] = min(event.ts, kinds.get(event.kind, event.ts))
    return found


def counts(
    log: EventLog, head: str, model: str, since: datetime, until: datetime, as_of: datetime, labels: Labels,
    blamed: datetime | None = None, offsets: Offsets | None = None,
) -> Counts:  # fmt: skip
    """Of decisions in [since, until), with what was known at `as_of`. model: `<head>@<version>`, or OTHERS. blamed: from when on a
    failing decision is the model's, which the record does not say; by default from `since`. offsets: the model's; without them nothing is
    known of positions below the first.

    click: its ads seen at the first position, for which the record has its promises, and their clicks; those seen further down apart, whose
    promises are moved by the model's offset. conversion: clicked ads that it gave their conversion probability, whoever ranked them,
    and their conversions. An ad that kept the fast tier's guess counts for nobody.
    """
    events = happened(log, since, as_of)
    predicted, observed, rows, clicks, shown, total, failing = 0.0, 0, 0, 0, 0, 0, 0
    further = list[tuple[float, float, bool]]()
    took, times, rest, behind = list[float](), list[float](), list[float](), 0
    for d in log.decisions(since, until):
        if blamed is None or d.decided_at >= blamed:
            broke = failed(d, head)
            total += bool(d.policy) or broke
            failing += broke
            rest.append(sum(ms for stage, ms in d.stage_ms.items() if stage != "precision"))
            if head == "click" and late(d):
                behind += 1
        if model not in (d.policy if head == "click" else d.conversion, OTHERS):
            continue
        took.append(d.stage_ms.get("precision", 0.0))
        times.append(took[-1] / (SCORING_SHARE * d.request.tmax_ms))
        for ad, promised, label in _labelled(d, head, events, as_of, labels):
            if head == "click" and ad.position > 1:
                table = (offsets or {}).get(d.request.surface)
                if table:
                    further.append((promised, table[min(ad.position, len(table)) - 1], label))
                continue
            predicted, observed, rows = predicted + promised, observed + label, rows + 1
            if not d.explored:
                clicks, shown = clicks + label, shown + 1
    p99 = float(np.quantile(took, 0.99)) if took else float("nan")
    p, offset, came = np.array(further, np.float64).reshape(-1, 3).T
    p = np.clip(p, 1e-9, 1 - 1e-9)
    below = float(probability(np.log(p / (1 - p)) + offset).sum())
    return Counts(
        predicted,
        observed,
        rows,
        below,
        int(came.sum()),
        len(further),
        clicks,
        shown,
        total,
        failing,
        behind,
        tuple(times),
        float(np.median(rest)) if rest else float("nan"),
        p99,
    )


def _labelled(d: Decision, head: str, events: Happened, as_of: datetime, labels: Labels) -> Iterable[tuple[RankedAd, float, bool]]:
    """(the ad, the probability promised for the first position, whether it came true) of each ad that counts."""
    cause, effect = CAUSES[head]
    for ad in d.shown:
        promised = promise(ad, head)
        kinds = events.get((d.decision_id, ad.creative_id), {})
        start = kinds.get(cause)
        if promised is None or start is None or start + labels.settle > as_of:
            continue
        came = kinds.get(effect)
        yield ad, promised, came is not None and came <= start + labels.within
