"""Smoothing of rates, shared by the feature tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import ibis.expr.types as ir


def smoothed(successes: Any, trials: Any, all_successes: Any, all_trials: Any, prior: float) -> ir.FloatingValue:
    """Posterior mean of a Beta-binomial rate: (successes + prior × mean) / (trials + prior), mean = (all + 1) / (trials + 100).

    The two added counts keep the mean inside (0, 1) on an empty log. With more successes than trials (a log that holds clicks
    but no impressions) the result is capped at 1.
    """
    import ibis

    mean = (all_successes.cast("float64") + 1.0) / (all_trials.cast("float64") + 100.0)
    return ibis.least((successes.cast("float64") + prior * ibis.least(mean, 1.0)) / (trials.cast("float64") + prior), 1.0)
