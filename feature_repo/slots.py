"""Expected clicks of a slot (surface and position), whatever ad stands in it. COEC, clicks over expected clicks (Zhang and Jones 2007), is
measured against them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import ibis.expr.types as ir

HIGHEST_COEC: Final = 20.0
"""No ad or user earns 20 times what its slots do, priors and all; more means clicks whose impressions were not logged."""
BILLIONTHS: Final = 1e9
"""Expected clicks are summed as integers, which is the same in any order."""


def with_expected_clicks(impressions: ir.Table, clicks: ir.Table) -> ir.Table:
    """`impressions` with `billionths`: 10⁹ × the click rate of its surface and position, (clicks + 1) / (impressions + 100)."""
    won = clicks.group_by("surface", "position").aggregate(won=clicks.count())
    slots = impressions.group_by("surface", "position").aggregate(n=impressions.count())
    slots = slots.left_join(won, ["surface", "position"])
    rate: Any = (slots.won.coalesce(0).cast("float64") + 1.0) / (slots.n.cast("float64") + 100.0)
    slots = slots.select("surface", "position", billionths=(rate * BILLIONTHS).round().cast("int64"))
    return impressions.left_join(slots, ["surface", "position"])


def coec(clicks: ir.NumericValue, billionths: ir.NumericValue, prior: float, lean: ir.NumericValue | float) -> ir.FloatingValue:
    """COEC of each row: (clicks + prior × lean) / (expected clicks + prior), at most HIGHEST_COEC. lean: the COEC that an entity without
    data has, such as that of its category. Where no impression is known (a log of clicks alone) nothing was expected, and the result is
    `lean`."""
    import ibis

    rate: Any = (clicks.cast("float64") + prior * lean) / (billionths.cast("float64") / BILLIONTHS + prior)
    return ibis.ifelse(billionths > 0, ibis.least(rate, HIGHEST_COEC), lean)
