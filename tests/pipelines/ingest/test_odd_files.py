"""Files as strangers have them: none ends in a traceback, none hangs, none lands half."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import os
import sqlite3
import zipfile
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner, Result

from feature_repo.home import Home
from pipelines.cli import ingest as verb
from pipelines.ingest import lines, raw
from pipelines.ingest.collect import ingest
from pipelines.ingest.format import IngestError
from pipelines.ingest.open_bandit import OpenBandit
from pipelines.ingest.printable import printable
from pipelines.ingest.serving_log import ingest_served
from pipelines.ingest.talkingdata import COLUMNS, TalkingData
from pipelines.simulator.config import path as market_path
from serving.eventlog.memory import MemoryEventLog
from serving.eventlog.sqlite import SqliteEventLog
from tests.pipelines.ingest.conftest import open_bandit

Run = Callable[..., Result]
HEADER = ",".join(COLUMNS)
ROW = "1,3,1,13,379,2017-11-07 9:30,,0"
LOG = f"{HEADER}\n{ROW}\n".encode()
GOOD = [ROW] * 40


@pytest.fixture
def run(home: Home, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("PLACARD_HOME", str(home.root))
    app = typer.Typer()
    app.callback()(lambda: None)
    verb.register(app)
    return lambda *argv: CliRunner().invoke(app, ["ingest", *map(str, argv)])


def said(result: Result) -> str:
    """What it complains of, on one line."""
    return result.stderr.replace("\n", " ")


def landed(home: Home) -> bool:
    return (home.root / "events").exists() or (home.root / "catalog").exists()


def packed(data: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("log.csv", data)
    return file.getvalue()


REFUSED: dict[str, tuple[bytes, str]] = {
    "nothing": (b"", "empty"),
    "a gzip of nothing": (gzip.compress(b""), "gunzip"),
    "a gzip of a log": (gzip.compress(LOG), "gunzip"),
    "a zip": (packed(LOG), "unzip"),
    "an xz": (lzma.compress(LOG), "unxz"),
    "a bz2": (bz2.compress(LOG), "bunzip2"),
    "Parquet": (b"PAR1" + b"\0" * 60, "Parquet"),
    "UTF-16": (LOG.decode().encode("utf-16"), "UTF-8"),
    "UTF-16 of the other end": (b"\xfe\xff" + LOG.decode().encode("utf-16-be"), "UTF-8"),
    "Latin-1": (HEADER.replace("ip", "\xef", 1).encode("latin-1") + b"\n", "UTF-8"),
    "a header alone": (HEADER.encode() + b"\n", "no row"),
    "a header without an end": (HEADER.encode(), "no row"),
    "line ends of an old Mac": (LOG.replace(b"\n", b"\r"), "is_attributed"),
    "NUL bytes": (b"\0" * 100_000, "column"),
    "a NUL before the header": (b"\0" + LOG, "column"),
    "a column twice": (LOG.replace(b"app", b"ip", 1), "once"),
    "a line of 50 MB": (b"a," * 25_000_000, "column"),
}


@pytest.mark.parametrize("data, why", REFUSED.values(), ids=REFUSED)
def test_what_is_no_log_is_refused_with_what_to_do_and_lands_nothing(data: bytes, why: str, run: Run, home: Home, tmp_path: Path) -> None:
    (tmp_path / "log.csv").write_bytes(data)
    result = run("talkingdata", tmp_path / "log.csv")
    assert result.exit_code == 2 and why in said(result) and len(said(result)) < 1_000
    assert not landed(home)


BROKEN: dict[str, bytes] = {
    "50 MB": b"1" * 50_000_000,
    "UTF-16": ROW.encode("utf-16"),
    "a NUL": ROW.replace("13", "1\x003").encode(),
    "not UTF-8": ROW.encode() + b"\xff",
    "half a surrogate": b"\xed\xa0\x80," + ROW.encode(),
    "an end of another kind": ROW.replace("13", "1\u20283").encode(),
}


@pytest.mark.parametrize("line", BROKEN.values(), ids=BROKEN)
def test_a_broken_line_costs_nobody_else(line: bytes, run: Run, tmp_path: Path) -> None:
    (tmp_path / "log.csv").write_bytes(b"\n".join([HEADER.encode(), *[ROW.encode()] * 40, line, ROW.encode()]) + b"\n")
    result = run("talkingdata", tmp_path / "log.csv", "--json")
    count = json.loads(result.stdout)
    assert (result.exit_code, count["kept"], count["quarantined"]) == (0, 41, 1)


@pytest.mark.parametrize("end", ["\r\n", "\n"])
@pytest.mark.parametrize("start", ["", "\ufeff"], ids=["plain", "BOM"])
@pytest.mark.parametrize("last", [True, False])
def test_line_ends_and_a_byte_order_mark_change_nothing(end: str, start: str, last: bool, run: Run, tmp_path: Path) -> None:
    (tmp_path / "log.csv").write_bytes((start + end.join([HEADER, *GOOD]) + (end if last else "")).encode())
    assert json.loads(run("talkingdata", tmp_path / "log.csv", "--json").stdout)["kept"] == len(GOOD)


@pytest.mark.parametrize("what", ["folder", "pipe", "device", "loop", "dangling", "long name", "of a file"])
def test_what_is_no_file_is_refused_at_once(what: str, run: Run, home: Home, tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    if what == "folder":
        path.mkdir()
    if what == "pipe":
        os.mkfifo(path)
    if what in ("loop", "dangling"):
        path.symlink_to("log.csv" if what == "loop" else "nowhere")
    if what == "of a file":
        path.write_text("")
    path = {"device": Path("/dev/zero"), "long name": tmp_path / ("x" * 300), "of a file": path / "log.csv"}.get(what, path)
    result = run("talkingdata", path)
    assert result.exit_code == 2 and path.name[:40] in said(result)
    assert not home.root.exists()


@pytest.mark.parametrize("which", ["men.csv", "item_context.csv"])
def test_a_pipe_within_a_folder_is_refused_at_once(which: str, run: Run, home: Home, tmp_path: Path) -> None:
    folder = open_bandit(tmp_path / "log")
    (folder / "random" / "men" / which).unlink()
    os.mkfifo(folder / "random" / "men" / which)
    assert run("open-bandit", folder).exit_code == 2 and not home.root.exists()


def test_folders_that_lead_back_to_themselves_end(run: Run, tmp_path: Path) -> None:
    folder = open_bandit(tmp_path / "log")
    (folder / "random" / "all").symlink_to("..")
    (folder / "bts").symlink_to(".")
    assert run("open-bandit", folder).exit_code == 0


NAMES = [
    "new\nline.csv",
    "[a].csv",
    "*.csv",
    "?.csv",
    "-x.csv",
    "[/]x.csv",
    "[bold]x.csv",
    "\x1b[31mred.csv",
    "\u202egnp.csv",
    os.fsdecode(b"\xff.csv"),
]


@pytest.mark.parametrize("as_json", [True, False])
@pytest.mark.parametrize("name", NAMES, ids=ascii)
def test_a_file_may_have_any_name(name: str, as_json: bool, run: Run, tmp_path: Path) -> None:
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_text("\n".join([HEADER, *GOOD, "broken"]) + "\n")
    result = run("talkingdata", path, *(["--json"] if as_json else []))
    assert result.exit_code == 0, said(result)
    if as_json:
        assert json.loads(result.stdout)["files"][0]["file"] == printable(path.name)
    else:
        assert f"1 of {printable(path.name)}: " in result.stdout and "\x1b[31m" not in result.stdout


def test_a_name_is_printed_as_it_is_or_with_codes() -> None:
    assert printable("caf\u00e9 [x] *.csv") == "caf\u00e9 [x] *.csv"
    assert printable("a\nb\x1b\u202e\udcff") == "a\\nb\\x1b\\u202e\\udcff"


TIMES = [
    "2017-11-07 09:30:61", "2017-02-30 09:30", "2017-11-07 24:00", "2017-11-07 23:60", "2017-11-07 9:30+99:99", "2017-11-07 9:30:00.",
    "2017-11-07 9:30:00.1234567891", "1600-01-01 0:00", "9999-12-31 23:59", "0000-00-00 0:00", "1510047000", "1510047000000",
    "07/11/2017 9:30", "2017-11-07", "2017-11-07 9:30 PM", "\u0662\u0660\u0661\u0667-11-07 9:30", "2016-12-31 23:59:60", "NaT", "now",
    "nan", "", "2017-11-07  9:30", "2017-W45-2 9:30", "2017-311 9:30", "+2017-11-07 9:30", "2017-11-07 9:30+0000", "2099-12-31 23:59+00:01",
    "1990-01-01 00:00+14:00", "2017-11-07t09:30z", "2017-11-07 1:5", "1969-12-31 23:59",
]  # fmt: skip
WHOLE = ["9223372036854775808", "1e309", "-1", "1e3", "1.0", "+1", "0x1", "\u0661", "9" * 30, "nan", "inf", " 1", "1 ", "", "\u00b2", "1_0"]


def test_every_odd_time_and_number_is_set_aside_with_its_reason(home: Home, tmp_path: Path) -> None:
    odd = [ROW.replace("2017-11-07 9:30", time) for time in TIMES] + [ROW.replace("1", whole, 1) for whole in WHOLE]
    (tmp_path / "log.csv").write_text("\n".join([HEADER, *GOOD, *odd]) + "\n")
    done = ingest(home, TalkingData(), tmp_path / "log.csv", most_bad=1)
    assert (done.kept, done.quarantined) == (len(GOOD), len(odd))
    reasons = [json.loads(line)["reason"] for line in Path(done.files[0].quarantine).read_text().splitlines()]
    assert all("time" in r or "future" in r for r in reasons[: len(TIMES)]) and all("whole number" in r for r in reasons[len(TIMES) :])


@pytest.mark.parametrize(
    ("cell", "values"),
    [
        (5, ["1e309", "-0.1", "nan", "inf", "1e-400", "0", "1.0000001", "1e999999", "0x1p-2", "--1", "1_0", "", "9223372036854775808"]),
        (11, ["1e309", "-0.1", "nan", "-inf", "3.5e38", "1e999999", "", "\u0661"]),
    ],
    ids=["propensity", "affinity"],
)
def test_every_odd_fraction_is_set_aside(cell: int, values: list[str], home: Home, tmp_path: Path) -> None:
    folder = open_bandit(tmp_path / "log")
    log = folder / "random" / "men" / "men.csv"
    header, *rows = log.read_text().splitlines()
    odd = [",".join([*(cells := rows[0].split(","))[:cell], value, *cells[cell + 1 :]]) for value in values]
    log.write_text("\n".join([header, *rows, *odd]) + "\n")
    done = ingest(home, OpenBandit(), folder, most_bad=1)
    assert (done.kept, done.quarantined) == (len(rows), len(odd))


NAIVE, FIRST = datetime(2026, 3, 9, 12), datetime(1, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    "odd", [{"value_micros": v} for v in (-1, 10**15 + 1, 2**63, -(2**63))] + [{"ts": ts} for ts in (NAIVE, FIRST)], ids=str
)
def test_served_money_and_times_that_are_none_are_set_aside(
    odd: dict[str, Any], home: Home, decided: Any, happened: Any, noon: datetime, hour: timedelta
) -> None:
    log = MemoryEventLog()
    log.append_decision(decided("d1"))
    event = happened("d1", "a1", "like", noon + hour)
    log.append_events([event, replace(event, event_id="bad", **odd)], noon + hour)
    done = ingest_served(home, log, noon.date(), most_bad=1)
    assert (done.kept, done.quarantined) == (2, 1)


@pytest.mark.parametrize("what", ["no database", "half a record", "another record"])
@pytest.mark.parametrize("source", ["serving", "day"])
def test_an_event_log_that_cannot_be_read_is_named_and_lands_nothing(
    what: str, source: str, run: Run, home: Home, decided: Any, noon: datetime
) -> None:
    path = home.eventlog / "events.db"
    log = SqliteEventLog(path)
    log.append_decision(decided("d1"))
    log.close()
    if what == "no database":
        for file in home.eventlog.iterdir():
            file.unlink()
        path.write_bytes(b"garbage " * 1_000)
    else:
        record = b"{" if what == "half a record" else b'{"event_id": 3}'
        with closing(sqlite3.connect(path)) as database:
            received = int(noon.timestamp() * 1_000_000)
            database.execute("insert into events (id, received, record, place) values ('bad', ?, ?, 'd1|a1')", (received, record))
            database.commit()
    result = run(source, "--partition", noon.date())
    assert result.exit_code == 4 and str(home.eventlog) in said(result) and "cannot be read" in said(result)
    assert not landed(home)


@pytest.mark.parametrize("how", ["grown", "written again", "cut"])
def test_a_file_that_changes_while_it_is_read_lands_nothing(how: str, home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "log.csv"
    path.write_text("\n".join([HEADER, *GOOD]) + "\n")
    written = raw._written
    looks = iter([True, False])

    def looked(file: Any) -> tuple[int, int]:
        seen = written(file)
        if next(looks):
            if how == "grown":
                with path.open("a") as handle:
                    handle.write(ROW[:-5])
            else:
                path.write_text(path.read_text()[: -1 if how == "cut" else None])
                os.utime(path, ns=(1, 1))
        return seen

    monkeypatch.setattr(raw, "_written", looked)
    with pytest.raises(IngestError, match="changed while it was read"):
        ingest(home, TalkingData(), path)
    assert not landed(home) and [*home.raw.rglob("*.csv")] == []


def test_a_file_that_is_gone_or_may_not_be_read_is_named(home: Home, tmp_path: Path) -> None:
    with pytest.raises(IngestError, match="cannot be read"):
        lines.read_header(tmp_path / "gone.csv", ",")
    with pytest.raises(IngestError, match="cannot be read"):
        raw.keep_raw(home, "talkingdata", tmp_path / "gone.csv")


def test_another_file_in_the_place_of_one_that_was_looked_at_is_refused(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pipelines.ingest import collect

    path = tmp_path / "log.csv"
    path.write_text("\n".join([HEADER, *GOOD]) + "\n")
    keep = collect.keep_raw

    def swapped(*arguments: Any) -> Any:
        path.write_text("another,file\n1,2\n")
        return keep(*arguments)

    monkeypatch.setattr(collect, "keep_raw", swapped)
    with pytest.raises(IngestError, match="once"):
        ingest(home, TalkingData(), path)
    assert not landed(home)


@pytest.mark.parametrize("text", ["", "[]", "{", "{}", "\x00", '{"laws": 3}'])
def test_a_market_that_cannot_be_read_is_named(text: str, run: Run, home: Home) -> None:
    home.root.mkdir(parents=True)
    market_path(home).parent.mkdir(parents=True, exist_ok=True)
    market_path(home).write_text(text)
    result = run("day", "--partition", "2026-01-06")
    assert result.exit_code == 2 and str(market_path(home)) in said(result)
