"""What an ingest of a mapped table left, as tests look at it."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq

from feature_repo.home import Home
from pipelines.ingest.collect import Ingested


def held(home: Home, name: str) -> pd.DataFrame:
    files = home.files(name)
    return pd.concat([pq.read_table(f, partitioning=None).to_pandas() for f in files], ignore_index=True) if files else pd.DataFrame()


def quarantined(result: Ingested) -> list[tuple[int, str]]:
    records = [json.loads(line) for f in result.files if f.quarantine for line in Path(f.quarantine).read_text().splitlines()]
    return [(record["line"], record["reason"]) for record in records]
