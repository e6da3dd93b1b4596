"""What every log format must keep: each row is accounted for, lands once, and a broken line costs nobody else."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feature_repo.catalog import CATALOG
from feature_repo.events import ENGAGEMENT_KINDS, EVENTS
from feature_repo.home import Home
from pipelines.ingest import FORMATS
from pipelines.ingest.collect import Ingested, ingest
from pipelines.ingest.format import Format, IngestError, LogFile
from pipelines.ingest.partitions import KEYS
from pipelines.ingest.stated import IMPLIED
from tests.examples import examples
from tests.pipelines.ingest.conftest import SHOP

Samples = dict[str, Callable[[Path], Path]]
EVERY = pytest.mark.parametrize("log", [*FORMATS.values(), SHOP], ids=lambda log: log.name)


def logs_of(log: Format, path: Path) -> list[LogFile]:
    return [f for f in log.files(path) if f.role == "log"]


def accounted(result: Ingested) -> bool:
    return all(c.rows_in == c.kept + c.quarantined + c.duplicated for c in (result, *result.files))


def test_every_format_has_a_sample(samples: Samples) -> None:
    assert {*FORMATS, SHOP.name} == set(samples)


@EVERY
def test_rows_land_in_the_tables_as_defined(log: Format, home: Home, tmp_path: Path, samples: Samples) -> None:
    path = samples[log.name](tmp_path / "log")
    result = ingest(home, log, path)
    assert accounted(result)
    assert result.rows_in == result.kept > 0
    for name, rows in result.tables.items():
        schema = (EVENTS | CATALOG)[name]
        tables = [pq.read_table(f, partitioning=None) for f in home.files(name)]
        assert sum(map(len, tables)) == rows
        keys = []
        for file, table in zip(home.files(name), tables, strict=True):
            assert table.cast(schema).schema.names == schema.names, name
            assert file.stem in (log.name, log.name + IMPLIED)
            assert {t.date().isoformat() for t in table["created_ts"].to_pylist()} == {file.parent.name[4:]}
            keys += list(zip(*(table[k].to_pylist() for k in KEYS[name]), strict=True))
            if name == "engagements":
                assert set(table["kind"].to_pylist()) <= set(ENGAGEMENT_KINDS)
        assert len(set(keys)) == len(keys), f"{name}: a key stands twice"


@EVERY
def test_every_ad_of_an_event_is_in_the_catalogue(log: Format, home: Home, tmp_path: Path, samples: Samples) -> None:
    ingest(home, log, samples[log.name](tmp_path / "log"))

    def values(table: str, column: str) -> set[str]:
        return {v for f in home.files(table) for v in pq.read_table(f, partitioning=None)[column].to_pylist()}

    for key, table in (("creative_id", "creatives"), ("campaign_id", "campaigns"), ("advertiser_id", "advertisers")):
        assert values("engagements", key) <= values(table, key)
    assert values("creatives", "campaign_id") <= values("campaigns", "campaign_id")
    assert values("creatives", "ad_group_id") <= values("ad_groups", "ad_group_id")
    assert values("creatives", "advertiser_id") | values("campaigns", "advertiser_id") <= values("advertisers", "advertiser_id")
    assert values("engagements", "user_id") <= values("users", "user_id")


@EVERY
def test_a_second_run_changes_nothing(
    log: Format, home: Home, tmp_path: Path, samples: Samples, content: Callable[..., dict[str, str]]
) -> None:
    path = samples[log.name](tmp_path / "log")
    first = ingest(home, log, path)
    before = content()
    second = ingest(home, log, path)
    assert second.duplicated == second.rows_in == first.rows_in
    assert second.tables == {}
    assert content() == before


@EVERY
def test_a_longer_log_adds_only_what_is_new(log: Format, home: Home, tmp_path: Path, samples: Samples) -> None:
    """First the start of a log, then all of it: the tables are those of reading all of it at once."""
    path = samples[log.name](tmp_path / "log")
    (file,) = logs_of(log, path)
    whole = file.path.read_bytes()
    file.path.write_bytes(b"".join(whole.splitlines(keepends=True)[:3]))
    ingest(home, log, path)
    file.path.write_bytes(whole)
    result = ingest(home, log, path)
    assert (result.duplicated, result.kept) == (2, result.rows_in - 2)
    at_once = Home(tmp_path / "other")
    ingest(at_once, log, path)
    for name in EVENTS | CATALOG:
        assert [f.read_bytes() for f in home.files(name)] == [f.read_bytes() for f in at_once.files(name)], name


@EVERY
def test_days_may_arrive_in_any_order(log: Format, home: Home, tmp_path: Path, samples: Samples) -> None:
    """The end of a log before its start: what was first seen is moved to where it belongs."""
    path = samples[log.name](tmp_path / "log")
    (file,) = logs_of(log, path)
    lines = file.path.read_bytes().splitlines(keepends=True)
    for part in (lines[-1:], lines[1:-1]):
        file.path.write_bytes(lines[0] + b"".join(part))
        ingest(home, log, path)
    file.path.write_bytes(b"".join(lines))
    at_once = Home(tmp_path / "other")
    ingest(at_once, log, path)
    for name in EVENTS | CATALOG:
        assert [f.read_bytes() for f in home.files(name)] == [f.read_bytes() for f in at_once.files(name)], name


@EVERY
def test_the_raw_log_is_kept_as_it_came(log: Format, home: Home, tmp_path: Path, samples: Samples) -> None:
    path = samples[log.name](tmp_path / "log")
    result = ingest(home, log, path)
    for count, file in zip(result.files, log.files(path), strict=True):
        kept = home.raw / log.name / count.sha256 / file.path.name
        assert kept.read_bytes() == file.path.read_bytes()
        assert kept.stat().st_mode & 0o222 == 0


BROKEN = {
    "truncated": lambda line, by: line[: len(line) // 3],
    "empty": lambda line, by: b"",
    "one column more": lambda line, by: line + by + b"1",
    "not UTF-8": lambda line, by: line.replace(by, by + b"\xff\xfe", 1),
    "NUL": lambda line, by: line[:4] + b"\0" + line[4:],
    "carriage return": lambda line, by: line[:4] + b"\r" + line[4:],
}


@EVERY
@pytest.mark.parametrize("how", BROKEN)
def test_a_broken_line_is_quarantined_with_its_place_and_reason(
    log: Format, how: str, home: Home, tmp_path: Path, samples: Samples
) -> None:
    path = samples[log.name](tmp_path / "log")
    (file,) = logs_of(log, path)
    lines = file.path.read_bytes().splitlines()
    lines[3] = BROKEN[how](lines[3], file.separator.encode())
    file.path.write_bytes(b"\r\n".join(lines) + b"\r\n")
    result = ingest(home, log, path, most_bad=1)
    assert accounted(result)
    assert (result.quarantined, result.kept) == (1, len(lines) - 2)
    (count,) = (f for f in result.files if f.quarantine)
    (record,) = (json.loads(x) for x in Path(count.quarantine).read_text().splitlines())
    assert (record["file"], record["line"]) == (file.name, 4)
    assert record["reason"]
    assert Path(count.quarantine).is_relative_to(home.quarantine / "ingest" / log.name)


@EVERY
def test_a_log_without_its_header_is_refused_untouched(log: Format, home: Home, tmp_path: Path, samples: Samples) -> None:
    path = samples[log.name](tmp_path / "log")
    (file,) = logs_of(log, path)
    file.path.write_bytes(b"\n".join(file.path.read_bytes().splitlines()[1:]))
    with pytest.raises(IngestError, match="header"):
        ingest(home, log, path)
    assert not home.root.exists()


@EVERY
def test_an_empty_file_is_refused(log: Format, home: Home, tmp_path: Path, samples: Samples) -> None:
    path = samples[log.name](tmp_path / "log")
    (file,) = logs_of(log, path)
    file.path.write_bytes(b"")
    with pytest.raises(IngestError, match="empty"):
        ingest(home, log, path)


@EVERY
def test_a_missing_log_is_named(log: Format, home: Home, tmp_path: Path) -> None:
    with pytest.raises(IngestError, match="nowhere"):
        ingest(home, log, tmp_path / "nowhere")


@EVERY
@settings(max_examples=examples(25), deadline=None)
@given(data=st.data())
def test_rows_in_are_kept_quarantined_or_duplicated_whatever_happens_to_the_log(log: Format, samples: Samples, data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = samples[log.name](Path(folder) / "log")
        (file,) = logs_of(log, path)
        header, *lines = file.path.read_bytes().splitlines()
        picks = data.draw(st.lists(st.sampled_from(lines), min_size=1, max_size=12))
        quotes = log is SHOP  # there a quote may make one row of several lines
        noise = st.binary(max_size=4).filter(lambda b: b"\n" not in b and not (quotes and b'"' in b))
        damaged = [
            line[:at] + data.draw(noise) + line[at + data.draw(st.integers(0, 6)) :]
            for line in picks
            for at in [data.draw(st.integers(0, len(line)))]
        ]
        file.path.write_bytes(b"\n".join([header, *damaged]) + b"\n")
        home = Home(Path(folder) / "home")
        first, second = ingest(home, log, path, most_bad=1), ingest(home, log, path, most_bad=1)
        assert first.rows_in == second.rows_in == len(damaged)
        assert accounted(first) and accounted(second)
        assert (second.kept, second.quarantined) == (0, first.quarantined)
