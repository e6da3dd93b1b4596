"""Smoothed rates, as the feature tables use them: rates of few trials lean on the rate of all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import ibis.expr.types as ir


def smoothed(successes: Any, trials: Any, all_successes: Any, all_trials: Any, prior: float) -> ir.FloatingValue:
    """Posterior mean of a Beta-binomial rate: (successes + prior × mean) / (trials + prior), mean = (all + 1) / (trials + 100).

    The two added counts keep the mean inside (0, 1) on an empty log. With more successes than trials (a log that holds clicks
    but no impressions) the result is capped at 1.

    successes, trials: counts of one entity, Ibis integers; all_successes, all_trials: counts of all entities together. prior: how many
    trials the mean of all counts as.

    No click in 50 impressions, where everybody has (99 + 1) / (900 + 100) = 0.1 clicks an impression and that counts as 50 trials:

    >>> import ibis
    >>> smoothed(*(ibis.literal(n) for n in (0, 50, 99, 900)), prior=50).execute()
    0.05
    """
    import ibis

    mean = (all_successes.cast("float64") + 1.0) / (all_trials.cast("float64") + 100.0)
    return ibis.least((successes.cast("float64") + prior * ibis.least(mean, 1.0)) / (trials.cast("float64") + prior), 1.0)
