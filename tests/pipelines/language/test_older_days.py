"""An old day changes nothing live: models know what they were trained to, and a rerun of the same day is the same version."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pipelines.errors import Refused
from pipelines.gates.gates import judge
from pipelines.language.train import LearnedLanguage, register
from pipelines.registry.listing import history, versions
from pipelines.registry.roles import promote
from serving.bundles.aliases import read_aliases
from serving.bundles.sealed import read_manifest, write_manifest_file
from serving.settings import Settings
from tests.worlds.copied import copied

pytestmark = [pytest.mark.filterwarnings("ignore::DeprecationWarning"), pytest.mark.filterwarnings("ignore::FutureWarning")]


@pytest.fixture
def apart(searched: Any, tmp_path: Path) -> Any:
    """The searched market with its champions, to be changed."""
    return replace(searched, settings=Settings(home_path=copied("tests.worlds.searched_market", tmp_path / "world") / "placard"))


def trained_to(learned: LearnedLanguage, moment: str, folder: Path) -> LearnedLanguage:
    """The same model, as if the last search that it learned from had been at another moment."""
    shutil.copytree(learned.folder, folder)
    write_manifest_file(folder, {**read_manifest(folder, head=learned.head), "trained_to": moment})
    return replace(learned, folder=folder)


@pytest.mark.parametrize("place", [0, 1], ids=["language", "encoder"])
def test_a_rerun_of_the_same_day_with_the_same_content_makes_no_new_version(apart: Any, place: int) -> None:
    learned = apart.learned[place]
    before, changes = versions(apart.settings, learned.head), history(apart.settings, learned.head)
    assert register(apart.settings, learned, "champion", apart.day).version == "1"
    assert versions(apart.settings, learned.head) == before and history(apart.settings, learned.head) == changes


def test_an_older_day_becomes_neither_champion_nor_challenger_unless_asked_by_name(apart: Any, tmp_path: Path) -> None:
    old = trained_to(apart.learned[0], "2025-12-01T00:00:00", tmp_path / "old")
    before = read_aliases(apart.home.bundles)["language"]
    version = register(apart.settings, old, "champion", apart.day)
    assert version.aliases == ()
    assert read_aliases(apart.home.bundles)["language"] == before
    promote(apart.settings, "language", version.version, "by name")
    assert read_aliases(apart.home.bundles)["language"]["champion"] == version.version


def test_a_rerun_brings_back_nobody_who_was_replaced(apart: Any, tmp_path: Path) -> None:
    newer = trained_to(apart.learned[0], "2027-01-01T00:00:00", tmp_path / "newer")
    assert register(apart.settings, newer, "champion", apart.day).aliases == ("champion",), "a champion is no challenger"
    before = read_aliases(apart.home.bundles)
    register(apart.settings, apart.learned[0], "champion", apart.day)
    assert read_aliases(apart.home.bundles) == before


@pytest.mark.parametrize("head", ["language", "encoder"])
def test_twelve_clicked_searches_are_too_few_to_pass(apart: Any, head: str, tmp_path: Path) -> None:
    (learned,) = (one for one in apart.learned if one.head == head)
    assert learned.metrics["clicked_searches"] > 30
    few = replace(learned, verdicts=judge(head, {**learned.metrics, "clicked_searches": 12.0}, None))
    with pytest.raises(Refused, match="clicked_searches 12"):
        register(apart.settings, few, "champion", apart.day)


def test_the_champion_is_what_a_language_model_stands_beside(apart: Any) -> None:
    figures = apart.learned[0].metrics
    better = {"category_accuracy": figures["category_accuracy"] + 0.2}
    sure = {"category_accuracy": (-0.25, -0.15)}
    assert "category_accuracy" in {v.gate for v in judge("language", figures, better, differences=sure) if not v.passed}
