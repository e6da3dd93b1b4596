"""The registry over a real MLflow: what is logged, who has which role, and what a death in the middle leaves."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import count
from pathlib import Path

import numpy as np
import pytest

from feature_repo.services import CLICK
from pipelines.bench.serving.synthetic import ranker
from pipelines.errors import Missing, PipelineError, Refused
from pipelines.registry import journal, listing, mlflow_store, roles, transition
from pipelines.registry.refusal import admit, refuse, rollback
from pipelines.registry.register import register as registered
from pipelines.registry.version import Version
from serving.bundles import Bundle, aliases, refusals
from serving.bundles.refusals import UNCALIBRATED
from serving.errors import BundleRefused
from serving.settings import Settings
from tests.made import written_again

# MLflow's own imports and stores warn of what they are about to change.
pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.timeout(1800)]
Register = Callable[..., Version]


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def settings(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A platform whose MLflow keeps its books in the state folder, or in PostgreSQL."""
    uri = request.getfixturevalue("postgres_url") if request.param == "postgres" else ""
    return Settings(PLACARD_HOME=tmp_path_factory.mktemp(request.param) / "placard", mlflow_uri=uri)


@pytest.fixture(scope="module")
def register(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Register]:
    """Registers a small candidate under an alias, each time of another content; a head of its own keeps tests apart."""
    folder, made_so_far = tmp_path_factory.mktemp("candidate"), count()
    made = ranker(folder / "made", trees=3, rows=500)
    plot = folder / "reliability.png"
    plot.write_bytes(b"\x89PNG not looked at")

    def call(head: str, alias: str = "challenger", **metrics: float) -> Version:
        place = folder / head
        written_again(made, place, replace(made.manifest, head=head, heads=(head,), tuned={"eta": next(made_so_far)}))
        rows = np.zeros((3, len(CLICK.columns)), np.float32)
        return registered(settings, place, alias, "a test", {"roc_auc": 0.7, **metrics}, [plot], rows, True)

    yield call


def roles_of(settings: Settings, head: str) -> dict[str, str]:
    """From serving's file, which must say what MLflow says."""
    mine = aliases.read_aliases(settings.home.bundles)[head]
    with mlflow_store.mlflow_client(settings) as client:
        theirs = {alias: str(v) for alias, v in client.get_registered_model(head).aliases.items()}
    assert mine == theirs
    return mine


def test_a_version_is_logged_whole(settings: Settings, register: Register) -> None:
    version = register("whole", roc_auc=0.71, ndcg=float("nan"))
    assert (version.head, version.version, version.aliases) == ("whole", "1", ("challenger",))
    installed = Bundle.load(aliases.version_folder(settings.home.bundles, "whole", "1"))
    assert installed.manifest.version == "1" and installed.manifest.metrics["roc_auc"] == 0.71
    with mlflow_store.mlflow_client(settings) as client:
        run = client.get_run(client.get_model_version("whole", "1").run_id)
        assert run.data.metrics == {"roc_auc": 0.71}, "what is not a number is not a metric"
        assert run.data.params["ranker"] == "bench"
        assert {f.path for f in client.list_artifacts(run.info.run_id, "bundle")} >= {"bundle/manifest.json", "bundle/model.ubj"}
        assert [f.path for f in client.list_artifacts(run.info.run_id, "evaluation")] == ["evaluation/reliability.png"]
        model = client.get_logged_model(run.outputs.model_outputs[0].model_id)
        import mlflow

        info = mlflow.models.get_model_info(model.model_uri)
    assert info.signature is not None and info.signature.inputs.input_names() == list(CLICK.names)
    assert info.saved_input_example_info is not None


def test_a_rollback_removes_and_a_second_one_brings_nobody_removed_back(settings: Settings, register: Register) -> None:
    for _ in range(3):
        register("turns")
    assert roles.promote(settings, "turns", "1").before == ""
    assert roles_of(settings, "turns") == {"champion": "1", "challenger": "3"}
    change = roles.promote(settings, "turns", why="better")
    assert (change.before, change.version, change.why) == ("1", "3", "better")
    assert roles_of(settings, "turns") == {"champion": "3", "previous": "1"}, "a champion is no challenger"
    assert rollback(settings, "turns", "clicks fell").version == "1"
    assert roles_of(settings, "turns") == {"champion": "1"}, "it no longer asks to be promoted, and nobody falls back on it"
    with pytest.raises(Missing, match=r"3: clicks fell.*registry admit turns"):
        rollback(settings, "turns")
    assert rollback(settings, "turns", version="3") == listing.history(settings, "turns")[-1], "done again by name, nothing more happens"
    assert roles_of(settings, "turns") == {"champion": "1"}
    roles.promote(settings, "turns", "2")
    roles.promote(settings, "turns", "2")
    assert roles_of(settings, "turns") == {"champion": "2", "previous": "1"}, "promoting the champion again takes nobody's place"
    served = [c.version for c in listing.history(settings, "turns") if c.alias == "champion"]
    assert served == ["1", "3", "1", "2", "2"]


def test_what_does_not_exist_is_refused_and_changes_nothing(settings: Settings, register: Register) -> None:
    register("kept")
    with pytest.raises(PipelineError, match=r"kept version.*'99'.*Registered: 1") as caught:
        roles.promote(settings, "kept", "99")
    assert caught.value.exit_code == 2, "a version that was typed wrongly is bad input"
    with pytest.raises(Missing, match="kept version to come back"):
        rollback(settings, "kept")
    with pytest.raises(Missing, match="registry register"):
        roles.promote(settings, "nothing")
    with pytest.raises(PipelineError, match="alias"):
        register("kept", "best")
    assert roles_of(settings, "kept") == {"challenger": "1"}


def test_a_damaged_candidate_is_not_registered(settings: Settings, register: Register, tmp_path: Path) -> None:
    made = ranker(tmp_path / "made", trees=2, rows=300)
    written_again(made, tmp_path / "c", replace(made.manifest, head="damaged", heads=("damaged",)))
    (tmp_path / "c" / "model.ubj").write_bytes(b"")
    with pytest.raises(BundleRefused):
        registered(settings, tmp_path / "c", "challenger", "", {}, [], np.zeros((1, len(CLICK.columns))), True)
    assert listing.versions(settings, "damaged") == []


def test_a_role_can_be_taken_away(settings: Settings, register: Register) -> None:
    register("shadowed", "shadow")
    register("shadowed")
    roles.clear_alias(settings, "shadowed", "shadow", "held")
    assert roles_of(settings, "shadowed") == {"challenger": "2"}
    roles.clear_alias(settings, "shadowed", "shadow", "again")
    assert listing.history(settings, "shadowed")[-1].why == "held"


def test_a_death_before_the_file_is_replaced_leaves_serving_as_it_was_and_is_healed_by_doing_it_again(
    settings: Settings, register: Register, monkeypatch: pytest.MonkeyPatch
) -> None:
    register("dying")
    register("dying")
    roles.promote(settings, "dying", "1")
    before = aliases.read_aliases(settings.home.bundles)["dying"]

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(transition, "write_aliases", die)
        roles.promote(settings, "dying")
    assert aliases.read_aliases(settings.home.bundles)["dying"] == before
    roles.promote(settings, "dying")
    assert roles_of(settings, "dying") == {"champion": "2", "previous": "1"}


def test_a_death_after_the_file_is_replaced_leaves_the_history_whole(
    settings: Settings, register: Register, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Serving has turned to the new champion: the history must say so, and why, whoever reads it first."""
    register("ending")
    register("ending")
    roles.promote(settings, "ending", "1", "first")

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(journal, "append", die)
        roles.promote(settings, "ending", "2", "better")
    assert aliases.read_aliases(settings.home.bundles)["ending"]["champion"] == "2"
    told = listing.history(settings, "ending")
    assert [(c.alias, c.version, c.why) for c in told[-2:]] == [("previous", "1", "2 took its place"), ("champion", "2", "better")]
    roles.clear_alias(settings, "ending", "previous", "enough")
    after = listing.history(settings, "ending")
    assert after[:-1] == told and after[-1].why == "enough", "written down once"


def test_what_was_intended_and_not_done_is_not_told(settings: Settings, register: Register, monkeypatch: pytest.MonkeyPatch) -> None:
    register("meant")

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(transition, "write_aliases", die)
        roles.promote(settings, "meant", "1", "never came")
    assert "never came" not in {c.why for c in listing.history(settings, "meant")}
    roles.promote(settings, "meant", "1", "came")
    assert [c.why for c in listing.history(settings, "meant") if c.alias == "champion"] == ["came"]


def test_a_change_made_again_within_its_second_has_a_line_of_its_own(
    settings: Settings, register: Register, monkeypatch: pytest.MonkeyPatch
) -> None:
    register("again")
    monkeypatch.setattr("pipelines.registry.roles.now", lambda: "2026-01-05T00:00:00+00:00")
    before = len(listing.history(settings, "again"))
    roles.set_alias(settings, "again", "shadow", "1", "tried")
    roles.clear_alias(settings, "again", "shadow", "enough")
    roles.set_alias(settings, "again", "shadow", "1", "tried")
    assert [c.why for c in listing.history(settings, "again")[before:]] == ["tried", "enough", "tried"]


def test_an_uncalibrated_version_is_shown_with_its_reason_and_not_promoted(settings: Settings, register: Register) -> None:
    one = register("crooked")
    manifest = settings.home.bundles / "crooked" / one.version / "manifest.json"
    manifest.chmod(0o644)
    manifest.write_text(json.dumps({**json.loads(manifest.read_text()), "calibrated": False}))
    (shown,) = listing.versions(settings, "crooked")
    assert shown.refused == UNCALIBRATED
    with pytest.raises(Refused, match="it is not calibrated") as said:
        roles.promote(settings, "crooked", "1", "all the same")
    assert "registry admit" not in str(said.value), "only what was refused can be admitted"
    assert "champion" not in roles_of(settings, "crooked")


def test_a_damaged_file_is_made_anew_from_mlflow(settings: Settings, register: Register) -> None:
    register("healed")
    roles.promote(settings, "healed", "1")
    (settings.home.bundles / "aliases.json").write_text("{")
    register("healed")
    assert roles_of(settings, "healed") == {"champion": "1", "challenger": "2"}
    json.loads((settings.home.bundles / "aliases.json").read_text())


def test_two_heads_at_once_lose_no_role(settings: Settings, register: Register) -> None:
    """As rankers_daily does: both heads register in parallel, each in a process of its own."""
    for head in ("one", "two"):
        register(head)
    with ThreadPoolExecutor(2) as pool:
        for head in ("one", "two"):
            pool.submit(lambda h=head: [roles.set_alias(settings, h, "shadow", "1", str(n)) for n in range(5)])
    assert roles_of(settings, "one") == roles_of(settings, "two") == {"challenger": "1", "shadow": "1"}


def tags(settings: Settings, head: str, version: str) -> dict[str, str]:
    with mlflow_store.mlflow_client(settings) as client:
        return dict(client.get_model_version(head, version).tags)


def test_a_refused_champion_is_rolled_back_and_everyone_is_told(settings: Settings, register: Register) -> None:
    for _ in range(2):
        register("poisoned")
    roles.promote(settings, "poisoned", "1")
    roles.promote(settings, "poisoned", "2", "a reason", ["calibration_ratio"])
    for _ in range(2):  # done again, nothing more happens
        assert refuse(settings, "poisoned", "2", "it promised too much") == "1"
        assert roles_of(settings, "poisoned") == {"champion": "1"}, "nobody is to fall back on the refused one, nor to promote it"
    assert refusals.read_refusals(settings.home.bundles)["poisoned"] == {"2": "it promised too much"}
    assert tags(settings, "poisoned", "2")["refused"] == "it promised too much"
    assert [v.refused for v in listing.versions(settings, "poisoned")] == ["", "it promised too much"]
    last = listing.history(settings, "poisoned")[3:]
    assert [(c.alias, c.version) for c in last] == [
        ("challenger", ""), ("previous", "1"), ("champion", "2"), ("refused", "2"), ("previous", ""), ("champion", "1"),
    ]  # fmt: skip
    assert last[2].failed == ("calibration_ratio",) and last[1].failed == () and "it promised too much" in last[-1].why
    with pytest.raises(Refused, match=r"it promised too much.*registry admit"):
        roles.promote(settings, "poisoned", "2", "again", ["calibration_ratio"])
    with pytest.raises(Missing):
        rollback(settings, "poisoned")
    admit(settings, "poisoned", "2", "found harmless")
    assert "refused" not in tags(settings, "poisoned", "2") and "poisoned" not in refusals.read_refusals(settings.home.bundles)
    assert roles.promote(settings, "poisoned", "2").version == "2"


def test_a_refused_champion_with_nobody_before_stays_and_is_not_heard(settings: Settings, register: Register) -> None:
    register("lonely")
    roles.promote(settings, "lonely", "1")
    assert refuse(settings, "lonely", "1", "drifted") == "1"
    assert roles_of(settings, "lonely") == {"champion": "1"}
    assert listing.versions(settings, "lonely")[0].refused == "drifted"


def test_a_refused_previous_is_not_brought_back(settings: Settings, register: Register) -> None:
    for version in ("1", "2"):
        register("stale")
        roles.promote(settings, "stale", version)
    refuse(settings, "stale", "1", "drifted")
    with pytest.raises(Missing, match="1: drifted"):
        rollback(settings, "stale")
    assert refuse(settings, "stale", "2", "worse") == "2", "of two refused ones neither takes over"
    assert roles_of(settings, "stale")["champion"] == "2"


def test_what_is_not_there_is_neither_refused_nor_admitted(settings: Settings, register: Register) -> None:
    register("absent")
    with pytest.raises(PipelineError, match="'9'"):
        refuse(settings, "absent", "9", "drifted")
    with pytest.raises(PipelineError, match="Refused: none"):
        admit(settings, "absent", "1", "why not")
    assert [c.alias for c in listing.history(settings, "absent")] == ["challenger"]
