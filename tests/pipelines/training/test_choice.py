"""Which family a log of a size is worth, said and kept for the verbs that follow."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from feature_repo.home import Home
from pipelines.errors import Missing
from pipelines.operations.training_environment import has
from pipelines.rankers import RANKERS
from pipelines.training import choice
from pipelines.training.choice import AUTO, PAYS_FROM, chosen_for, named
from serving.settings import Settings

DAY = date(2026, 1, 18)
ALL = frozenset(PAYS_FROM)


def test_the_table_names_families_by_rising_size_and_one_for_the_smallest_log() -> None:
    assert set(PAYS_FROM) <= set(RANKERS) and AUTO not in RANKERS
    assert [*PAYS_FROM.values()] == sorted(PAYS_FROM.values()) and next(iter(PAYS_FROM.values())) == 0
    assert any(not RANKERS[name].needs for name in PAYS_FROM), "one can be trained without the training environment"


@pytest.mark.parametrize(("name", "least"), PAYS_FROM.items())
def test_the_largest_number_that_is_reached_chooses(name: str, least: int) -> None:
    at, before = chosen_for(least, ALL), chosen_for(max(least - 1, 0), ALL)
    assert at.ranker == name and (before.ranker != name or least == 0)
    assert f"{name} pays from {least:,}" in at.words and f"there are {least:,}" in at.words


def test_a_family_that_cannot_be_trained_here_is_replaced_and_that_is_said() -> None:
    here = frozenset(name for name in PAYS_FROM if not RANKERS[name].needs)
    for least in PAYS_FROM.values():
        found = chosen_for(least, here)
        assert found.ranker in here
        assert ("make train-env" in found.words) == (chosen_for(least, ALL).ranker not in here)


def test_what_was_chosen_is_what_the_verbs_that_follow_take(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home, settings = Home(tmp_path), Settings(home_path=tmp_path)
    assert named(home, "click", DAY, "lightgbm") == "lightgbm"
    with pytest.raises(Missing, match="--ranker auto"):
        named(home, "click", DAY, AUTO)

    class Rows:
        """A training set of 30 positives, ten of them in the test."""

        def part(self, *splits: str) -> Any:
            return slice(0, 20) if splits == ("train", "calibrate") else slice(20, 30)

        label = np.ones(30, bool)

    monkeypatch.setattr(choice, "read", lambda home, head, day: Rows())
    monkeypatch.setattr(choice, "is_elsewhere", lambda family: bool(family.needs))
    monkeypatch.setattr(choice, "has", lambda settings, module: False)
    made = choice.choose(settings, "click", DAY)
    assert "there are 20 before the test" in made.words
    assert named(home, "click", DAY, AUTO) == made.ranker and not RANKERS[made.ranker].needs
    with pytest.raises(Missing):
        named(home, "conversion", DAY, AUTO)


def test_the_training_environment_is_asked_for_the_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    command = tmp_path / ".venv-train" / "bin" / "placard"
    monkeypatch.setattr("sys.prefix", str(tmp_path / ".venv"))
    settings = Settings(home_path=tmp_path)
    assert not has(settings, "catboost"), "there is no such environment"
    command.parent.mkdir(parents=True)
    command.touch()
    assert not has(settings, "catboost"), "it was made before the family came"
    (tmp_path / ".venv-train" / "lib" / "python3.11" / "site-packages" / "catboost").mkdir(parents=True)
    assert has(settings, "catboost")
    assert has(settings.changed(train_command=str(command)), "anything"), "a command of one's own is trusted"
