"""Drift against the training baseline: how far the features that a model reads have moved since the rows that taught it ended.

A window of 30 days holds ten days' counts on a platform that is ten days old, and twenty days' ten days later: such a column moves
although nobody behaves otherwise. A feature whose window reaches back before the first logged day, on the day that it is compared with, is
still filling. Its index is shown and not judged.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Final

from feature_repo.home import Home
from feature_repo.partition_file import read_features
from feature_repo.table import FeatureTable
from feature_repo.tables import TABLES
from pipelines.errors import Missing
from pipelines.gates.gates import FEATURE_DRIFT
from pipelines.monitor.drift import figures_of, published
from pipelines.reporting.figure import Figure
from pipelines.reporting.report import Report
from serving.bundles import Manifest

WINDOW: Final = re.compile(r"_(\d+)d$")
"""How a feature's name tells its window, in days."""
ABOUT: Final = (
    "Population stability index of every published feature that the model reads, on the day beside the day that its training rows ended. "
    "A feature fails when the index is above 0.25 and above what chance gives. Features whose windows were still filling then move because "
    "they fill: they are shown without a verdict. Above the share of failing features that is allowed, train again."
)


@dataclass(frozen=True)
class TrainingDrift:
    """share: of the judged features, those that have moved; None where none can be judged."""

    share: float | None
    report: Report

    @property
    def holds(self) -> bool:
        return self.share is None or FEATURE_DRIFT.verdict(self.share).passed


def window_of(table: FeatureTable, feature: str) -> int:
    """Days of the log that a feature looks back on: as its name says, else as its table does."""
    named = WINDOW.search(feature)
    return int(named[1]) if named else table.window_days


def training_drift(home: Home, manifest: Manifest, day: date) -> TrainingDrift:
    """The newest partitions up to `day`, beside the newest that the last training row could know. Raises Missing where a partition is
    wanting on either side."""
    if not manifest.trained_to:
        raise Missing("end of the training rows", f"{manifest.head}@{manifest.version}", "Its manifest does not tell: train it again.")
    taught = datetime.fromisoformat(manifest.trained_to).date() - timedelta(days=1)
    logged = home.days("impressions")
    judged, filling = list[Figure](), list[Figure]()
    compared: dict[str, str] = {}
    for table in TABLES:
        read = [f.name for f in table.features if f.name in manifest.columns]
        days = published(home, table.name)
        before, now = ([d for d in days if d <= last] for last in (taught, day))
        if not read or not before or not now or before[-1] == now[-1]:
            continue
        compared[table.name] = f"{before[-1]} → {now[-1]}"
        old, new = (read_features(table, home.feature_partition(table.name, d)) for d in (before[-1], now[-1]))
        if not len(old) or not len(new):
            continue
        first = logged[0] if logged else before[0]
        for name, figure in figures_of(table, old, new):
            if name in read and before[-1] - timedelta(days=window_of(table, name) - 1) < first:
                filling.append(replace(figure, target=f"its {window_of(table, name)} days were filling", holds=None))
            elif name in read:
                judged.append(figure)
    if not compared:
        fix = f"Publish the days up to {taught} and a later one up to {day}: `placard features publish`."
        raise Missing("published features", f"up to {taught} and later", fix)
    moved = sum(f.holds is False for f in judged)
    share = moved / len(judged) if judged else None
    figures = [
        Figure(
            FEATURE_DRIFT.metric,
            share,
            "share",
            f"<= {FEATURE_DRIFT.at_most:g}",
            None if share is None else FEATURE_DRIFT.verdict(share).passed,
        ),
        Figure("features_judged", len(judged), "features"),
        Figure("features_filling", len(filling), "features"),
        *sorted(judged, key=lambda f: (f.holds is not False, -(f.value or 0.0))),
        *sorted(filling, key=lambda f: -(f.value or 0.0)),
    ]
    setup = {"model": f"{manifest.head}@{manifest.version}", "trained_to": manifest.trained_to, "compared": compared}
    return TrainingDrift(share, Report(f"drift_{manifest.head}", day, ABOUT, setup, figures))
