"""Champion against shadow on the same served ads: what each predicted, what happened, and whether to promote.

The ads that were shown are those the champion liked best, so it looks worse on them than on ads drawn at random. The verdict
therefore asks for more than a better average: an interval clear of zero, no loss of order, a calibrated shadow, enough clicks.
Figures on explored slates, where nobody chose, stand beside. Only first positions count: that is what a model predicts.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from feature_repo.home import Home
from pipelines.evaluate.paired import Difference, compare
from pipelines.gates.condition import SHADOW
from pipelines.reporting.figure import Figure
from pipelines.reporting.report import Report
from pipelines.served.outcomes import Outcomes, outcomes, prevailing
from pipelines.statistics.exact_intervals import calibration_interval
from pipelines.warehouse.label_times import LabelTimes
from serving.bundles import aliases
from serving.eventlog.log import EventLog

WINDOW_DAYS: Final = 7
HEAD: Final = "click"
"""Shadow scores are click probabilities."""
PROMOTE, HOLD = "promote", "hold"
ABOUT: Final = (
    "The shadow scored the same ads as the champion without being heard. Differences are shadow minus champion on ads at the "
    "first position, with 95 % intervals from a bootstrap over decisions; lower log loss and entropy are better, higher AUC is."
)


@dataclass(frozen=True)
class ShadowVerdict:
    """What to do with the shadow, and each reason with the numbers it rests on."""

    champion: str
    shadow: str
    verdict: str
    reasons: tuple[str, ...]
    report: Report

    @property
    def plain(self) -> dict[str, Any]:
        verdict = {"champion": self.champion, "shadow": self.shadow, "verdict": self.verdict, "reasons": list(self.reasons)}
        return {**self.report.plain, **verdict}


def judge(home: Home, log: EventLog, day: date, times: LabelTimes, seed: int, days: int = WINDOW_DAYS, bundle: str = "") -> ShadowVerdict:
    """Compares over the `days` days up to `day`. bundle: which shadow; by default the one in force, else the busiest.

    The champion is the one in force too: rows that another one ranked do not count. Holds, saying so, when no matured ad
    has a score of the shadow yet.
    """
    found = outcomes(home, log, day - timedelta(days=days - 1), day, times)
    roles = aliases.read_aliases(home.bundles).get(HEAD, {})
    chosen = bundle or _named(roles, "shadow") or _busiest(found)
    if chosen not in found.shadow:
        reason = (
            f"none of {len(found)} matured impressions up to {day} carries a score of {chosen or 'a shadow'} ({found.immature} "
            f"are younger than {times.maturity}); `placard registry alias` names a shadow, `placard ingest serving` collects its scores"
        )
        setup = {"days": days, "immature": found.immature}
        return ShadowVerdict("", chosen, HOLD, (reason,), Report("shadow", day, ABOUT, setup, [Figure("impressions", 0, "rows")]))
    scored = np.isfinite(found.shadow[chosen]) & (found.position == 1)
    champion = _named(roles, "champion") or prevailing(found.policy[scored])
    rows = scored & (found.policy == champion)
    return _verdict(day, days, found, rows, champion, chosen, seed)


def _named(roles: dict[str, str], role: str) -> str:
    """`click@<version>` as decision records name it; "" when nobody has the role."""
    return f"{HEAD}@{roles[role]}" if role in roles else ""


def _busiest(found: Outcomes) -> str:
    mine = [b for b in found.shadow if b.startswith(f"{HEAD}@")]
    return max(mine, key=lambda b: int(np.isfinite(found.shadow[b]).sum()), default="")


def _verdict(day: date, days: int, found: Outcomes, rows: NDArray[np.bool_], champion: str, shadow: str, seed: int) -> ShadowVerdict:
    y, first, second = found.came[rows], found.predicted[rows], found.shadow[shadow][rows]
    every = {d.metric: d for d in compare(first, second, y, found.decision[rows], seed)}
    explored = found.explored[rows]
    random = compare(first[explored], second[explored], y[explored], found.decision[rows][explored], seed)
    gates = _gates(y, second, every)
    figures = [Figure("impressions", len(y), "rows"), *gates]
    for model, p in (("champion", first), ("shadow", second)):
        figures.append(Figure(f"{model}_calibration_ratio", calibration_interval(float(p.sum()), int(y.sum()), len(y)).value, "ratio"))
    for where, differences in (("", list(every.values())), ("explored_", random)):
        for d in differences:
            for what in ("first", "second", "difference", "low", "high"):
                name = {"first": "champion", "second": "shadow"}.get(what, what)
                figures.append(Figure(f"{where}{d.metric}_{name}", getattr(d, what), "nats" if d.metric == "log_loss" else "share"))
    failed = [g for g in gates if not g.holds]
    reasons = [f"{g.name} is {'not defined' if g.value is None else f'{g.value:.4g}'}, wanted {g.target}" for g in failed or gates]
    setup = {"champion": champion, "shadow": shadow, "days": days, "immature": found.immature}
    return ShadowVerdict(champion, shadow, HOLD if failed else PROMOTE, tuple(reasons), Report("shadow", day, ABOUT, setup, figures))


def _gates(y: NDArray[np.bool_], p: NDArray[np.float64], found: dict[str, Difference]) -> list[Figure]:
    """The figures that SHADOW judges, in its order."""
    clicks = int(y.sum())
    ratio = calibration_interval(float(p.sum()), clicks, len(y))
    measured: dict[str, tuple[float | None, ...]] = {
        "clicks": (clicks,),
        "log_loss_difference_upper_bound": (found["log_loss"].high,),
        "roc_auc_difference_upper_bound": (found["roc_auc"].high,),
        "shadow_calibration": (ratio.value, ratio.low, ratio.high),
    }
    return [condition.judged(*measured[condition.figure]) for condition in SHADOW]
