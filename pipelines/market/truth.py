"""What only the simulator knows. Evaluation alone may read it: an import contract says so."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import date
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from feature_repo.sources import Home
from pipelines.errors import Missing
from pipelines.market.config import load

IMPRESSION_TRUTH = pa.schema(
    [
        ("impression_id", pa.string()),
        ("p_click", pa.float64()),
        ("p_conversion", pa.float64()),  # given a click
        ("examination", pa.float64()),
        ("seen_today", pa.int32()),  # impressions of the campaign to the user before, that day
        ("rival_micros", pa.int64()),  # rivals' best eCPM, micros per thousand
        ("delay_hours", pa.float64()),  # mean of the conversion's exponential delay
        ("bot", pa.bool_()),
    ]
)


def impression_truth(home: Home, first: date | None = None, last: date | None = None) -> pa.Table:
    """The truth of every impression of the days first..last (both included), schema IMPRESSION_TRUTH. Missing when absent."""
    files = [
        f
        for f in sorted((home.truth / "impressions").glob("day=*.parquet"))
        if (first is None or date.fromisoformat(f.stem[4:]) >= first)
        and (last is None or date.fromisoformat(f.stem[4:]) <= last)
    ]
    if not files:
        raise Missing("truth", str(home.truth), "Only a simulated market has one: `placard simulate`.")
    return pa.concat_tables(pq.read_table(f, partitioning=None) for f in files)


def laws(home: Home) -> dict[str, Any]:
    """The market's effect sizes: position decay per surface, delay law, fatigue, bots, rivals."""
    return asdict(load(home).laws)


def write_market_truth(home: Home) -> None:
    home.truth.mkdir(parents=True, exist_ok=True)
    (home.truth / "market.json").write_text(json.dumps(laws(home), indent=1) + "\n")
