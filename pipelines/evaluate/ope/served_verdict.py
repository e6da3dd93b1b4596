"""Challenger against champion on what was served: the evidence that a promotion can ask for."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from pipelines.evaluate.ope.doubly_robust import DoublyRobust
from pipelines.evaluate.ope.estimate import estimate
from pipelines.evaluate.ope.interval import interval
from pipelines.evaluate.ope.served_rounds import ServedRounds
from pipelines.evaluate.ope.served_targets import reranked
from pipelines.evaluate.ope.verdict import OpeVerdict, compare, verdict
from serving.bundles import Bundle

NOTHING: Final = float("nan")


def served_verdict(served: ServedRounds, challenger: Bundle, champion: Bundle, seed: int, threads: int = 2) -> OpeVerdict:
    """Clicks a request of the challenger's slates minus those of the champion's, doubly robust, paired over decisions.

    Better is shown by low > 0, no loss within d by low > -d. Not conclusive, with the reason, where nothing has been served yet or the
    log tells too little. Raises PipelineError when a ranker reads other columns than were logged.
    """
    if not served.rounds:
        return _nothing(served)
    ours, theirs = (reranked(served, ranker) for ranker in (challenger, champion))
    return compare(DoublyRobust(None, seed, threads), served.feedback, ours, theirs, seed)


def served_worth(served: ServedRounds, ranker: Bundle, seed: int, threads: int = 2) -> OpeVerdict:
    """Clicks a request of the ranker's slates over those of the slates that were served, as a ratio, paired over decisions.

    Not conclusive, with the reason, as above. Raises PipelineError when the ranker reads other columns than were logged.
    """
    if not served.rounds:
        return _nothing(served)
    feedback, target, robust = served.feedback, reranked(served, ranker), DoublyRobust(None, seed, threads)
    logged = feedback.per_round(feedback.reward)
    said = verdict(estimate(robust, feedback, target, seed), float(logged.mean()))
    moments = replace(robust.moments(feedback, target), weight=logged)
    most = target.most(feedback) / float(logged.mean()) if logged.any() else NOTHING
    low, high = interval(moments, seed, most=most) if logged.any() else (NOTHING, NOTHING)
    return replace(said, estimate=moments.value, low=low, high=high)


def _nothing(served: ServedRounds) -> OpeVerdict:
    reason = f"no matured decision carries the chances of its slate ({served.immature} are too young, {served.left_out} say too little)"
    return OpeVerdict(NOTHING, NOTHING, NOTHING, 0.0, False, reason)
