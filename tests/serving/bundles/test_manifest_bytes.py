"""No byte of a manifest may change what is scored or what a place is worth without being noticed."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from feature_repo.services import CLICK
from pipelines.bench.serving.synthetic import ranker
from serving.bundles import Bundle, write_manifest
from serving.errors import BundleRefused

PLACES = np.array([1, 2, 3])
ROWS = np.random.default_rng(4).normal(size=(50, len(CLICK.columns))).astype(np.float32)


@pytest.fixture(scope="module")
def sampled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle as training on down-sampled logs leaves it: with a rate and with offsets."""
    folder = tmp_path_factory.mktemp("sampled") / "1"
    made = ranker(folder, trees=4, rows=800)
    write_manifest(folder, replace(made.manifest, negative_rate=0.25, position_offset={"feed": (0.0, -0.6, -0.9)}))
    return folder


def answers(folder: Path) -> list[float]:
    bundle = Bundle.load(folder, "click")
    return [*bundle.predict(ROWS), *bundle.offset("feed", PLACES)]


def changed(folder: Path, at: range) -> list[int]:
    """The bytes among `at` whose change is taken for a good manifest and alters an answer."""
    path, wanted, found = folder / "manifest.json", answers(folder), []
    whole = path.read_bytes()
    for i in at:
        path.write_bytes(whole[:i] + bytes([whole[i] ^ 1]) + whole[i + 1 :])
        try:
            if answers(folder) != wanted:
                found.append(i)
        except BundleRefused:
            continue
    path.write_bytes(whole)
    return found


def field(folder: Path, name: str) -> range:
    """The bytes of a field, its name included."""
    whole = (folder / "manifest.json").read_text()
    start = whole.index(f'"{name}"')
    return range(start, whole.index("\n", start) if "{" not in whole[start : whole.index("\n", start)] else whole.index("}", start))


@pytest.fixture
def copy(sampled: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(sampled, tmp_path / "copy"))


def test_the_other_bytes_are_refused_or_change_nothing(copy: Path) -> None:
    held = {*field(copy, "negative_rate"), *field(copy, "position_offset")}
    size = (copy / "manifest.json").stat().st_size
    assert [i for i in changed(copy, range(0, size, 17)) if i not in held] == []


@pytest.mark.parametrize("name", ["negative_rate", "position_offset"])
def test_what_scores_are_made_with_is_refused_when_a_byte_changes(copy: Path, name: str) -> None:
    assert changed(copy, field(copy, name)) == []
