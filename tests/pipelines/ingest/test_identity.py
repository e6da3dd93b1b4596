"""Identity does not depend on order or file: any order of lines, any cut into files, any repetition gives the same tables."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from itertools import groupby, pairwise
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feature_repo.catalog import CATALOG
from feature_repo.events import EVENTS
from feature_repo.home import Home
from pipelines.ingest import FORMATS
from pipelines.ingest.collect import Ingested, ingest
from pipelines.ingest.format import Format
from pipelines.ingest.talkingdata import COLUMNS, TalkingData
from tests.examples import examples

Samples = dict[str, Callable[[Path], Path]]
EVERY = pytest.mark.parametrize("log", FORMATS.values(), ids=lambda log: log.name)
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


def test_a_correction_that_died_half_way_ends_as_one_that_did_not(home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = Home(tmp_path / "whole")
    for one in (SOON, LATER):
        talkingdata(whole, tmp_path, one)
    from pipelines.ingest import landing

    write, left = landing._write, 0

    def dying(*arguments: object) -> None:
        nonlocal left
        left -= 1
        if left < 0:
            raise KeyboardInterrupt
        write(*arguments)  # type: ignore[arg-type]

    for steps in range(3):
        at = Home(tmp_path / f"killed after {steps}")
        talkingdata(at, tmp_path, SOON)
        left = steps
        with monkeypatch.context() as patched:
            patched.setattr(landing, "_write", dying)
            with pytest.raises(KeyboardInterrupt):
                talkingdata(at, tmp_path, LATER)
        talkingdata(at, tmp_path, LATER)
        assert tables(at) == tables(whole)


def test_a_correction_that_waits_for_its_click_is_a_conversion(home: Home, tmp_path: Path) -> None:
    """What a longer copy of the log tells of a click that stood alone is new, no correction."""
    talkingdata(home, tmp_path, NEVER)
    assert talkingdata(home, tmp_path, SOON).corrected == 0


def _groups(log: Format, lines: Sequence[bytes], separator: bytes) -> list[list[bytes]]:
    """Lines that may be equal in all but the outcome: those of one moment."""
    column = {"talkingdata": 5, "open-bandit": 1, "landing-pages": 1}[log.name]
    return [list(g) for _, g in groupby(sorted(lines, key=lambda x: x.split(separator)[column]), key=lambda x: x.split(separator)[column])]


@EVERY
@settings(max_examples=examples(12), deadline=None)
@given(data=st.data())
def test_any_order_any_cut_and_any_repetition_give_the_same_tables(log: Format, samples: Samples, data: st.DataObject) -> None:
    """A cut parts no rows of one moment: in two files, rows that are alike look like one row that was delivered twice."""
    with tempfile.TemporaryDirectory() as folder:
        path = samples[log.name](Path(folder) / "log")
        (file,) = (f for f in log.files(path) if f.role == "log")
        header, *lines = file.path.read_bytes().splitlines(keepends=True)
        if log.name == "talkingdata":
            lines += [f"{line}\n".encode() for line in (NEVER, SOON, LATER, NEVER)]
        ordered, moved = Home(Path(folder) / "ordered"), Home(Path(folder) / "moved")
        file.path.write_bytes(header + b"".join(lines))
        ingest(ordered, log, path)
        groups = data.draw(st.permutations(_groups(log, lines, file.separator.encode())))
        cuts = sorted(data.draw(st.sets(st.integers(0, len(groups)), max_size=3)) | {0, len(groups)})
        files = [groups[a:b] for a, b in pairwise(cuts)]
        files += data.draw(st.lists(st.sampled_from(files), max_size=2))
        for one in data.draw(st.permutations(files)):
            file.path.write_bytes(header + b"".join(data.draw(st.permutations([line for group in one for line in group]))))
            ingest(moved, log, path)
        assert tables(moved) == tables(ordered)
