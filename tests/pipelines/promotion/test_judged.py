"""From evaluation to registry: who fails a gate does not get in, and a champion is met on the same rows."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from feature_repo.home import Home
from pipelines.datasets.training_set import folder
from pipelines.errors import Missing, PipelineError, Refused
from pipelines.evaluate.assess import assess, evidence_of
from pipelines.gates.gates import GATES
from pipelines.promotion.register import register_candidate
from pipelines.registry import listing, roles
from pipelines.training.fit import fit
from serving.settings import Settings

# MLflow's own imports and stores warn of what they are about to change.
pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture
def fresh(settings: Settings, tmp_path: Path) -> Settings:
    """The fitted platform, before any evaluation or registration."""
    home = Path(shutil.copytree(settings.home.root, tmp_path / "placard"))
    for left in home.glob("candidates/click/*/*.evaluation.json"):
        left.unlink()
    return Settings(PLACARD_HOME=home)


def test_what_was_not_evaluated_is_missing_with_the_verb_that_does_it(fresh: Settings, good: date, family: str) -> None:
    for ask in (
        lambda: evidence_of(fresh.home, "click", good, family),
        lambda: register_candidate(fresh, "click", good, family, "challenger"),
    ):
        with pytest.raises(Missing, match="placard evaluate --head click") as caught:
            ask()
        assert caught.value.exit_code == 4


def test_an_unknown_ranker_is_bad_input(fresh: Settings, good: date) -> None:
    with pytest.raises(PipelineError, match=r"oracle.*Known: logistic, xgboost"):
        fit(fresh, "click", good, "oracle")


def test_noise_is_refused_by_the_names_of_its_gates_and_changes_nothing(fresh: Settings, noise: date, family: str) -> None:
    outcome = assess(fresh, "click", noise, family)
    failed = {v.gate for v in outcome.verdicts if not v.passed}
    assert not outcome.passed and {"normalised_entropy", "roc_auc"} <= failed
    with pytest.raises(Refused) as caught:
        register_candidate(fresh, "click", noise, family, "challenger")
    assert caught.value.exit_code == 3 and all(gate in str(caught.value) for gate in failed)
    assert not any(v.gate in str(caught.value) for v in outcome.verdicts if v.passed), "only what failed is named"
    assert listing.versions(fresh) == [] and listing.history(fresh) == [] and not fresh.home.bundles.exists()
    assert register_candidate(fresh, "click", noise, family, "shadow").aliases == ("shadow",), "a shadow answers nobody: it may be anything"


def test_the_first_is_judged_by_bounds_and_the_next_against_the_champion_on_the_same_rows(
    fresh: Settings, good: date, noise: date, family: str
) -> None:
    first = assess(fresh, "click", good, family)
    gates = {g.metric for g in GATES["click"]}
    assert first.passed and gates <= {v.gate for v in first.verdicts}
    assert {(s.column, s.value) for s in first.evidence.slices} >= {("surface", "feed"), ("surface", "search"), ("device", "mobile")}
    assert all(v.champion is None for v in first.verdicts)
    register_candidate(fresh, "click", good, family, "challenger")
    roles.promote(fresh, "click")
    again = assess(fresh, "click", good, family)
    compared = [v for v in again.verdicts if v.champion is not None]
    assert again.passed and all(v.champion == pytest.approx(v.challenger) for v in compared), "it meets itself"
    assert {"normalised_entropy", "roc_auc", "grouped_auc"} <= {v.gate for v in compared}
    assert all(s.trails_low == s.trails_high == 0 for s in again.evidence.slices), "slice by slice"
    later = assess(fresh, "click", noise, family)
    assert "champion 1" in later.evaluation.scores
    assert evidence_of(fresh.home, "click", noise, family) == later.evidence, "what is kept is what was found"


def test_a_candidate_trained_anew_must_be_evaluated_anew(
    fresh: Settings, good: date, family: str, relay: Callable[[Home, date, float], None]
) -> None:
    """Else yesterday's verdict lets today's candidate in."""
    assert assess(fresh, "click", good, family).passed
    shutil.rmtree(folder(fresh.home, "click", good))
    relay(fresh.home, good, 0.0)
    fit(fresh, "click", good, family)
    with pytest.raises(PipelineError):
        register_candidate(fresh, "click", good, family, "challenger")
