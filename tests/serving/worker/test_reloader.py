"""What is taken up, what is refused and why; the old one serves on, and a thing mended is taken up by itself."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from feature_repo.home import Home
from feature_repo.services import CLICK
from serving.bundles import Bundle, Tables, aliases, refusals, write_manifest
from serving.bundles.calibrator import Calibrator
from serving.errors import ServingError
from serving.snapshot import current_version, open_current, set_current
from serving.snapshot.manifest import matrix_name, write_columns
from serving.worker.reload import Reloader
from tests.made import written_again


@pytest.fixture
def reloader(quick_smoke: None, published_home: Home, settings_for: Callable[..., Any]) -> Reloader:
    made = Reloader(settings_for(published_home))
    made.refresh()
    return made


def champion(reloader: Reloader) -> str:
    bundle = reloader.live.bundle("click", "champion")
    assert bundle is not None
    return bundle.manifest.version


def promote(home: Home, version: str) -> None:
    aliases.write_aliases(home.bundles, {"click": {"champion": version}})


def corrupt_weights(folder: Path) -> None:
    content = bytearray((folder / "model.ubj").read_bytes())
    content[100] ^= 1
    (folder / "model.ubj").write_bytes(content)


def lose_a_file(folder: Path) -> None:
    (folder / "calibrator.json").unlink()


def cut_the_manifest(folder: Path) -> None:
    (folder / "manifest.json").write_text((folder / "manifest.json").read_text()[:200])


def name_another_column(folder: Path) -> None:
    manifest = Bundle.load(folder).manifest
    write_manifest(folder, replace(manifest, columns=(*manifest.columns[:-1], "renamed")))


def read_another_input(folder: Path) -> None:
    write_manifest(folder, replace(Bundle.load(folder).manifest, input="feed"))


def be_of_another_version(folder: Path) -> None:
    write_manifest(folder, replace(Bundle.load(folder).manifest, version="1"))


def be_of_the_future(folder: Path) -> None:
    write_manifest(folder, replace(Bundle.load(folder).manifest, format=99))


def be_gone(folder: Path) -> None:
    shutil.rmtree(folder)


def score_all_alike(folder: Path) -> None:
    b = Bundle.load(folder)
    flat = Calibrator(np.array([-1e9, 1e9]), np.array([0.5, 0.5]))
    written_again(b, folder, tables=Tables(flat, {}, {}))


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (corrupt_weights, "model.ubj"), (lose_a_file, "calibrator.json"), (cut_the_manifest, "manifest"), (name_another_column, "renamed"),
        (read_another_input, "feed"), (be_of_another_version, "click@1"), (be_of_the_future, "99"), (be_gone, "manifest"),
        (score_all_alike, "alike"),
    ],
)  # fmt: skip
def test_what_must_not_serve_is_refused_by_name_and_the_old_serves_on(
    reloader: Reloader, published_home: Home, registered: Callable[..., None], damage: Callable[[Path], None], said: str
) -> None:
    old, swaps = reloader.live, reloader.swaps
    damage(published_home.bundles / "click" / "2")
    promote(published_home, "2")
    for _ in range(2):
        reloader.refresh()
        assert said in reloader.refused["click@champion"] and "version 2" in reloader.refused["click@champion"]
    assert reloader.live is old and reloader.swaps == swaps
    registered(published_home, "2", seed=3)
    reloader.refresh()
    assert (champion(reloader), reloader.refused) == ("2", {}), "mended, it is taken up by itself"


def test_a_new_champion_is_taken_up_whole(reloader: Reloader, published_home: Home) -> None:
    before = reloader.live
    promote(published_home, "2")
    reloader.refresh()
    assert (champion(reloader), before.bundles["click", "champion"].manifest.version) == ("2", "1"), "a request keeps what it began with"
    swapped = reloader.live
    reloader.refresh()
    assert reloader.live is swapped, "nothing new, nothing swapped"


def test_a_challenger_is_not_loaded_and_a_dropped_alias_is(reloader: Reloader, published_home: Home) -> None:
    aliases.write_aliases(published_home.bundles, {"click": {"champion": "1", "challenger": "2", "shadow": "2"}})
    reloader.refresh()
    assert set(reloader.live.bundles) == {("click", "champion"), ("click", "shadow")}
    promote(published_home, "1")
    reloader.refresh()
    assert set(reloader.live.bundles) == {("click", "champion")}


@pytest.mark.parametrize("content", ["", "{", "[]", '{"click": "2"}', '{"click": {"champion": 2}}', "null"])
def test_damaged_aliases_change_nothing(reloader: Reloader, published_home: Home, content: str) -> None:
    (published_home.bundles / "aliases.json").write_text(content)
    reloader.refresh()
    assert (champion(reloader), set(reloader.refused)) == ("1", {"aliases"})
    promote(published_home, "2")
    reloader.refresh()
    assert (champion(reloader), reloader.refused) == ("2", {})


def test_bundles_that_crash_a_process_are_found_in_another(published_home: Home, settings_for: Callable[..., Any]) -> None:
    """The real smoke test: good weights pass, and what it says of bad ones is told."""
    score_all_alike(published_home.bundles / "click" / "2")
    reloader = Reloader(settings_for(published_home))
    reloader.refresh()
    assert champion(reloader) == "1"
    promote(published_home, "2")
    reloader.refresh()
    assert champion(reloader) == "1" and "smoke test failed" in reloader.refused["click@champion"]


def test_a_worker_that_starts_with_a_corrupt_champion_answers_with_the_one_before(serve: Callable[..., Any], published_home: Home) -> None:
    corrupt_weights(published_home.bundles / "click" / "2")
    aliases.write_aliases(published_home.bundles, {"click": {"champion": "2", "previous": "1"}})
    api = serve(published_home)
    answer = api.ask()
    assert (answer["rung"], answer["policy"], len(answer["ads"])) == ("fallback", "click@1", 3)
    ready = api.client.get("/readyz")
    assert ready.status_code == 200 and set(ready.json()["refused"]) == {"click@champion"}


def newer(home: Home) -> str:
    """Another snapshot, made current; returns its version."""
    old = open_current(home.snapshots)
    arrays = {name: np.array(a) for name, a in old.arrays.items()}
    arrays["bid_micros"] += 1
    version = write_columns(home.snapshots, old.as_of, arrays, len(old))
    set_current(home.snapshots, version)
    return version


def test_a_new_snapshot_is_taken_up(reloader: Reloader, published_home: Home) -> None:
    version = newer(published_home)
    reloader.refresh()
    assert reloader.live.snapshot is not None and reloader.live.snapshot.version == version


def rename_a_feature(folder: Path) -> None:
    raw = json.loads((folder / "manifest.json").read_text())
    raw["inputs"][CLICK.name][0] = "was_called"
    (folder / "manifest.json").write_text(json.dumps(raw))


def drop_a_feature(folder: Path) -> None:
    raw = json.loads((folder / "manifest.json").read_text())
    raw["inputs"][CLICK.name].pop()
    (folder / "manifest.json").write_text(json.dumps(raw))


def swap_two_features(folder: Path) -> None:
    """The same number of columns: nothing but the names could tell."""
    raw = json.loads((folder / "manifest.json").read_text())
    names = raw["inputs"][CLICK.name]
    names[0], names[1] = names[1], names[0]
    (folder / "manifest.json").write_text(json.dumps(raw))


def of_an_older_release(folder: Path) -> None:
    raw = json.loads((folder / "manifest.json").read_text())
    del raw["inputs"]
    raw["format"] = 1
    (folder / "manifest.json").write_text(json.dumps(raw))


def narrower_matrix(folder: Path) -> None:
    np.save(folder / f"{matrix_name(CLICK)}.npy", np.load(folder / f"{matrix_name(CLICK)}.npy")[:, :-1])


def fewer_rows(folder: Path) -> None:
    np.save(folder / "campaign.npy", np.load(folder / "campaign.npy")[:-1])


def lose_a_column(folder: Path) -> None:
    (folder / "policy.npy").unlink()


def cut_a_column(folder: Path) -> None:
    content = (folder / f"{matrix_name(CLICK)}.npy").read_bytes()
    (folder / f"{matrix_name(CLICK)}.npy").write_bytes(content[: len(content) // 2])


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (rename_a_feature, "was_called"), (drop_a_feature, "features have changed"), (swap_two_features, "features have changed"),
        (of_an_older_release, "publish again"), (narrower_matrix, matrix_name(CLICK)), (fewer_rows, "campaign"), (lose_a_column, "policy"),
        (cut_a_column, "publish again"), (be_gone, "publish again"),
    ],
)  # fmt: skip
def test_a_snapshot_that_does_not_fit_the_ranker_is_refused_and_the_old_serves_on(
    reloader: Reloader, published_home: Home, damage: Callable[[Path], None], said: str
) -> None:
    old = reloader.live
    version = newer(published_home)
    damage(published_home.snapshots / version)
    reloader.refresh()
    assert reloader.live is old
    assert said in reloader.refused["snapshot"]
    (published_home.snapshots / "CURRENT").write_text(f"{old.snapshot.version}\n" if old.snapshot else "")
    reloader.refresh()
    assert reloader.refused == {}


def test_a_snapshot_written_under_other_features_has_another_version(published_home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else a publication after the change would find the folder there and leave the old names in it."""
    old = open_current(published_home.snapshots)
    arrays = {name: np.array(a) for name, a in old.arrays.items()}
    assert write_columns(published_home.snapshots, old.as_of, arrays, len(old)) == current_version(published_home.snapshots)
    renamed = replace(CLICK, columns=(*CLICK.columns[:-1], replace(CLICK.columns[-1], name="renamed")))
    monkeypatch.setitem(__import__("feature_repo.services").services.INPUTS, CLICK.name, renamed)
    assert write_columns(published_home.snapshots, old.as_of, arrays, len(old)) != current_version(published_home.snapshots)


def test_a_refusal_takes_effect_and_is_lifted_without_a_restart(serve: Callable[..., Any], published_home: Home) -> None:
    promote(published_home, "2")
    aliases.write_aliases(published_home.bundles, {"click": {"champion": "2", "previous": "1"}})
    api = serve(published_home)
    refusals.write_refusals(published_home.bundles, {"click": {"2": "it promised five times too much"}})
    api.worker.reloader.refresh()
    answer = api.ask()
    assert (answer["rung"], answer["policy"]) == ("fallback", "click@1")
    told = api.client.get(f"/v1/decisions/{answer['decision_id']}/why").json()
    assert told["refused"] == ["click@2 kept out of the auction: it promised five times too much"]
    assert api.client.get("/readyz").json()["refused"] == {"click@2": "not in the auction: it promised five times too much"}
    (published_home.bundles / refusals.FILE).write_text("{")
    api.worker.reloader.refresh()
    assert api.ask()["policy"] == "click@1" and "refusals" in api.worker.reloader.refused, "a damaged file lifts nothing"
    refusals.write_refusals(published_home.bundles, {})
    api.worker.reloader.refresh()
    assert (api.ask()["policy"], api.worker.reloader.refused) == ("click@2", {})


@pytest.mark.parametrize("content", ["", "[]", '{"click": "2"}', '{"click": {"2": 2}}'])
def test_a_damaged_refusals_file_is_named(published_home: Home, content: str) -> None:
    (published_home.bundles / refusals.FILE).write_text(content)
    with pytest.raises(ServingError, match=r"refused\.json"):
        refusals.read_refusals(published_home.bundles)
