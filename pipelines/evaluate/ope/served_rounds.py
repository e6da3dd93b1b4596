"""What we served, for off-policy evaluation: every slot of every slate with its exact chance, and the clicks that came of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from feature_repo.days import end_of
from feature_repo.home import Home
from pipelines.errors import PipelineError
from pipelines.evaluate.ope.feedback import EMPTY, Feedback
from pipelines.ingest.serving_log import impression_id
from pipelines.served.outcomes import labels
from pipelines.warehouse.label_times import LabelTimes
from serving.delivery.second_price import HELD
from serving.eventlog.log import EventLog
from serving.record.decision import Decision, RankedAd
from serving.record.lottery import Lottery


@dataclass(frozen=True)
class Round:
    """One decision. slate: creative by slot, "" where one stayed empty. shortlist: the best of its ads by the rank they were logged
    with, HELD at most: the same whether the slate was dealt or not, so a policy may choose from them."""

    decision: Decision
    lottery: Lottery
    slate: tuple[str, ...]
    shortlist: tuple[RankedAd, ...]
    clicked: frozenset[str]


@dataclass(frozen=True)
class ServedRounds:
    """Matured rounds, as they were served. left_out: decisions that say too little (made before record version 3, without a
    lottery, or scored without a model). immature: those whose labels are still to come."""

    rounds: tuple[Round, ...]
    left_out: int
    immature: int

    @property
    def feedback(self) -> Feedback:
        """A row a slot, rounds in order. Raises PipelineError when there is none."""
        codes: dict[str, int] = {}
        number, action, position, reward, propensity, context = list[int](), list[int](), list[int](), list[float](), list[float](), []
        for i, r in enumerate(self.rounds):
            ads = {ad.creative_id: ad for ad in r.decision.shown}
            for slot, name in enumerate(r.slate):
                number.append(i)
                action.append(codes.setdefault(name, len(codes)) if name else EMPTY)
                position.append(slot + 1)
                reward.append(float(name in r.clicked))
                propensity.append(r.lottery.chance(slot, name))
                context.append(context_of(slot, ads.get(name)))
        return Feedback(
            rounds=len(self.rounds),
            round=np.array(number, np.int64),
            action=np.array(action, np.int64),
            position=np.array(position, np.int64),
            reward=np.array(reward),
            propensity=np.array(propensity),
            context=stacked(context),
            slate_propensity=np.array([r.lottery.slate_chance(r.slate) for r in self.rounds]),
        )


def context_of(slot: int, ad: RankedAd | None) -> tuple[float, ...]:
    """What an outcome model reads of an ad in a slot: position, the log-odds it was ranked by, its quality, its eCPM's log."""
    if ad is None:
        return float(slot + 1), 0.0, 0.0, 0.0
    p = min(max(ad.pctr, 1e-9), 1 - 1e-9)
    return float(slot + 1), float(np.log(p / (1 - p))), ad.quality, float(np.log1p(ad.ecpm_micros))


def stacked(rows: Sequence[tuple[float, ...]]) -> NDArray[np.float32]:
    """(n, 4), also of no rows."""
    return np.array(rows, np.float32).reshape(len(rows), 4)


def served_rounds(home: Home, log: EventLog, first: date, last: date, times: LabelTimes) -> ServedRounds:
    """The decisions of first to last (both included) with the clicks known at the end of `last`.

    A round is used once it has matured; a click counts within the window after its decision. Raises PipelineError for a record whose
    propensity is not what its lottery says.
    """
    as_of = end_of(last)
    clicks = labels(home, first, as_of, "click")
    rounds, left_out, immature = [], 0, 0
    for d in log.decisions(end_of(first) - timedelta(days=1), as_of):
        scored = all(ad.features for ad in (*d.shown, *d.held)) and bool(d.shown or d.held)
        if d.lottery is None or not d.lottery.usual or not scored:
            left_out += 1
        elif d.decided_at + times.maturity > as_of:
            immature += 1
        else:
            rounds.append(_round(d, d.lottery, clicks, times.window))
    return ServedRounds(tuple(rounds), left_out, immature)


def _round(d: Decision, lottery: Lottery, clicks: dict[str, datetime], window: timedelta) -> Round:
    slate = [""] * len(lottery.usual)
    for ad in d.shown:
        slate[ad.position - 1] = ad.creative_id
        if abs(ad.propensity - lottery.chance(ad.position - 1, ad.creative_id)) > 1e-9:
            raise PipelineError(
                f"propensity of {ad.creative_id} in decision {d.decision_id}", ad.propensity,
                f"Its lottery says {lottery.chance(ad.position - 1, ad.creative_id):.6g}; the record has been changed, leave its day out.",
            )  # fmt: skip
    ranked = sorted((*d.shown, *d.held), key=lambda ad: (-ad.ecpm_micros, ad.creative_id))
    until = d.decided_at + window
    clicked = (ad.creative_id for ad in d.shown if _before(clicks.get(impression_id(d.decision_id, ad.creative_id)), until))
    return Round(d, lottery, tuple(slate), tuple(ranked[:HELD]), frozenset(clicked))


def _before(click: datetime | None, until: datetime) -> bool:
    return click is not None and click <= until
