"""How old what a bundle learned from is, by the dataset's day: a log may be of last year, and the clock has no say in it."""

from __future__ import annotations

from datetime import date
from typing import Final

import pandas as pd

from feature_repo.days import end_of
from pipelines.gates.gates import DAYS_BEHIND, TRAINING_DAYS
from serving.bundles import Manifest

DAY: Final = pd.Timedelta(days=1)


def ages_of(manifest: Manifest, judged: pd.DataFrame, day: date) -> dict[str, float]:
    """The figures of TRAINING_DAYS and DAYS_BEHIND, in days. judged: the rows that judge the bundle, with ts. day: the dataset's."""
    first, last = pd.Timestamp(manifest.trained_from), pd.Timestamp(manifest.trained_to)
    end = pd.Timestamp(end_of(day)).tz_localize(None)
    unseen = (judged["ts"].min() - last) + (end - judged["ts"].max())
    return {TRAINING_DAYS.metric: (last - first) / DAY, DAYS_BEHIND.metric: unseen / DAY}
