"""Models, snapshots and the people who steer them: a pointer is verified before it is moved, what was removed stays removed, what is bad
concerns itself alone, and a death at any step leaves the old or the new."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from feature_repo.errors import PlacardError
from pipelines.bench.serving.synthetic import AS_OF, catalogue, ranker
from pipelines.errors import Missing, PipelineError, Refused
from pipelines.operations.doctor import Check
from pipelines.operations.doctor_models import examine_models
from pipelines.registry import listing, mlflow_store, roles
from pipelines.registry.mlflow_aliases import mlflow_aliases
from pipelines.registry.refusal import admit, refuse, rollback
from pipelines.registry.register import register_sealed
from serving.bundles import aliases, refusals, verified
from serving.bundles.sealed import read_manifest, write_manifest_file
from serving.bundles.smoke import smoke
from serving.errors import BundleRefused, BundleUnjudged, SnapshotMissing
from serving.language.dictionary import Dictionary
from serving.language.language import LANGUAGE, KnownWords, write_language
from serving.language.query_classifier import OUTPUTS
from serving.language.text_encoder import BUCKETS
from serving.settings import Settings
from serving.snapshot import current_version, open_current, open_snapshot, set_current
from serving.snapshot.manifest import ad_inputs, content_of, write_columns
from serving.worker.reload import Reloader
from tests.made import written_again

# MLflow's own imports and stores warn of what they are about to change.
pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.timeout(1800)]
NESTED = "[" * 200_000
Damage = Callable[[Path], object]


@pytest.fixture(scope="module", autouse=True)
def quick_smoke() -> Iterator[None]:
    """The smoke test in this process: tests/serving/worker starts another, which takes a second."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("serving.bundles.verified._smoke", smoke)
        yield


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Click: 1, 2 and 3 have been champion, one after the other, and 4 is the challenger. Language: 1, then 2. A snapshot of 60 ads.
    Copied, never changed."""
    root = tmp_path_factory.mktemp("steered")
    settings = Settings(PLACARD_HOME=root / "placard")
    catalogue(settings.home.snapshots, 60)
    one = ranker(root / "one", trees=10, rows=1_000)
    for version in ("1", "2", "3", "4"):
        said = replace(one.manifest, version="0", trained_from="2026-01-01", trained_to="2026-01-09", tuned={"eta": float(version)})
        written_again(one, root / "candidate", said)
        register_sealed(settings, "click", root / "candidate", "trained", {})
        if version != "4":
            roles.promote(settings, "click", version, "good")
    words = KnownWords({"shoe": 3}, {"shoe"}, Dictionary.of([{"shoe": 3}]))
    weights = np.random.default_rng(1).normal(size=(BUCKETS, OUTPUTS)).astype(np.float32)
    for version in ("1", "2"):
        learned = {"ranker": "linear", "trained_to": f"2026-01-0{version}", "metrics": {}}
        write_language(root / "words", "0", words, [], {}, weights, np.zeros(OUTPUTS, np.float32), learned)
        register_sealed(settings, LANGUAGE, root / "words", "trained", {})
        roles.promote(settings, LANGUAGE, version, "good")
    return settings


@pytest.fixture
def platform(made: Settings, tmp_path: Path) -> Settings:
    return Settings(PLACARD_HOME=Path(shutil.copytree(made.home.root, tmp_path / "placard")))


def folder(settings: Settings, version: str, head: str = "click") -> Path:
    return aliases.version_folder(settings.home.bundles, head, version)


def in_force(settings: Settings, head: str = "click") -> dict[str, str]:
    """From serving's file, which must say what MLflow says."""
    mine = aliases.read_aliases(settings.home.bundles).get(head, {})
    assert mine == mlflow_aliases(settings).get(head, {})
    return mine


def gone(place: Path) -> None:
    shutil.rmtree(place)


def a_file_gone(place: Path) -> None:
    next(f for f in sorted(place.iterdir()) if f.name != "manifest.json").unlink()


def a_byte_altered(place: Path) -> None:
    path = next(f for f in sorted(place.iterdir()) if f.name != "manifest.json")
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def unreadable(place: Path) -> None:
    (place / "manifest.json").write_text(NESTED)


def of_another_version(place: Path) -> None:
    write_manifest_file(place, {**read_manifest(place), "version": "77"})


def of_weights_that_say_nothing(place: Path) -> None:
    """Hashes and seal fit: only what it says can tell."""
    if (place / "weights.npy").exists():
        np.save(place / "weights.npy", np.full((BUCKETS, OUTPUTS), np.nan, np.float32))
        resealed(place, "weights.npy")
    else:
        inflated(place, lambda p: np.full_like(p, 0.1))


DAMAGES: list[Damage] = [gone, a_file_gone, a_byte_altered, unreadable, of_another_version, of_weights_that_say_nothing]


def resealed(place: Path, name: str) -> None:
    raw = read_manifest(place)
    raw["files"][name] = hashlib.sha256((place / name).read_bytes()).hexdigest()
    write_manifest_file(place, raw)


def inflated(place: Path, change: Callable[[np.ndarray], np.ndarray]) -> None:
    """Another calibrator, its hash and the seal made to fit."""
    table = json.loads((place / "calibrator.json").read_text())
    table["probabilities"] = change(np.array(table["probabilities"])).tolist()
    (place / "calibrator.json").write_text(json.dumps(table))
    resealed(place, "calibrator.json")


# Whoever moves a pointer verifies its target first.


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("move", ["promote", "alias", "shadow"])
def test_no_verb_points_at_a_version_whose_files_are_gone_or_altered(platform: Settings, damage: Damage, move: str) -> None:
    before = in_force(platform)
    damage(folder(platform, "4"))
    with pytest.raises(PlacardError):
        if move == "promote":
            roles.promote(platform, "click", "4", "better")
        else:
            roles.set_alias(platform, "click", {"alias": "fast", "shadow": "shadow_new"}[move], "4", "by hand")
    assert in_force(platform) == before


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("who", ["a person", "the guard"])
def test_a_way_back_leads_past_versions_whose_files_are_gone_or_altered(platform: Settings, damage: Damage, who: str) -> None:
    damage(folder(platform, "2"))
    if who == "a person":
        assert rollback(platform, "click", "clicks fell").version == "1"
    else:
        assert refuse(platform, "click", "3", "it promised too much") == "1"
    assert in_force(platform) == {"champion": "1", "challenger": "4"}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_language_model_is_rolled_back_to_sound_files_or_not_at_all(platform: Settings, damage: Damage) -> None:
    before = in_force(platform, LANGUAGE)
    damage(folder(platform, "1", LANGUAGE))
    with pytest.raises(Missing, match="version to come back"):
        rollback(platform, LANGUAGE)
    with pytest.raises(PlacardError):
        roles.promote(platform, LANGUAGE, "1")
    assert in_force(platform, LANGUAGE) == before == {"champion": "2", "previous": "1"}


def test_a_damaged_champion_can_be_replaced_and_is_no_way_back(platform: Settings) -> None:
    a_byte_altered(folder(platform, "3"))
    roles.promote(platform, "click", "4", "the files of 3 are broken")
    assert in_force(platform) == {"champion": "4", "previous": "2"}


# What a person or a guard has removed stays removed.


def test_a_person_rolled_back_and_the_guard_does_not_put_it_in_again(platform: Settings) -> None:
    assert rollback(platform, "click", "clicks fell").version == "2"
    assert refuse(platform, "click", "2", "a look five minutes later") == "1", "the one that nobody has removed, not 3"
    assert in_force(platform) == {"champion": "1", "challenger": "4"}
    assert refusals.read_refusals(platform.home.bundles)["click"] == {"3": "clicks fell", "2": "a look five minutes later"}
    with pytest.raises(Missing, match=r"2: a look five minutes later; 3: clicks fell.*registry admit"):
        rollback(platform, "click", "once more")
    assert in_force(platform)["champion"] == "1"


def test_previous_is_the_last_that_served_in_good_standing(platform: Settings) -> None:
    assert in_force(platform) == {"champion": "3", "previous": "2", "challenger": "4"}
    refuse(platform, "click", "2", "found to be wrong")
    assert in_force(platform) == {"champion": "3", "previous": "1", "challenger": "4"}
    roles.promote(platform, "click", "4", "better")
    assert in_force(platform) == {"champion": "4", "previous": "3"}
    rollback(platform, "click")
    assert in_force(platform) == {"champion": "3", "previous": "1"}, "4 asks no longer, and 1 is the last before 3 that nobody removed"


def test_a_removed_version_is_refused_until_it_is_admitted(platform: Settings) -> None:
    roles.set_alias(platform, "click", "fast", "3", "by hand")
    rollback(platform, "click", "clicks fell")
    assert in_force(platform) == {"champion": "2", "previous": "1", "challenger": "4"}, "it has lost every role"
    for alias in ("fast", "fallback", "challenger"):
        with pytest.raises(Refused, match=r"clicks fell.*registry admit click 3"):
            roles.set_alias(platform, "click", alias, "3", "all the same")
    with pytest.raises(Refused, match="clicks fell"):
        roles.promote(platform, "click", "3", "all the same")
    roles.set_alias(platform, "click", "shadow", "3", "to see it")
    admit(platform, "click", "3", "the log was at fault")
    roles.promote(platform, "click", "3", "back")
    assert in_force(platform) == {"champion": "3", "previous": "2", "challenger": "4", "shadow": "3"}


def test_a_rollback_by_name_done_again_removes_nobody_else(platform: Settings) -> None:
    first = rollback(platform, "click", "clicks fell", "3")
    assert rollback(platform, "click", "clicks fell", "3") == first and in_force(platform)["champion"] == "2"
    with pytest.raises(PipelineError, match="4 does not serve"):
        rollback(platform, "click", "clicks fell", "4")


def test_a_guard_keeps_a_model_out_while_mlflow_is_down(platform: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    def down(*_: object) -> None:
        raise ConnectionError("nobody answers")

    with monkeypatch.context() as patch:
        patch.setattr("pipelines.registry.transition.tell", down)
        for version in ("3", "2"):
            with pytest.raises(PipelineError, match="Serving follows the change"):
                refuse(platform, "click", version, "it promised too much")
    assert aliases.read_aliases(platform.home.bundles)["click"]["champion"] == "1"
    assert listing.history(platform, "click")[-1].version == "1"
    roles.set_alias(platform, "click", "fast", "4", "the next change")
    assert in_force(platform) == {"champion": "1", "challenger": "4", "fast": "4"} or mlflow_aliases(platform)["click"]["champion"] == "1"


# Late on a busy machine is the machine's (tests/pipelines/monitor/guard has the guard's part).


def test_a_smoke_test_that_the_machine_was_too_busy_for_condemns_nobody(platform: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    def busy(place: Path, head: str) -> None:
        raise BundleUnjudged("bundle", str(place), "the machine is busy")

    reloader = Reloader(platform)
    reloader.refresh()
    with monkeypatch.context() as patch:
        patch.setattr(verified, "_smoke", busy)
        with pytest.raises(BundleUnjudged):
            roles.promote(platform, "click", "4", "better")
    roles.promote(platform, "click", "4", "better")
    with monkeypatch.context() as patch:
        patch.setattr(verified, "_smoke", busy)
        reloader.refresh()
        assert "busy" in reloader.refused["click@champion"] and reloader.live.bundles["click", "champion"].manifest.version == "3"
        _forget_what_is_known()
        assert rollback(platform, "click", "in a hurry").version == "3", "one that has served is taken at its word"
        roles.promote(platform, "click", "2", "back to the one before")
    roles.promote(platform, "click", "2", "again")
    monkeypatch.setattr(time, "monotonic", lambda start=time.monotonic(): start + 3_600)
    reloader.refresh()
    assert reloader.refused == {} and reloader.live.bundles["click", "champion"].manifest.version == "2"


def _forget_what_is_known() -> None:
    """As another process would begin."""
    from pipelines.registry import targets

    targets._known.clear()


# A bad bundle concerns itself alone.


@pytest.mark.parametrize("file", ["manifest.json", "calibrator.json", "encoder.json"])
def test_one_unreadable_file_stops_neither_reloads_nor_the_guards_refusals(platform: Settings, file: str) -> None:
    reloader = Reloader(platform)
    reloader.refresh()
    roles.set_alias(platform, "click", "fast", "4", "by hand")
    (folder(platform, "4") / file).write_text(NESTED)
    if file != "manifest.json":
        resealed(folder(platform, "4"), file)
    assert refuse(platform, "click", "3", "it promised too much") == "2"
    reloader.refresh()
    assert set(reloader.refused) == {"click@fast"} and "version 4" in reloader.refused["click@fast"]
    live = reloader.live
    assert live.bundles["click", "champion"].manifest.version == "2" and live.refusals["click"] == {"3": "it promised too much"}
    assert live.snapshot is not None and live.language is not None
    shown = {(v.head, v.version): v.refused for v in listing.versions(platform)}
    assert len(shown) == 6 and (file != "manifest.json" or "cannot be read" in shown["click", "4"])


def test_whatever_a_library_raises_on_a_bad_bundle_concerns_that_bundle_alone(
    platform: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    def crash(place: Path, head: str, version: str) -> None:
        raise ZeroDivisionError("deep within a library")

    reloader = Reloader(platform)
    reloader.refresh()
    with monkeypatch.context() as patch:
        patch.setattr("serving.worker.reload.verified", crash)
        aliases.write_aliases(platform.home.bundles, {"click": {"champion": "4", "previous": "3"}, LANGUAGE: {"champion": "1"}})
        refusals.write_refusals(platform.home.bundles, {"click": {"1": "told meanwhile"}})
        reloader.refresh()
    assert set(reloader.refused) == {"click@champion"} and "ZeroDivisionError" in reloader.refused["click@champion"]
    assert reloader.live.language is not None and reloader.live.language.version == "1"
    assert reloader.live.refusals == {"click": {"1": "told meanwhile"}}


@pytest.mark.parametrize("file", ["aliases.json", "refused.json", "journal.intended.json"])
def test_an_unreadable_file_of_the_registry_is_named_and_the_next_change_mends_it(platform: Settings, file: str) -> None:
    reloader = Reloader(platform)
    reloader.refresh()
    (platform.home.bundles / file).write_text(NESTED)
    reloader.refresh()
    assert {alias for _, alias in reloader.live.bundles} == {"champion", "previous"}, "what is in use goes on"
    assert refuse(platform, "click", "3", "it promised too much") == "2"
    reloader.refresh()
    assert reloader.refused == {} and in_force(platform)["champion"] == "2"


# A snapshot's content is verified before the swap.


def altered_bids(place: Path) -> None:
    np.save(place / "bid_micros.npy", np.load(place / "bid_micros.npy") * 20)


def one_bit_in_some_column(place: Path) -> None:
    path = sorted(place.glob("*.npy"))[7]
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


def a_column_more(place: Path) -> None:
    np.save(place / "another.npy", np.zeros(3))


def manifest_of_another(place: Path) -> None:
    raw = json.loads((place / "manifest.json").read_text())
    (place / "manifest.json").write_text(json.dumps({**raw, "content": "0" * 64}))


def nested_manifest(place: Path) -> None:
    (place / "manifest.json").write_text(NESTED)


ALTERATIONS = [altered_bids, one_bit_in_some_column, a_column_more, manifest_of_another, nested_manifest]


def another_snapshot(settings: Settings, of: str = "", **changes: Any) -> str:
    """A version beside another one (default: the current), that nothing points at."""
    old = open_snapshot(settings.home.snapshots / (of or current_version(settings.home.snapshots)))
    arrays = {name: np.array(a) for name, a in old.arrays.items()}
    return write_columns(settings.home.snapshots, AS_OF, {**arrays, "bid_micros": arrays["bid_micros"] + 1, **changes}, len(old))


@pytest.mark.parametrize("alter", ALTERATIONS)
def test_an_altered_column_is_refused_before_the_swap_and_before_the_pointer_moves(platform: Settings, alter: Damage) -> None:
    reloader = Reloader(platform)
    reloader.refresh()
    old, version = reloader.live.snapshot, another_snapshot(platform)
    alter(platform.home.snapshots / version)
    with pytest.raises(SnapshotMissing):
        set_current(platform.home.snapshots, version)
    assert old is not None and current_version(platform.home.snapshots) == old.version
    (platform.home.snapshots / "CURRENT").write_text(version)
    reloader.refresh()
    assert reloader.live.snapshot is old and "publish again" in reloader.refused["snapshot"]
    assert another_snapshot(platform, old.version) == version
    reloader.refresh()
    assert reloader.refused == {} and reloader.live.snapshot is not None and reloader.live.snapshot.version == version, "published again"


@pytest.mark.parametrize(
    ("column", "values", "said"),
    [
        ("bid_micros", 10**15, "bid_micros"), ("bid_micros", -1, "bid_micros"), ("campaign.budget_micros", -5, "budget"),
        ("campaign", 1_000, "campaign"), ("recall.vectors", np.nan, "not finite"), ("vector.ad_vector", np.inf, "not finite"),
    ],
)  # fmt: skip
def test_bids_beyond_a_bound_and_cells_that_spoil_all_others_are_refused(platform: Settings, column: str, values: float, said: str) -> None:
    found = np.array(open_current(platform.home.snapshots)[column])
    found[3 if len(found) > 3 else 0] = values
    before, version = current_version(platform.home.snapshots), another_snapshot(platform, **{column: found})
    with pytest.raises(SnapshotMissing, match=said):
        set_current(platform.home.snapshots, version)
    assert current_version(platform.home.snapshots) == before


def test_the_content_of_a_snapshot_covers_every_column(platform: Settings) -> None:
    arrays = dict(open_current(platform.home.snapshots).arrays)
    whole = content_of(arrays, ad_inputs())
    for name in arrays:
        assert content_of({n: a for n, a in arrays.items() if n != name}, ad_inputs()) != whole


# What no model may say is refused at smoke.


@pytest.mark.parametrize("rate", [1e-9, 1e-3])
def test_a_negative_rate_that_its_rows_gainsay_is_refused_at_smoke(platform: Settings, rate: float) -> None:
    place = folder(platform, "4")
    write_manifest_file(place, {**read_manifest(place), "negative_rate": rate})
    with pytest.raises(BundleRefused, match="negative_rate"):
        smoke(place, "click")
    with pytest.raises(BundleRefused, match="negative_rate"):
        roles.promote(platform, "click", "4")


@pytest.mark.parametrize("surface", ["", "1"])
@pytest.mark.parametrize("times", [10.0, 0.1])
def test_a_calibrator_ten_times_off_is_refused_at_smoke(platform: Settings, surface: str, times: float) -> None:
    place = folder(platform, "4")
    smoke(place, "click")
    table = json.loads((place / "calibrator.json").read_text())
    off = {"margins": table["margins"], "probabilities": np.clip(times * np.array(table["probabilities"]), 1e-9, 1 - 1e-6).tolist()}
    table |= {"by_surface": {surface: off}} if surface else off
    (place / "calibrator.json").write_text(json.dumps(table))
    resealed(place, "calibrator.json")
    with pytest.raises(BundleRefused, match="its base rate"):
        smoke(place, "click")
    with pytest.raises(BundleRefused, match="its base rate"):
        roles.set_alias(platform, "click", "fallback", "4", "by hand")


@pytest.mark.parametrize("times", [0.5, 2.0])
def test_a_calibrator_that_mends_a_level_passes(platform: Settings, times: float) -> None:
    inflated(folder(platform, "4"), lambda p: np.clip(times * p, 1e-9, 1 - 1e-6))
    smoke(folder(platform, "4"), "click")


# A death at every step leaves the old or the new, and a rerun ends the same.


def deaths(program: str, place: Path) -> dict[str, Any]:
    done = subprocess.run([sys.executable, "-W", "ignore", "-m", program, str(place)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


def test_a_kill_at_every_step_of_promotion_and_rollback_leaves_the_old_or_the_new_and_a_rerun_ends_the_same(tmp_path: Path) -> None:
    found = deaths("tests.pipelines.registry.killed_changes", tmp_path)
    assert {"the first promotion ever", "a promotion", "a rollback", "a guard's refusal"} <= found.keys()
    for what, said in found.items():
        new = {name: said["new"][name] for name in ("aliases", "refused")}
        assert len(said["deaths"]) > 10 and new != said["old"], what
        for step, death in enumerate(said["deaths"]):
            assert death["after"] in (said["old"], new), (what, step)
            assert death["again"] == said["new"], (what, step)


def test_a_kill_at_every_step_of_a_publication_leaves_the_old_or_the_new_and_a_rerun_ends_the_same(tmp_path: Path) -> None:
    for what, said in deaths("tests.pipelines.registry.killed_snapshots", tmp_path).items():
        assert len(said["deaths"]) >= 15 and said["new"] and said["new"] != said["old"], what
        assert {after for after, _ in said["deaths"]} <= {said["old"], said["new"]}, what
        assert {again for _, again in said["deaths"]} == {said["new"]}, what


# The doctor says each broken state.


def checks(settings: Settings) -> dict[str, Check]:
    return {check.name: check for check in examine_models(settings)}


def test_the_doctor_finds_nothing_wrong_with_a_sound_platform_and_none_with_an_empty_one(platform: Settings, tmp_path: Path) -> None:
    assert {c.verdict for c in checks(platform).values()} == {"ok"}
    assert "bad" not in {c.verdict for c in checks(Settings(PLACARD_HOME=tmp_path / "fresh")).values()}


@pytest.mark.parametrize("damage", [d for d in DAMAGES if d is not of_weights_that_say_nothing])
@pytest.mark.parametrize(("head", "version"), [("click", "3"), (LANGUAGE, "2")])
def test_the_doctor_names_the_role_whose_files_are_gone_or_altered(platform: Settings, damage: Damage, head: str, version: str) -> None:
    damage(folder(platform, version, head))
    check = checks(platform)["roles"]
    assert check.verdict == "bad" and f"{head} {version} (" in check.seen and "@champion" in check.seen and check.fix


def test_the_doctor_names_versions_files_and_roles_that_are_broken_or_were_removed(platform: Settings) -> None:
    unreadable(folder(platform, "1"))
    refusals.write_refusals(platform.home.bundles, {"click": {"3": "it drifted"}})
    (platform.home.bundles / "journal.intended.json").write_text("[]")
    with mlflow_store.mlflow_client(platform) as client:
        client.set_registered_model_alias("click", "champion", "1")
    found = checks(platform)
    assert found["versions"].verdict == "warn" and "click 1" in found["versions"].seen
    assert found["roles"].verdict == "warn" and "click@champion is 3, which was removed: it drifted" in found["roles"].seen
    assert found["changes"].verdict == "warn" and found["mlflow roles"].verdict == "warn"
    (platform.home.bundles / "refused.json").write_text(NESTED)
    assert checks(platform)["roles"].verdict == "bad"


@pytest.mark.parametrize("alter", ALTERATIONS)
def test_the_doctor_says_that_the_snapshot_was_altered(platform: Settings, alter: Damage) -> None:
    alter(platform.home.snapshots / current_version(platform.home.snapshots))
    assert checks(platform)["snapshot"].verdict == "bad" and "publish again" in checks(platform)["snapshot"].fix
