"""Any two models are compared on rows that neither learned from, and are told apart only beyond noise."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest

from feature_repo.partition_file import write_partition
from pipelines.datasets.training_set import ROWS, folder, read
from pipelines.errors import Missing, PipelineError, Refused
from pipelines.evaluate.paired_comparison import compared
from pipelines.training.candidate import load_candidate
from pipelines.training.fit import fit
from serving.bundles import aliases
from serving.settings import Settings
from tests.made import written_again


@pytest.fixture(scope="module")
def three(settings: Settings, good: date, family: str, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A platform of its own with two candidates of a day, and a champion that ranks as one of them and promises a thirtieth."""
    mine = Settings(PLACARD_HOME=tmp_path_factory.mktemp("compared") / "placard")
    shutil.copytree(settings.home.root, mine.home.root)
    fit(mine, "click", good, "logistic")
    made = load_candidate(mine.home, "click", good, family)
    low = replace(made.manifest, version="1", negative_rate=made.manifest.negative_rate / 30)
    written_again(made, aliases.version_folder(mine.home.bundles, "click", "1"), low)
    aliases.write_aliases(mine.home.bundles, {"click": {"champion": "1"}})
    return mine


def test_who_promises_too_little_is_behind_and_who_ranks_alike_is_not_told_apart(three: Settings, good: date, family: str) -> None:
    found = compared(three, "click", good, family, "champion")
    by = {d.metric: d for d in found.differences}
    assert {name: found.ahead(d) for name, d in by.items()} == {"log_loss": family, "normalised_entropy": family, "roc_auc": ""}
    assert by["log_loss"].low is not None and 0 < by["log_loss"].low < by["log_loss"].difference  # type: ignore[operator]
    test = read(three.home, "click", good)
    assert (found.rows, found.positives) == (int(test.part("test").sum()), int(test.label[test.part("test")].sum()))
    assert found.users == test.rows["user_id"][test.part("test")].nunique()


def test_the_other_way_round_it_is_the_mirror_image(three: Settings, good: date, family: str) -> None:
    there, back = compared(three, "click", good, "logistic", "1"), compared(three, "click", good, "1", "logistic")
    for d, e in zip(there.differences, back.differences, strict=True):
        assert (d.first, d.second, d.difference, d.low, d.high) == pytest.approx((e.second, e.first, -e.difference, -e.high, -e.low))  # type: ignore[operator]
        assert there.ahead(d) == back.ahead(e)
    assert there.ahead(there.differences[0]) == "logistic"


def test_a_model_that_learned_from_the_rows_is_refused(three: Settings, good: date, family: str) -> None:
    """As `placard train --step dataset --test-share 0.5` leaves the day after both were trained."""
    rows = read(three.home, "click", good).rows
    place = folder(three.home, "click", good) / ROWS
    later = rows.assign(
        split=["train" if i < len(rows) * 0.4 else "calibrate" if i < len(rows) * 0.5 else "test" for i in range(len(rows))]
    )
    try:
        write_partition(pa.Table.from_pandas(later, preserve_index=False), place)
        with pytest.raises(Refused, match=r"The candidate logistic learned from rows up to"):
            compared(three, "click", good, "logistic", "1")
        with pytest.raises(Refused, match=r"The champion learned from rows up to"):
            compared(three, "click", good, "champion", "logistic")
    finally:
        write_partition(pa.Table.from_pandas(pd.DataFrame(rows), preserve_index=False), place)


def test_a_model_is_not_compared_with_itself(three: Settings, good: date) -> None:
    with pytest.raises(Refused, match="name two"):
        compared(three, "click", good, "1", "champion")


@pytest.mark.parametrize(
    ("head", "pair", "raised", "says"),
    [
        ("click", ("7", "logistic"), PipelineError, r"champion, a version \(1\), or a family"),
        ("click", ("nobody", "logistic"), PipelineError, "nobody"),
        ("click", ("logistic", "xgboost"), Missing, "candidate"),
        ("conversion", ("champion", "logistic"), PipelineError, "Promote one"),
    ],
)
def test_a_name_that_stands_for_nothing_is_told(
    three: Settings, good: date, head: str, pair: tuple[str, str], raised: type[PipelineError], says: str
) -> None:
    with pytest.raises(raised, match=says):
        compared(three, head, good, *pair)


def test_the_verb_prints_each_metric_and_who_is_ahead(
    three: Settings, good: date, say: Callable[..., tuple[int, str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PLACARD_HOME", str(Path(three.home.root)))
    status, told, _ = say("compare", "champion", "logistic", "--partition", str(good), "--json")
    result = json.loads(told)
    figures = {f["name"]: f["value"] for f in result["figures"]}
    assert status == 0 and result["name"] == "compare" and result["setup"]["ahead"]["log_loss"] == "logistic"
    assert figures["log_loss.second"] - figures["log_loss.first"] == pytest.approx(figures["log_loss.difference"])
    assert figures["log_loss.low"] < figures["log_loss.difference"] < figures["log_loss.high"] < 0
    _, lines, _ = say("compare", "champion", "logistic", "--partition", str(good))
    assert "logistic is ahead" in lines and "log_loss" in lines
    assert say("compare", "1", "champion", "--partition", str(good))[0] == 3
