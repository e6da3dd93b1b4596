"""A bundle on disk: read back bit for bit, refused when a byte, a column or a number is not what was trained."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feature_repo.services import CLICK, SURFACE
from pipelines.bench.serving.synthetic import ranker
from serving.bundles import Bundle
from serving.bundles.calibrator import Calibrator
from serving.bundles.encoder import Encoding, encode
from serving.bundles.sealed import seal
from serving.errors import BundleRefused
from tests.examples import examples
from tests.made import written_again


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Bundle]:
    folder = tmp_path_factory.mktemp("bundles") / "1"
    return folder, ranker(folder, trees=12, rows=2_000)


@pytest.fixture(scope="module")
def rows() -> np.ndarray:
    return np.random.default_rng(4).normal(size=(300, len(CLICK.columns))).astype(np.float32)


@pytest.fixture
def copy(made: tuple[Path, Bundle], tmp_path: Path) -> Path:
    return Path(shutil.copytree(made[0], tmp_path / "copy"))


def test_what_is_read_scores_bit_for_bit_like_what_was_written(made: tuple[Path, Bundle], rows: np.ndarray) -> None:
    folder, written = made
    read = Bundle.load(folder, "click")
    assert (read.predict(rows) == written.predict(rows)).all()
    assert read.manifest == written.manifest


def test_files_are_what_the_manifest_says_and_none_is_a_pickle(made: tuple[Path, Bundle]) -> None:
    names = {p.name for p in made[0].iterdir()}
    assert names == {"manifest.json", *made[1].manifest.files} and {Path(n).suffix for n in names} == {".json", ".ubj"}
    for path in made[0].glob("*.json"):
        json.loads(path.read_text())


@pytest.mark.parametrize("name", ["model.ubj", "encoder.json", "calibrator.json"])
def test_a_changed_byte_is_refused_by_name(copy: Path, name: str) -> None:
    whole = (copy / name).read_bytes()
    for at in np.linspace(0, len(whole) - 1, 25).astype(int):
        (copy / name).write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        with pytest.raises(BundleRefused, match=name):
            Bundle.load(copy)
    (copy / name).write_bytes(whole[:-1])
    with pytest.raises(BundleRefused, match=name):
        Bundle.load(copy)
    (copy / name).unlink()
    with pytest.raises(BundleRefused, match=f"{name}.*absent"):
        Bundle.load(copy)


def manifest(copy: Path, **changes: Any) -> None:
    """Changes what it says, and seals it as if it had been written so."""
    path = copy / "manifest.json"
    raw = {**json.loads(path.read_text()), **changes}
    del raw["seal"]
    path.write_text(json.dumps({**raw, "seal": seal(raw)}))


@pytest.mark.parametrize(
    "changes",
    [
        {"negative_rate": 0},
        {"negative_rate": 2.0},
        {"format": 99},
        {"dtype": "float64"},
        {"columns": ["a"]},
        {"files": None},
        {"rows": None, "more": 1},
    ],
    ids=str,
)
def test_a_manifest_that_makes_no_sense_is_refused(copy: Path, changes: dict[str, Any]) -> None:
    manifest(copy, **changes)
    with pytest.raises(BundleRefused):
        Bundle.load(copy, "click")


def test_other_columns_are_refused_by_name(copy: Path) -> None:
    columns = list(CLICK.names)
    columns[3], columns[4] = columns[4], columns[3]
    manifest(copy, columns=columns)
    with pytest.raises(BundleRefused, match=CLICK.names[3]):
        Bundle.load(copy, "click")


def test_contributions_add_up_to_the_score(made: tuple[Path, Bundle], rows: np.ndarray) -> None:
    shares = made[1].contributions(rows)
    assert shares.shape == (len(rows), len(CLICK.columns) + 1)
    assert shares.sum(axis=1) == pytest.approx(made[1].margin(rows), abs=1e-4)


def test_down_sampling_is_corrected_in_log_odds(made: tuple[Path, Bundle], rows: np.ndarray) -> None:
    bundle = made[1]
    sampled = Bundle(replace(bundle.manifest, negative_rate=0.1), bundle.members, bundle.encodings, bundle.tables)
    assert sampled.margin(rows) == pytest.approx(bundle.margin(rows) + np.log(0.1))


def test_a_surface_with_a_table_of_its_own_uses_it(made: tuple[Path, Bundle], rows: np.ndarray, tmp_path: Path) -> None:
    bundle = made[1]
    x = rows.copy()
    column = bundle.manifest.columns.index(SURFACE)
    x[:, column] = np.arange(len(x)) % 3
    own = bundle.tables.overall.moved(1.0, 0.5)
    again = written_again(bundle, tmp_path / "own", tables=replace(bundle.tables, by_surface={1: own}))
    plain, found = bundle.predict(x), again.predict(x)
    mine = x[:, column] == 1
    assert (found[~mine] == plain[~mine]).all() and (found[mine] > plain[mine]).all()
    assert np.log(found / (1 - found))[mine] == pytest.approx(np.log(plain / (1 - plain))[mine] + 0.5)
    x[5, column] = np.inf
    assert again.predict(x)[5] == bundle.predict(x)[5], "of no surface there is"
    x[5, column] = 2
    for some in (mine, ~mine, mine & ~mine):
        assert again.predict(x[some]).tolist() == found[some].tolist(), "whoever else is scored with them"


@settings(max_examples=examples(100), deadline=None)
@given(
    st.lists(st.tuples(st.integers(-12_000, 6_000), st.floats(1e-6, 1 - 1e-6)), min_size=1, max_size=30, unique_by=lambda t: t[0]),
    st.lists(st.floats(-30, 30), min_size=2, max_size=40),
)
def test_a_calibrator_never_turns_an_order_around(points: list[tuple[int, float]], margins: list[float]) -> None:
    m = np.sort([p[0] for p in points]) / 1000
    table = Calibrator(m, np.sort([p[1] for p in points]))
    out = table.apply(np.sort(margins))
    assert ((out >= 0) & (out <= 1)).all() and (np.diff(out) >= -1e-12).all()
    assert table.apply(m) == pytest.approx(table.probabilities, rel=1e-6)
    beyond = np.array([-40.0, -2.0, 0.0])
    for end, way in ((0, 1), (-1, -1)):
        assert table.calibrated(m[end] + way * beyond) == pytest.approx(table.log_odds[end] + way * beyond), "slope 1 outside"
    assert table.apply(np.array([-np.inf, np.inf])) == pytest.approx([0, 1], abs=1e-300) and np.isnan(table.apply(np.array([np.nan]))).all()


@pytest.mark.parametrize(
    ("margins", "probabilities"),
    [
        ([1.0, 0.0], [0.1, 0.2]),
        ([0.0, 0.0], [0.1, 0.2]),
        ([0.0, 1.0], [0.2, 0.1]),
        ([0.0], [1.0]),
        ([0.0], [0.0]),
        ([], []),
        ([np.nan], [0.1]),
    ],
)
def test_a_calibrator_that_is_no_rising_table_is_refused(margins: list[float], probabilities: list[float]) -> None:
    with pytest.raises(BundleRefused, match="calibrator"):
        Calibrator(np.array(margins), np.array(probabilities))


@settings(max_examples=examples(100), deadline=None)
@given(
    st.dictionaries(st.integers(0, (1 << 20) - 1), st.floats(-8, 2, width=32), max_size=30),
    st.lists(st.integers(0, (1 << 20) + 5), min_size=1, max_size=40),
)
def test_an_encoding_is_a_look_up_with_a_default(table: dict[int, float], asked: list[int]) -> None:
    codes = np.array(sorted(table), np.int64)
    encoding = Encoding(0, codes, np.array([table[c] for c in codes], np.float32), -3.0)
    wanted = [table.get(code, -3.0) for code in asked]
    assert encoding.apply(np.array(asked, np.float32)).tolist() == pytest.approx(wanted)
    same = np.full((5, 2), asked[0], np.float32)
    assert encode(same, (encoding,))[:, 0].tolist() == pytest.approx([wanted[0]] * 5)
    assert (encode(same, (encoding,))[:, 1] == asked[0]).all() and (same == asked[0]).all(), "other columns and the input stay"


@pytest.mark.parametrize(("codes", "values"), [([2, 1], [0, 0]), ([1, 1], [0, 0]), ([1], [0, 0]), ([-1], [0])])
def test_an_encoding_that_is_no_table_is_refused(codes: list[int], values: list[float]) -> None:
    with pytest.raises(ValueError, match="codes must rise"):
        Encoding(0, np.array(codes), np.array(values, np.float32), 0.0)
