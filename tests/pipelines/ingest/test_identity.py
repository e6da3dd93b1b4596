"""Identity does not depend on order or file: any order of lines, any cut into files, any repetition gives the same tables."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from feature_repo.catalog import CATALOG
from feature_repo.events import EVENTS
from feature_repo.home import Home
from pipelines.ingest import FORMATS, landing
from pipelines.ingest.collect import Ingested, ingest
from pipelines.ingest.format import Format
from pipelines.ingest.talkingdata import COLUMNS, TalkingData
from tests.examples import examples
from tests.pipelines.ingest.conftest import SHOP

Samples = dict[str, Callable[[Path], Path]]
EVERY = pytest.mark.parametrize("log", [*FORMATS.values(), SHOP], ids=lambda log: log.name)
CLICK = "1,3,1,13,379,2017-11-07 9:30"
NEVER, SOON, LATER = f"{CLICK},,0", f"{CLICK},2017-11-07 10:00,1", f"{CLICK},2017-11-08 0:30,1"


def tables(home: Home) -> dict[str, list[bytes]]:
    return {str(f.relative_to(home.root)): f.read_bytes() for name in EVENTS | CATALOG for f in home.files(name)}


def talkingdata(home: Home, folder: Path, *lines: str) -> Ingested:
    folder.mkdir(exist_ok=True)
    (folder / "log.csv").write_text("\n".join([",".join(COLUMNS), *lines]) + "\n")
    return ingest(home, TalkingData(), folder / "log.csv")


def engagements(home: Home) -> pd.DataFrame:
    return pd.concat([pq.read_table(f, partitioning=None).to_pandas() for f in home.files("engagements")], ignore_index=True)


def test_two_rows_equal_but_for_the_outcome_swapped_give_no_second_conversion(home: Home, tmp_path: Path) -> None:
    talkingdata(home, tmp_path, NEVER, SOON)
    before = tables(home)
    again = talkingdata(home, tmp_path, SOON, NEVER)
    assert (again.kept, again.duplicated) == (0, 2) and tables(home) == before
    assert sorted(engagements(home)["kind"]) == ["click", "click", "conversion"]


def test_a_conversion_with_a_corrected_time_lands_in_one_day_and_what_stood_before_is_kept(home: Home, tmp_path: Path) -> None:
    talkingdata(home, tmp_path, SOON)
    corrected = talkingdata(home, tmp_path, LATER)
    assert (corrected.kept, corrected.duplicated, corrected.corrected, corrected.tables) == (1, 0, 1, {})
    rows = engagements(home)
    assert rows["event_id"].is_unique
    assert rows.loc[rows["kind"] == "conversion", "ts"].tolist() == [pd.Timestamp(datetime(2017, 11, 8, 0, 30, tzinfo=UTC))]
    (kept,) = pq.read_table(
        home.replaced("engagements", datetime(2017, 11, 7).date()) / "talkingdata.parquet", partitioning=None
    ).to_pylist()
    assert (kept["kind"], kept["ts"]) == ("conversion", datetime(2017, 11, 7, 10, 0, tzinfo=UTC))


def test_what_was_corrected_does_not_come_back_with_the_first_delivery(home: Home, tmp_path: Path) -> None:
    talkingdata(home, tmp_path, SOON)
    talkingdata(home, tmp_path, LATER)
    before = tables(home)
    again = talkingdata(home, tmp_path, SOON)
    assert (again.kept, again.duplicated, again.corrected) == (0, 1, 0) and tables(home) == before


@pytest.mark.parametrize("then", [(LATER,), (SOON, LATER, NEVER)], ids=["a correction", "a longer copy"])
@pytest.mark.parametrize("first", [(SOON,), (LATER, NEVER)])
def test_a_delivery_that_died_half_way_ends_as_one_that_did_not(
    first: tuple[str, ...], then: tuple[str, ...], home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = Home(tmp_path / "whole")
    for lines in (first, then):
        talkingdata(whole, tmp_path, *lines)
    write, left = landing.write_rows, 0

    def dying(*arguments: object) -> None:
        nonlocal left
        left -= 1
        if left < 0:
            raise KeyboardInterrupt
        write(*arguments)  # type: ignore[arg-type]

    for steps in range(6):
        at = Home(tmp_path / f"killed after {steps}")
        talkingdata(at, tmp_path, *first)
        left = steps
        with monkeypatch.context() as patched, contextlib.suppress(KeyboardInterrupt):
            patched.setattr(landing, "write_rows", dying)
            talkingdata(at, tmp_path, *then)
        talkingdata(at, tmp_path, *then)
        assert tables(at) == tables(whole), steps


def test_a_correction_that_waits_for_its_click_is_a_conversion(home: Home, tmp_path: Path) -> None:
    """What a longer copy of the log tells of a click that stood alone is new, no correction."""
    talkingdata(home, tmp_path, NEVER)
    assert talkingdata(home, tmp_path, SOON).corrected == 0


TWINS = {
    "talkingdata": (CLICK + ",,0", SOON, SOON, LATER, NEVER),
    "open-bandit": (
        "9,2019-11-24 12:00:00+00:00,0,3,0,0.25,w,x,y,z,0.0,0.0,0.0",
        "9,2019-11-24 12:00:00+00:00,0,3,0,0.25,w,x,y,z,0.0,0.0,0.0",
        "9,2019-11-24 12:00:00+00:00,0,3,1,0.5,w,x,y,z,0.0,1.5,0.0",
        "9,2019-11-24 12:00:00+00:00,0,3,0,0.5,w,x,y,z,3.0,0.0,0.0",
    ),
    "shop": (
        "2026-01-05T12:00Z,ana,s1,1,no,",
        "2026-01-05T12:00Z,ana,s1,1,no,",
        "2026-01-05T12:00Z,ana,s1,1,yes,",
        "2026-01-05T12:00Z,ana,s1,1,yes,2026-01-05T13:00Z",
        "2026-01-05T12:00Z,ana,s1,1,yes,2026-01-07T13:00Z",
    ),
    "landing-pages": tuple(f"https://shop.example/shoes\t2026-01-06 10:00\tShoes\t{text}" for text in ("Red.", "Blue.", "Green.", "Blue.")),
}
"""Rows of one moment that are alike in all that makes their identity, some of them in everything."""
LOST = {"landing-pages": 3}
"""Rows that bring nothing: a page has one reading at a moment, which is the same one in any order."""


def _delivered(home: Home, log: Format, folder: Path, samples: Samples, files: Sequence[Sequence[bytes]]) -> Ingested:
    """One delivery of several files."""
    paths = []
    for number, lines in enumerate(files):
        path = samples[log.name](folder / f"part-{number}")
        (file,) = (f for f in log.files(path) if f.role == "log")
        header = file.path.read_bytes().splitlines(keepends=True)[0]
        file.path.write_bytes(header + b"".join(lines))
        paths.append(path)
    done = ingest(home, log, paths)
    shutil.rmtree(folder)
    return done


def _lines(log: Format, folder: Path, samples: Samples) -> list[bytes]:
    path = samples[log.name](folder)
    (file,) = (f for f in log.files(path) if f.role == "log")
    _, *lines = file.path.read_bytes().splitlines(keepends=True)
    return lines + [f"{line}\n".encode() for line in TWINS[log.name]]


@st.composite
def cuts(draw: st.DrawFn, lines: Sequence[bytes]) -> list[list[bytes]]:
    """The lines in any order, cut into files anywhere: between rows that are alike as well. No two files are the same, since the same file
    twice is a repetition."""
    ordered = draw(st.permutations(lines))
    at = sorted(draw(st.sets(st.integers(1, len(lines) - 1), max_size=4)) | {0, len(lines)})
    files = [ordered[a:b] for a, b in pairwise(at)]
    assume(len({tuple(f) for f in files}) == len(files))
    return files


@EVERY
@settings(max_examples=examples(20), deadline=None, suppress_health_check=[HealthCheck.filter_too_much])
@given(data=st.data())
def test_any_order_any_cut_and_any_repetition_give_the_same_tables(log: Format, samples: Samples, data: st.DataObject) -> None:
    """One delivery holds the whole log, cut in some way; before it and after it come parts of the log, and the whole cut otherwise."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        lines = _lines(log, folder / "sample", samples)
        ordered, moved = Home(folder / "ordered"), Home(folder / "moved")
        assert _delivered(ordered, log, folder / "log", samples, [lines]).kept == len(lines) - LOST.get(log.name, 0)
        whole = data.draw(cuts(lines))
        twice = [*whole, *data.draw(st.lists(st.sampled_from(whole), max_size=2))]
        some = st.one_of(cuts(lines).map(lambda files: files[:1]), cuts(lines))
        before, after = (data.draw(st.lists(some, max_size=3)) for _ in range(2))
        for files in [*before, data.draw(st.permutations(twice)), *after]:
            _delivered(moved, log, folder / "log", samples, files)
        assert tables(moved) == tables(ordered)


def test_the_files_of_one_delivery_are_numbered_together_and_a_file_that_is_there_twice_counts_once(home: Home, tmp_path: Path) -> None:
    samples: Samples = {"talkingdata": lambda folder: _written(folder)}
    twin = f"{NEVER}\n".encode()
    other = f"{SOON}\n".encode()
    done = _delivered(home, TalkingData(), tmp_path / "log", samples, [[twin], [twin, other], [twin]])
    assert (done.rows_in, done.kept, done.duplicated, done.alike) == (4, 3, 1, 0)
    assert [f.kept for f in done.files] == [1, 2, 0]
    assert sorted(engagements(home)["kind"]) == ["click"] * 3 + ["conversion"]


def _written(folder: Path) -> Path:
    folder.mkdir(parents=True)
    (folder / "log.csv").write_text(",".join(COLUMNS) + "\n")
    return folder / "log.csv"


def test_rows_alike_of_two_deliveries_are_one_row_and_that_is_counted_and_told(home: Home, tmp_path: Path, placard: Path) -> None:
    """Nothing in the files tells a second part from a second delivery."""
    assert talkingdata(home, tmp_path, NEVER).alike == 0
    assert talkingdata(home, tmp_path, NEVER).alike == 0, "the same file again is a repetition"
    second = talkingdata(home, tmp_path, NEVER, "2" + NEVER[1:])
    assert (second.kept, second.duplicated, second.alike) == (1, 1, 1)
    (tmp_path / "log.csv").write_text("\r\n".join([",".join(COLUMNS), NEVER]))
    environment = {**os.environ, "PLACARD_HOME": str(home.root)}
    told = subprocess.run(
        [placard, "ingest", "talkingdata", tmp_path / "log.csv"], env=environment, capture_output=True, text=True, check=True
    )
    assert "1 duplicated rows came in files that are new here" in told.stdout


def test_a_part_that_comes_again_corrects_none_of_the_rows_it_is_alike_with(home: Home, tmp_path: Path) -> None:
    talkingdata(home, tmp_path, SOON, LATER, NEVER)
    before = tables(home)
    for part in ((LATER,), (NEVER, LATER), (NEVER,)):
        again = talkingdata(home, tmp_path, *part)
        assert (again.kept, again.corrected) == (0, 0) and tables(home) == before
