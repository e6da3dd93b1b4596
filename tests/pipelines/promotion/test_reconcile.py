"""Aliases that are moved with MLflow's own client: taken over by our own rules, or put back with the reason."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from pipelines.errors import PipelineError
from pipelines.evaluate.assess import assess
from pipelines.promotion.reconcile import WHY, Reconciled, reconcile
from pipelines.promotion.register import register_candidate
from pipelines.registry import roles, transition
from pipelines.registry.alias_differences import compared
from pipelines.registry.listing import aliases_of, history
from pipelines.registry.mlflow_store import mlflow_client
from serving.settings import Settings

# MLflow's own imports and stores warn of what they are about to change.
pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def moved(settings: Settings, good: date, noise: date, family: str, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Version 1 passed its gates; version 2 is of noise, and a shadow."""
    made = Settings(PLACARD_HOME=shutil.copytree(settings.home.root, tmp_path_factory.mktemp("moved") / "placard"))
    for day, alias in ((good, "challenger"), (noise, "shadow")):
        assess(made, "click", day, family)
        register_candidate(made, "click", day, family, alias)
    return made


def move(settings: Settings, alias: str, version: str, head: str = "click") -> None:
    """As a person does on MLflow's page; "" takes the alias away."""
    with mlflow_client(settings) as client:
        if version:
            client.set_registered_model_alias(head, alias, version)
        else:
            client.delete_registered_model_alias(head, alias)


def tags(settings: Settings, version: str) -> dict[str, str]:
    with mlflow_client(settings) as client:
        return dict(client.get_model_version("click", version).tags)


def test_a_champion_that_passes_its_gates_is_taken_over_and_stands_in_the_journal(moved: Settings) -> None:
    move(moved, "champion", "1")
    assert reconcile(moved) == [Reconciled("click", "champion", "1")]
    assert aliases_of(moved)["click"] == {"champion": "1", "shadow": "2"} and compared(moved).differences == ()
    last = history(moved, "click")[-1]
    assert (last.alias, last.version, last.before, last.why, last.failed) == ("champion", "1", "", WHY, ())
    assert WHY in tags(moved, "1")["decision"] and reconcile(moved) == []


def test_a_champion_that_fails_its_gates_is_put_back_and_its_version_says_why(moved: Settings) -> None:
    before = history(moved, "click")
    move(moved, "champion", "2")
    (done,) = reconcile(moved)
    assert (done.alias, done.version) == ("champion", "2") and "roc_auc" in done.refused and "put back" in done.line
    assert tags(moved, "2")["refused.champion"] == done.refused
    assert aliases_of(moved)["click"]["champion"] == "1" and compared(moved).differences == () and history(moved, "click") == before


def test_what_no_verb_would_do_is_put_back(moved: Settings) -> None:
    before = aliases_of(moved)
    for alias, version, why in (("champion", "", "placard rollback click"), ("previous", "2", "Promotions and rollbacks set it")):
        move(moved, alias, version)
        (done,) = reconcile(moved)
        assert why in done.refused and aliases_of(moved) == before and compared(moved).differences == ()


def test_other_roles_are_taken_over_and_what_is_no_role_is_left_alone(moved: Settings) -> None:
    move(moved, "fallback", "1")
    move(moved, "shadow", "")
    move(moved, "favourite", "2")
    with mlflow_client(moved) as client:
        client.create_registered_model("theirs")
        client.create_model_version("theirs", moved.home.root.as_uri())
    move(moved, "champion", "1", "theirs")
    assert reconcile(moved) == [Reconciled("click", "fallback", "1"), Reconciled("click", "shadow", "")]
    assert aliases_of(moved) == {"click": {"champion": "1", "fallback": "1"}}
    with mlflow_client(moved) as client:
        assert {"favourite", "fallback"} < set(client.get_registered_model("click").aliases)
        assert list(client.get_registered_model("theirs").aliases) == ["champion"]


def test_a_change_of_ours_that_mlflow_was_not_told_of_is_no_move_of_theirs(moved: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    def unreached(*_: object) -> None:
        raise ConnectionError("the store is away")

    with monkeypatch.context() as patch:
        patch.setattr(transition, "tell", unreached)
        with pytest.raises(PipelineError, match="the store is away"):
            roles.set_alias(moved, "click", "fast", "1", "a test")
        with pytest.raises(PipelineError, match="a change that it was not told of"):
            reconcile(moved)
    assert reconcile(moved) == [] and aliases_of(moved)["click"]["fast"] == "1"


def test_a_store_that_was_taken_away_has_moved_nothing(moved: Settings, tmp_path: Path) -> None:
    there = Settings(PLACARD_HOME=shutil.copytree(moved.home.root, tmp_path / "placard", ignore=shutil.ignore_patterns("mlflow")))
    assert compared(there).differences and reconcile(there) == [] and aliases_of(there) == aliases_of(moved)


def test_the_verb_tells_what_it_did_and_ends_with_3_where_something_was_put_back(
    moved: Settings, say: Callable[..., tuple[int, str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PLACARD_HOME", str(Path(moved.home.root)))
    move(moved, "shadow", "2")
    status, out, _ = say("registry", "reconcile", "--json")
    assert status == 0 and json.loads(out)["moves"] == [{"head": "click", "alias": "shadow", "version": "2", "refused": ""}]
    move(moved, "previous", "2")
    status, out, _ = say("registry", "reconcile")
    assert status == 3 and "click @previous → 2 moved on MLflow's page: not taken over" in " ".join(out.split())
