"""Whether an estimate tells enough to conclude from, and what it says about another policy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from pipelines.evaluate.ope.bootstrap_error import RESAMPLES, bootstrap_error
from pipelines.evaluate.ope.estimate import Estimate, estimate
from pipelines.evaluate.ope.estimator import Estimator, Moments
from pipelines.evaluate.ope.feedback import Feedback
from pipelines.evaluate.ope.interval import Z, coins
from pipelines.evaluate.ope.target import Target

LEAST_SIZE: Final = 100.0
"""Effective rows below which nothing is concluded, those of the weights before any bound: a bound makes weights alike, no log longer."""
LEAST_REWARDS: Final = 20.0
"""Clicks below which nothing is concluded: those that the effective rows bring at the log's own rate."""
LEAST_CARRYING: Final = 1.0
"""Clicks below which nothing is concluded: those that the rows which carry the variance bring at that rate. With fewer, the estimate
jumps whenever a heavy weight meets a click, and its interval tells little of where it jumps from."""
MOST_CLIPPED: Final = 0.05
"""Share of the weights' sum that a bound may take away: what is taken may click more than the rest."""
MOST_UNSUPPORTED: Final = 0.01
"""Share of what a target shows that may be beyond what the log could have shown."""


@dataclass(frozen=True)
class OpeVerdict:
    """estimate: of the target, or of target minus the policy that it is compared with; low, high: its 95 % interval.

    effective_sample_size: before any bound on the weights. conclusive: the log tells enough to go by; what it tells then stands in the
    interval and, in words, in `reason`. Where it is not, `reason` names what is too small and what would help.
    """

    estimate: float
    low: float
    high: float
    effective_sample_size: float
    conclusive: bool
    reason: str


def verdict(found: Estimate, logged: float | None = None) -> OpeVerdict:
    """Of one estimate. logged: what the policy that logged earned a round, for the words."""
    lacks = _lacks(found)
    if lacks:
        return _of(found, False, lacks)
    said = f"{found.estimator} {found.value:.6g}, 95 % interval {found.low:.6g} to {found.high:.6g}"
    if logged is None:
        return _of(found, True, said)
    word = "better than" if found.low > logged else "worse than" if found.high < logged else "not told apart from"
    return _of(found, True, f"{said}: {word} the policy that logged, {logged:.6g}")


def compare(
    estimator: Estimator, feedback: Feedback, challenger: Target, champion: Target, seed: int, resamples: int = RESAMPLES
) -> OpeVerdict:
    """Challenger minus champion on the same rounds, paired: whole rounds are drawn again for both at once.

    Both estimates must be conclusive by themselves. Raises PipelineError when a target is not about the feedback.
    """
    ours, theirs = (estimate(estimator, feedback, t, seed, resamples) for t in (challenger, champion))
    weakest = min((ours, theirs), key=lambda e: e.effective_sample_size)
    value, low, high = difference(estimator.moments(feedback, challenger), estimator.moments(feedback, champion), seed, resamples)
    low, high = (float(np.clip(end, -champion.most(feedback), challenger.most(feedback))) for end in (low, high))
    for name, each in ((challenger.name, ours), (champion.name, theirs)):
        if lacks := _lacks(each):
            return OpeVerdict(value, low, high, weakest.effective_sample_size, False, f"{name}: {lacks}")
    word = "better than" if low > 0 else "worse than" if high < 0 else "not told apart from"
    reason = f"{challenger.name} {ours.value:.6g} is {word} {champion.name} {theirs.value:.6g}: {value:+.6g}, {low:+.6g} to {high:+.6g}"
    return OpeVerdict(value, low, high, weakest.effective_sample_size, True, reason)


def difference(ours: Moments, theirs: Moments, seed: int, resamples: int = RESAMPLES) -> tuple[float, float, float]:
    """Value of the first minus that of the second, and its interval: Z errors to either side, since it may have any sign.

    The error is that of each round's pull on both (the delta method's influence), at least that of coins with the mean of both rates.
    """
    value = ours.value - theirs.value
    if not np.isfinite(value):
        return value, float("nan"), float("nan")
    pull, one = influence(ours) - influence(theirs), np.ones(len(ours.gain))
    weights = ours.scale * ours.importance - theirs.scale * theirs.importance
    least = coins(weights, (ours.rate + theirs.rate) / 2, len(pull))
    error = max(bootstrap_error(Moments(pull, one, one, weights, weights, 0.0, weights), seed, resamples), least)
    return value, value - Z * error, value + Z * error


def influence(moments: Moments) -> np.ndarray:
    """How far each round pulls the value, (rounds,); the mean is 0."""
    gain, weight, slots = moments.gain.mean(), moments.weight.mean(), moments.slots.mean()
    by_gain = (moments.gain - gain) * slots / weight
    return np.asarray(by_gain + (moments.slots - slots) * gain / weight - (moments.weight - weight) * gain * slots / weight**2)


def _of(found: Estimate, conclusive: bool, reason: str) -> OpeVerdict:
    return OpeVerdict(found.value, found.low, found.high, found.effective_sample_size, conclusive, reason)


def _lacks(found: Estimate) -> str:
    """What an estimate has too little of, or ""."""
    help = "log longer, explore more, or ask for a target nearer to what was served"
    if found.unsupported > MOST_UNSUPPORTED:
        never = f"{found.unsupported:.1%} of what the target shows could never have been shown by the policy that logged"
        return f"{never}, at most {MOST_UNSUPPORTED:.0%} may be; let serving explore (PLACARD_EXPLORE_SHARE)"
    if found.effective_sample_size < LEAST_SIZE:
        bounded = f" ({found.clipped_sample_size:.1f} once the weights are bounded)" if found.clipped > 0 else ""
        return f"the effective sample size is {found.effective_sample_size:.1f}{bounded}, at least {LEAST_SIZE:.0f} are needed; {help}"
    for rows, clicks, least in (("effective", found.expected_rewards, LEAST_REWARDS), ("heaviest", found.carrying_rewards, LEAST_CARRYING)):
        if clicks < least:
            return f"the {rows} rows bring {clicks:.1f} clicks at the log's rate, at least {least:.0f} are needed; {help}"
    if found.clipped > MOST_CLIPPED:
        return f"the bound takes {found.clipped:.1%} of the weights away, at most {MOST_CLIPPED:.0%} is safe; raise it (--clip) or {help}"
    if not np.isfinite([found.low, found.high]).all():
        return f"no interval: nothing varies from round to round; {help}"
    return ""
