"""Judges a text model's figures alone and beside the champion's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from pipelines.gates.gate import Verdict
from pipelines.gates.gates import judge
from pipelines.registry.listing import champion_of, versions
from pipelines.statistics.auc_error import auc_error
from serving.settings import Settings

CLICKED: Final = "clicked_searches"
"""How many clicks on later searches a model was measured on."""
SHARES: Final = frozenset({"category_accuracy", "recall_at_10", "recall_at_100"})
"""Figures that are shares of those clicks."""
COMMERCIAL: Final = "commercial_auc"
BOUGHT, NOT_BOUGHT = "commercial_positives", "commercial_negatives"
"""How many later searches COMMERCIAL was measured on: those that led to a click, and the others."""


def judged(settings: Settings, head: str, measured: Mapping[str, float], version: str = "") -> list[Verdict]:
    """Every gate of a text model, beside the champion's figures where it has any. version: of the one that is judged, "" before it is
    registered; the champion itself is judged alone, and so is whoever follows one that was removed.

    Each of the two was measured in the same way, on later searches than it had learned from, and so on other rows: intervals are those of
    the difference of two independent figures.
    """
    champion = champion_of(settings.home.bundles, head)
    known = {v.version: v.metrics for v in versions(settings, head)}
    rival = known.get(champion, {}) if champion != version else {}
    apart: dict[str, tuple[float, float]] = {}
    for name in sorted(({COMMERCIAL} | SHARES) & measured.keys() & rival.keys()):
        spread = 1.96 * (_error(name, measured) ** 2 + _error(name, rival) ** 2) ** 0.5
        if spread == spread:
            difference = measured[name] - rival[name]
            apart[name] = (difference - spread, difference + spread)
    return judge(head, measured, {name: rival[name] for name in apart}, differences=apart)


def _error(name: str, of: Mapping[str, float]) -> float:
    """The standard error of a figure; nan where nobody counted what it was measured on."""
    value = of[name]
    if name == COMMERCIAL:
        return auc_error(value, of.get(BOUGHT, 0.0), of.get(NOT_BOUGHT, 0.0))
    clicks = of.get(CLICKED, 0.0)
    return (value * (1 - value) / clicks) ** 0.5 if clicks > 0 else float("nan")
