"""What traffic says of a registered version before it is promoted: its shadow's record, the features serving reads, its policy's worth."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import islice
from typing import Final

import numpy as np

from feature_repo.days import end_of
from feature_repo.home import Home
from feature_repo.services import places_in
from pipelines.errors import Missing, PipelineError
from pipelines.evaluate.ope.served_rounds import served_rounds
from pipelines.evaluate.ope.served_verdict import served_worth
from pipelines.evaluate.ope.verdict import OpeVerdict
from pipelines.gates.gates import DAYS_LOGGED_SINCE
from pipelines.monitor.training_drift import training_drift
from pipelines.promotion import shadow_record
from pipelines.warehouse.label_times import LabelTimes
from serving.bundles import Bundle, Manifest
from serving.eventlog.log import EventLog
from serving.record.decision import Decision

DAYS: Final = 7
MOST_DECISIONS: Final = 2_000
"""Of the newest that a shadow scored, for the comparison with its own scores."""


@dataclass(frozen=True)
class LiveEvidence:
    """figures: by the gate's metric; what no traffic has told is absent. ends: their 95 % intervals."""

    figures: dict[str, float] = field(default_factory=dict)
    ends: dict[str, tuple[float, float]] = field(default_factory=dict)


def gathered(home: Home, log: EventLog, bundle: Bundle, day: date, times: LabelTimes, seed: int) -> LiveEvidence:
    """Over the DAYS days up to `day`."""
    figures, ends = dict[str, float](), dict[str, tuple[float, float]]()
    if bundle.manifest.head == shadow_record.HEAD:
        worth = worth_of(home, log, bundle, day, times, seed)
        if worth is not None:
            figures["off_policy_value"], ends["off_policy_value"] = worth.estimate, (worth.low, worth.high)
        found = {f.name: f.value for f in shadow_record.judge(home, log, day, times, seed, DAYS, bundle.name).report.figures}
        value, low, high = (found.get(f"log_loss_{what}") for what in ("difference", "low", "high"))
        if value is not None and low is not None and high is not None:
            figures["shadow_log_loss_difference"], ends["shadow_log_loss_difference"] = value, (low, high)
        if (gap := score_gap(log, bundle, day)) is not None:
            figures["shadow_score_gap"] = gap
    if (skew := newest_skew(home, day)) is not None:
        figures["feature_skew"] = skew
    if (moved := drifted(home, bundle.manifest, day)) is not None:
        figures["feature_drift"] = moved
    return LiveEvidence(figures, ends)


def worth_of(home: Home, log: EventLog, bundle: Bundle, day: date, times: LabelTimes, seed: int) -> OpeVerdict | None:
    """Clicks a request of the bundle's slates over those that were served, by what exploration tells; None where it tells too
    little, or where the bundle reads columns that were not logged."""
    served = served_rounds(home, log, day - timedelta(days=DAYS - 1), day, times)
    if any(places_in(name, bundle.manifest.columns) is None for name in {r.decision.input for r in served.rounds}):
        return None
    found = served_worth(served, bundle, seed)
    return found if found.conclusive and np.isfinite([found.estimate, found.low, found.high]).all() else None


def _shadowed(log: EventLog, bundle: Bundle, day: date) -> Iterator[Decision]:
    """Decisions that the bundle scored as a shadow, newest day first."""
    for back in range(DAYS):
        until = end_of(day - timedelta(days=back))
        for decision in log.decisions(until - timedelta(days=1), until):
            if bundle.name in decision.shadow and any(ad.features for ad in decision.shown):
                yield decision


def score_gap(log: EventLog, bundle: Bundle, day: date) -> float | None:
    """Mean distance between the scores that the shadow gave while serving and the bundle's own for the same vectors; None without."""
    rows, said = [], []
    for decision in islice(_shadowed(log, bundle, day), MOST_DECISIONS):
        columns = places_in(decision.input, bundle.manifest.columns)
        for ad, score in zip(decision.shown, decision.shadow[bundle.name], strict=False):
            if columns is not None and ad.features:
                rows.append(np.take(ad.vector, columns))
                said.append(score)
    if not rows:
        return None
    return float(np.abs(bundle.predict(np.array(rows, np.float32)) - np.array(said)).mean())


def logged_since(home: Home, judged: date, day: date) -> dict[str, float]:
    """The figure of DAYS_LOGGED_SINCE: from the day of the evaluation to the newest logged one up to `day`; empty without a log."""
    logged = home.days("impressions", last=day)
    return {DAYS_LOGGED_SINCE.metric: float(max((logged[-1] - judged).days, 0))} if logged else {}


def drifted(home: Home, manifest: Manifest, day: date) -> float | None:
    """Share of the features it reads that have moved since its training rows ended; None where nothing can be compared."""
    try:
        return training_drift(home, manifest, day).share
    except Missing:
        return None


def newest_skew(home: Home, day: date) -> float | None:
    """Share of differing cells in the newest skew report up to `day`; None when there is none, or it compared nothing.

    Raises PipelineError for a report that cannot be read.
    """
    reports = sorted(p for p in (home.reports / "skew").glob("*.json") if p.stem <= day.isoformat())
    if not reports:
        return None
    try:
        figures = {f["name"]: f["value"] for f in json.loads(reports[-1].read_text())["figures"]}
    except (ValueError, KeyError, TypeError) as error:
        raise PipelineError("skew report", str(reports[-1]), f"It cannot be read ({error}); run `placard quality skew` again.") from None
    share = figures.get("cells_differing")
    return None if share is None else float(share)
