"""Crawled pages land by the day they were read on; the latest that is known counts."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from feature_repo.home import Home
from pipelines.ingest import format_named
from pipelines.ingest.collect import ingest
from pipelines.warehouse.catalog import catalog_as_of

Samples = dict[str, Callable[[Path], Path]]


@pytest.fixture
def pages(tmp_path: Path, samples: Samples) -> Path:
    return samples["landing-pages"](tmp_path / "crawl")


def known(home: Home, day: date) -> dict[str, tuple[str, str]]:
    table = catalog_as_of(home, day)["landing_pages"]
    return {row["landing_url"]: (row["created_ts"].date().isoformat(), row["text"]) for row in table.to_pylist()}


def test_the_latest_reading_before_the_days_end_counts(home: Home, pages: Path) -> None:
    result = ingest(home, format_named("landing-pages"), pages)
    assert (result.rows_in, result.kept, result.tables) == (3, 3, {"landing_pages": 3})
    hoses = ("2026-01-05", "")
    assert known(home, date(2026, 1, 4)) == {}
    assert known(home, date(2026, 1, 6)) == {
        "https://shop.example/shoes": ("2026-01-05", "Light shoes, for road and trail."), "https://shop.example/hoses": hoses,
    }  # fmt: skip
    assert known(home, date(2026, 1, 7)) == {
        "https://shop.example/shoes": ("2026-01-07", "All shoes are half price."), "https://shop.example/hoses": hoses,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (
            "shop.example/shoes\t2026-01-05 10:00\tShoes\tShoes.",
            "landing_url is not an address that begins with http: 'shop.example/shoes'",
        ),
        ("https://shop.example/a\tyesterday\tShoes\tShoes.", "fetched_at is not a time: 'yesterday'"),
        ("https://shop.example/a\t2026-01-05 10:00\tShoes", "has 3 columns instead of 4"),
    ],
)
def test_a_bad_reading_is_set_aside_with_its_reason(row: str, reason: str, home: Home, pages: Path) -> None:
    pages.write_text(pages.read_text() + row + "\n")
    result = ingest(home, format_named("landing-pages"), pages, most_bad=1)
    assert (result.kept, result.quarantined) == (3, 1)
    (record,) = (json.loads(line) for line in Path(result.files[0].quarantine).read_text().splitlines())
    assert (record["line"], record["reason"]) == (5, reason)
