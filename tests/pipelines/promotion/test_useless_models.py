"""Models that must never serve are refused, alone and beside a champion, by the gate that is there for them; honest ones are not."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import date
from functools import cache
from pathlib import Path

import pytest

from pipelines.datasets.training_set import read
from pipelines.errors import Refused
from pipelines.evaluate.assess import assess, weigh
from pipelines.gates.evidence import Evidence
from pipelines.promotion.promote import NotPromoted, promote
from pipelines.promotion.register import register_candidate
from pipelines.training.candidate import candidate
from serving.bundles import Bundle, aliases
from serving.bundles.refusals import UNCALIBRATED
from serving.settings import Settings
from tests.worlds.copied import copied
from tests.worlds.useless_models import DAY, LEAKS

# MLflow's own imports and stores warn of what they are about to change.
pytestmark = pytest.mark.filterwarnings("ignore")
USELESS = {
    "constant": {"normalised_entropy", "roc_auc", "entropy_over_baseline"},
    "shuffled": {"normalised_entropy", "roc_auc", "entropy_over_baseline"},
    "inverted": {"normalised_entropy", "roc_auc", "grouped_auc", "entropy_over_baseline"},
    "inflated": {"calibration_ratio"},
    "last_place_promised_too_much": {"calibration_ratio of place feed 2", "calibration_ratio of place search 2"},
    "slice_scrambled": {"normalised_entropy of surface search"},
    "stale": {"days_behind"},
    "leaking": {"information_told"},
    "leaking_flipped": {"information_told"},
}
"""By model: gates that must name it."""
UNTRUE = {"inflated", "last_place_promised_too_much"}
"""Whose promises do not come true: the auction never hears them, whatever a person overrides."""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copied("tests.worlds.useless_models", tmp_path_factory.mktemp("useless") / "placard")


@pytest.fixture(scope="module")
def weighed(place: Path) -> Callable[[str, str], Evidence]:
    """weighed(name, beside): the evidence of a model, beside another as champion ("" for none)."""

    @cache
    def run(name: str, beside: str) -> Evidence:
        settings = Settings(PLACARD_HOME=place)
        version = aliases.version_folder(settings.home.bundles, "click", beside or "none")
        if beside and not version.exists():
            shutil.copytree(place / "models" / beside, version)
        aliases.write_aliases(settings.home.bundles, {"click": {"champion": beside}} if beside else {})
        day = LEAKS[name][0] if name in LEAKS else DAY
        return weigh(settings, Bundle.load(place / "models" / name), read(settings.home, "click", day), day)[1]

    return run


def failed(found: Evidence) -> set[str]:
    return {v.gate for v in found.verdicts() if not v.passed}


@pytest.mark.parametrize(
    ("name", "beside"), [("honest", ""), ("logistic", ""), ("honest", "honest"), ("honest", "logistic"), ("logistic", "logistic")]
)
def test_honest_models_pass(name: str, beside: str, weighed: Callable[[str, str], Evidence]) -> None:
    """Each as the first champion, after another version of itself, and the better after the worse."""
    found = weighed(name, beside)
    assert failed(found) == set() and found.calibrated
    assert (found.beside is not None) == bool(beside)


def test_an_honest_model_does_not_take_the_place_of_one_that_is_surely_better(weighed: Callable[[str, str], Evidence]) -> None:
    assert failed(weighed("logistic", "honest")) >= {"normalised_entropy", "roc_auc"}


@pytest.mark.parametrize("beside", ["", "honest"], ids=["alone", "beside a champion"])
@pytest.mark.parametrize("name", USELESS)
def test_a_useless_model_is_refused_by_the_gate_that_is_there_for_it(
    name: str, beside: str, weighed: Callable[[str, str], Evidence]
) -> None:
    found = weighed(name, beside)
    assert failed(found) >= USELESS[name], "each of these names it"
    assert found.calibrated == (name not in UNTRUE)


def test_a_leak_also_shows_as_a_jump_over_the_champion(weighed: Callable[[str, str], Evidence]) -> None:
    for name in LEAKS:
        told = next(v for v in weighed(name, "honest").verdicts() if v.gate == "information_told")
        assert told.champion is not None and told.challenger is not None
        assert told.challenger - told.champion > 0.15 and "leads the champion by ≤ 0.15" in told.bound


def test_what_the_evaluation_says_of_its_calibration_stands_in_the_version(place: Path, tmp_path: Path) -> None:
    """By the real functions: an untrue model is registered as a shadow only, and no reason makes it champion."""
    settings = Settings(PLACARD_HOME=Path(shutil.copytree(place, tmp_path / "placard", ignore=shutil.ignore_patterns("bundles"))))

    def offered(name: str, alias: str, day: date = DAY) -> Bundle:
        ranker = Bundle.load(place / "models" / name).manifest.ranker
        where = candidate(settings.home, "click", day, ranker)
        shutil.rmtree(where, ignore_errors=True)
        shutil.copytree(place / "models" / name, where)
        assess(settings, "click", day, ranker)
        version = register_candidate(settings, "click", day, ranker, alias)
        return Bundle.load(aliases.version_folder(settings.home.bundles, "click", version.version))

    with pytest.raises(Refused, match=r"calibration_ratio 1\.4"):
        offered("inflated", "challenger")
    assert not offered("inflated", "shadow").manifest.calibrated
    with pytest.raises(NotPromoted, match=r"calibration_ratio 1\.4"):
        promote(settings, "click", "1", DAY)
    with pytest.raises(Refused, match=UNCALIBRATED):
        promote(settings, "click", "1", DAY, override="it sells more")
    assert offered("honest", "challenger").manifest.calibrated
    assert promote(settings, "click", "2", DAY)[0].version == "2"
