"""A text model stands beside the champion's figures, when it is trained and when a person promotes it."""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipelines.errors import Refused
from pipelines.language.beside_champion import judged
from pipelines.metrics.roc_auc import roc_auc
from pipelines.promotion.promote import promote, table
from pipelines.registry.refusal import refuse
from pipelines.registry.register import register_sealed
from pipelines.statistics.auc_error import auc_error
from serving.bundles.aliases import read_aliases
from serving.bundles.sealed import read_manifest, write_manifest_file
from serving.settings import Settings
from tests.worlds.copied import copied

pytestmark = [pytest.mark.filterwarnings("ignore::DeprecationWarning"), pytest.mark.filterwarnings("ignore::FutureWarning")]
SURE = {"clicked_searches": 4_000.0, "commercial_positives": 4_000.0, "commercial_negatives": 40_000.0}
GOOD = {"language": {"category_accuracy": 0.8, "commercial_auc": 0.7}, "encoder": {"recall_at_100": 0.8}}
COMPARED = [(head, figure) for head, figures in GOOD.items() for figure in figures]


@pytest.fixture
def apart(searched: Any, tmp_path: Path) -> Any:
    """The searched market with its champions, to be changed."""
    return replace(searched, settings=Settings(home_path=copied("tests.worlds.searched_market", tmp_path / "world") / "placard"))


def reigning(apart: Any, head: str, figures: dict[str, float]) -> None:
    """As if the champion had been measured so."""
    place = apart.home.bundles / head / "1"
    write_manifest_file(place, {**read_manifest(place), "metrics": figures})


def failed(apart: Any, head: str, figures: dict[str, float]) -> set[str]:
    return {v.gate for v in judged(apart.settings, head, figures) if not v.passed}


@pytest.mark.parametrize(("head", "figure"), COMPARED)
def test_each_of_its_figures_is_compared_with_the_champions(apart: Any, head: str, figure: str) -> None:
    champion = GOOD[head] | SURE
    reigning(apart, head, champion)
    assert failed(apart, head, champion) == set(), "beside its like"
    assert failed(apart, head, champion | {figure: champion[figure] - 0.05}) == {figure}, "a little worse, beyond doubt"
    few = champion | dict.fromkeys(SURE, 40.0)
    assert failed(apart, head, few | {figure: champion[figure] - 0.05}) == set(), "as much worse, which may be luck"
    assert failed(apart, head, few | {figure: champion[figure] - 0.2}) == {figure}, "much worse, whatever it is"
    refuse(apart.settings, head, "1", "it reads nonsense")
    assert failed(apart, head, champion | {figure: champion[figure] - 0.05}) == set(), "one that was removed is no measure"


def test_what_is_trained_counts_the_searches_that_it_is_measured_on(searched: Any) -> None:
    measured = searched.learned[0].metrics
    assert 0 < measured["commercial_positives"] <= measured["clicked_searches"] and measured["commercial_negatives"] > 0
    beside = {v.gate: v.champion for v in judged(searched.settings, "language", measured)}
    assert beside["commercial_auc"] == measured["commercial_auc"]


def test_a_person_who_promotes_a_worse_one_is_told_and_the_champion_itself_stands_alone(apart: Any, tmp_path: Path) -> None:
    reigning(apart, "language", GOOD["language"] | SURE)
    worse = GOOD["language"] | SURE | {"commercial_auc": 0.6}
    folder = Path(shutil.copytree(apart.learned[0].folder, tmp_path / "worse"))
    write_manifest_file(folder, {**read_manifest(folder, head="language"), "trained_to": "2026-02-01T00:00:00"})
    register_sealed(apart.settings, "language", folder, "trained", worse)
    day = apart.day + timedelta(days=1)
    with pytest.raises(Refused, match=r"commercial_auc 0\.6 must be"):
        promote(apart.settings, "language", "2", day)
    assert read_aliases(apart.home.bundles)["language"]["champion"] == "1"
    assert {v.champion for v in table(apart.settings, "language", "1", day).verdicts} == {None}
    assert promote(apart.settings, "language", "2", day, override="to see it")[0].failed == ("commercial_auc",)


@pytest.mark.parametrize(("auc", "positives", "negatives"), [(0.5, 40, 400), (0.7, 100, 100), (0.85, 30, 300)])
def test_the_error_of_an_area_is_how_much_it_varies(auc: float, positives: int, negatives: int) -> None:
    """Of exponential scores whose rates make that area, from which the formula is derived."""
    rng, times = np.random.default_rng(3), 4_000
    label = np.r_[np.ones(positives, bool), np.zeros(negatives, bool)]
    found = [roc_auc(label, np.r_[rng.exponential(auc / (1 - auc), positives), rng.exponential(1.0, negatives)]) for _ in range(times)]
    assert np.mean(found) == pytest.approx(auc, abs=0.005)
    assert auc_error(auc, positives, negatives) == pytest.approx(np.std(found), rel=0.06)
    assert np.isnan(auc_error(auc, 0, negatives))
