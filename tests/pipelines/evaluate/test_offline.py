"""What an evaluation measures: the later rows alone, beside the baseline, overall and by slice, with intervals."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd
import pytest

from pipelines.datasets.training_set import read
from pipelines.evaluate.assess import Assessment
from pipelines.evaluate.contest import OURS, contest
from pipelines.evaluate.offline import LEAST_ROWS, predict
from pipelines.metrics import METRICS
from pipelines.training.candidate import load_candidate
from serving.settings import Settings


def test_it_measures_the_test_rows_and_no_others(settings: Settings, outcome: Assessment, good: date, family: str) -> None:
    dataset = read(settings.home, "click", good)
    test, evaluation = dataset.part("test"), outcome.evaluation
    p = predict(load_candidate(settings.home, "click", good, family), dataset, test)
    rows = dataset.rows[test].reset_index(drop=True)
    assert evaluation.rows["row_id"].tolist() == rows["row_id"].tolist()
    assert evaluation.rows["ts"].min() > dataset.rows.loc[~test, "ts"].max(), "all are later than what was trained on"
    assert evaluation.metrics == {m.name: m(dataset.label[test], p, rows) for m in METRICS}


def test_the_baseline_stands_beside_it_and_truth_only_where_it_is_known(outcome: Assessment, family: str) -> None:
    assert list(outcome.evaluation.scores) == [family, "logistic baseline"]
    assert outcome.evaluation.gap_closed is None


def test_slices_are_whole_groups_large_enough_to_say_anything(outcome: Assessment) -> None:
    evaluation = outcome.evaluation
    table = evaluation.table
    assert set(table["slice"]) == {"all", "surface feed", "surface search", "device mobile", "position 1", "position 2"}
    assert 0 < (evaluation.rows["device"] == "rare").sum() < LEAST_ROWS, "left out as too small"
    for line in table.to_dict("records"):
        if line["slice"] != "all":
            column, value = line["slice"].split()
            assert line["rows"] == (evaluation.rows[column].astype(str) == value).sum()
        assert line["positives"] > 0 and {m.name for m in METRICS} <= line.keys()
    halves = table[table["slice"].str.startswith("surface")].groupby("contender")["rows"].sum()
    assert set(halves) == {len(evaluation.rows)}


def test_intervals_hold_their_value_and_are_the_same_twice(outcome: Assessment, family: str) -> None:
    evaluation = outcome.evaluation
    found = evaluation.intervals[family]
    assert found.keys() == {m.name for m in METRICS}
    assert all(found[m.name].value == evaluation.metrics[m.name] for m in METRICS)
    for name in ("log_loss", "normalised_entropy", "roc_auc", "calibration_ratio", "grouped_auc"):
        assert found[name].low < found[name].value < found[name].high
    label, p = evaluation.rows["label"].to_numpy(bool), evaluation.scores[family]
    again = contest({family: (OURS, p)}, label, evaluation.rows, 7).standings[0]
    assert found == {m.name: again.interval(m.name) for m in METRICS}


@pytest.mark.parametrize("named", [True, False])
def test_more_rows_give_narrower_intervals(named: bool) -> None:
    """Also where nobody has a name: the rows without one do not all stand or fall together."""
    rng, width = np.random.default_rng(2), []
    for n in (500, 8_000):
        p = 1 / (1 + np.exp(-rng.normal(-1, 1, n)))
        frame = pd.DataFrame({"user_id": [f"u{i}" if named else "" for i in range(n)]})
        found = contest({"one": (OURS, p)}, rng.random(n) < p, frame, 7).standings[0].interval("roc_auc")
        assert found is not None
        width.append(found.high - found.low)
    assert width[1] == pytest.approx(width[0] / 4, rel=0.4)


def test_what_one_user_does_again_and_again_tells_no_more_than_once() -> None:
    rng, n = np.random.default_rng(3), 600
    p = 1 / (1 + np.exp(-rng.normal(-1, 1, n)))
    label, user = rng.random(n) < p, np.arange(n)

    def width(times: int) -> float:
        rows = np.repeat(np.arange(n), times)
        found = contest({"one": (OURS, p[rows])}, label[rows], pd.DataFrame({"user_id": user[rows].astype(str)}), 7)
        ends = found.standings[0].interval("calibration_ratio")
        assert ends is not None
        return ends.high - ends.low

    assert width(9) == pytest.approx(width(1))
