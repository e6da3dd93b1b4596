"""`bench cache`, part by part and small: its own Redis, its figures, and what must hold at any speed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from pipelines.bench.serving.cache import run
from pipelines.bench.serving.cache_ratios import SHORT, ratios
from pipelines.bench.serving.cache_reads import READERS, stale_reads
from pipelines.bench.serving.redis_process import redis_process
from pipelines.errors import Missing

pytestmark = pytest.mark.redis


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    try:
        with redis_process(tmp_path) as address:
            yield address
    except Missing as error:
        pytest.skip(str(error))


def test_ratios_are_of_look_ups_at_both_levels(url: str) -> None:
    lasting = replace(SHORT, near_seconds=600.0, far_seconds=600.0)
    found = ratios(replace(lasting, rate=600.0, users=20, near_rows=8, far_rows=5_000, warm=1.0, seconds=0.5), 0.8, url, lambda line: None)
    assert found.measured[1] == pytest.approx(1.0, abs=0.05), "Redis has room for everybody, and time"
    assert 0.3 < found.predicted[0] < 0.95 and 0.3 < found.measured[0] < 0.95
    assert found.rate > 0


def test_nothing_is_out_of_date_beside_events(url: str, tmp_path: Path) -> None:
    found = stale_reads(tmp_path, url, 300)
    assert (found.reads, found.stale) == (300 * READERS, 0) and found.events > 0


@pytest.mark.slow
def test_every_figure_is_there(url: str) -> None:
    figures = {f["name"]: f for f in run(small=True)["figures"]}
    aims = {name for name, f in figures.items() if f["target"]}
    assert aims == {
        "cached_over_without_p50",
        "stale_reads",
        *(f"zipf_{s}_{level}_off" for s in ("0.6", "0.9", "1.2") for level in ("l1", "l2")),
    }
    assert figures["stale_reads"]["value"] == 0
    assert all(f["value"] is not None and f["value"] >= 0 for f in figures.values())
