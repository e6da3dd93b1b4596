"""A model is judged by rows that it did not learn from, and so is the champion beside it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pandas as pd
import pytest

from pipelines.datasets.dataset import Dataset
from pipelines.datasets.split import split
from pipelines.datasets.training_set import read
from pipelines.errors import Refused
from pipelines.evaluate.assess import refuse_known_rows
from pipelines.training.candidate import load_candidate
from serving.bundles import Bundle
from serving.settings import Settings


@pytest.fixture
def judged(settings: Settings, good: date, family: str) -> tuple[Bundle, Dataset]:
    return load_candidate(settings.home, "click", good, family), read(settings.home, "click", good)


def again(dataset: Dataset, test_share: float) -> Dataset:
    """As `placard train --step dataset --test-share` leaves it after the candidate was trained."""
    rows = dataset.rows.assign(split=split(dataset.rows, ((1 - test_share) * 0.8, 1 - test_share)))
    return replace(dataset, rows=rows)


def test_rows_after_the_last_that_it_learned_from_may_judge_it(judged: tuple[Bundle, Dataset]) -> None:
    bundle, dataset = judged
    refuse_known_rows(bundle, dataset, "candidate")
    first = dataset.rows.loc[dataset.part("test"), "ts"].min()
    assert first > pd.Timestamp(bundle.manifest.trained_to)


def test_rows_that_it_learned_from_may_not(judged: tuple[Bundle, Dataset]) -> None:
    bundle, dataset = judged
    with pytest.raises(Refused, match=r"candidate learned from rows up to .*later rows"):
        refuse_known_rows(bundle, again(dataset, 0.5), "candidate")


def test_a_single_moment_that_it_knows_is_enough(judged: tuple[Bundle, Dataset]) -> None:
    bundle, dataset = judged
    first = dataset.rows.loc[dataset.part("test"), "ts"].min()
    told = replace(bundle.manifest, trained_to=first.isoformat())
    with pytest.raises(Refused):
        refuse_known_rows(Bundle(told, bundle.members, bundle.encodings, bundle.tables), dataset, "champion")
