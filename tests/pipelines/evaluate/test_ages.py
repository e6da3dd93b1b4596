"""How old what a model learned from is, by hand, and by the dataset's day alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pandas as pd
import pytest

from pipelines.evaluate.ages import ages_of
from pipelines.training.candidate import load_candidate
from serving.bundles import Manifest
from serving.settings import Settings


@pytest.fixture
def manifest(settings: Settings, good: date, family: str) -> Manifest:
    found = load_candidate(settings.home, "click", good, family).manifest
    return replace(found, trained_from="2026-01-01T00:00:00", trained_to="2026-01-03T12:00:00")


@pytest.mark.parametrize(
    ("first", "last", "day", "behind"),
    [
        ("2026-01-03 12:00", "2026-01-05", date(2026, 1, 5), 1.0),  # judged by what follows; a day of labels has not matured
        ("2026-01-09 12:00", "2026-01-10", date(2026, 1, 10), 7.0),  # six days lie between
        ("2026-01-03 12:00", "2026-01-05", date(2026, 1, 12), 8.0),  # the log ends a week before the day
    ],
)
def test_days_that_neither_taught_nor_judged(manifest: Manifest, first: str, last: str, day: date, behind: float) -> None:
    judged = pd.DataFrame({"ts": [pd.Timestamp(first), pd.Timestamp(last)]})
    assert ages_of(manifest, judged, day) == {"training_days": 2.5, "days_behind": behind}
