"""What a training set does not hold of the log, and why."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import pyarrow.compute as pc
import pyarrow.parquet as pq

from feature_repo.home import Home


@dataclass(frozen=True)
class LeftOut:
    """Rows, each counted once. older: known before the days that are looked at (setting history_days). unripe: their outcome may still
    come (label_maturity_hours). negatives: thinned out (negative_rate)."""

    older: int
    unripe: int
    negatives: int

    def words(self, history_days: int) -> Iterator[str]:
        """For a person: one sentence a reason that holds."""
        if self.older:
            yield f"{self.older:,} rows are older than {history_days} days (setting history_days)"
        if self.unripe:
            yield f"{self.unripe:,} rows are too new: their outcome may still come (setting label_maturity_hours)"
        if self.negatives:
            yield f"{self.negatives:,} rows without an outcome were thinned out (setting negative_rate)"


def logged(home: Home, head: str, day: date, days: int) -> tuple[int, int]:
    """(rows known before the last `days` days up to `day`, rows known in them): impressions for clicks, clicks for conversions."""
    name, first = ("impressions" if head == "click" else "engagements"), day - timedelta(days=days - 1)
    before, within = home.files(name, None, first - timedelta(days=1)), home.files(name, first, day)
    return sum(_rows(head, f) for f in before), sum(_rows(head, f) for f in within)


def _rows(head: str, file: Path) -> int:
    if head == "click":
        return int(pq.read_metadata(file).num_rows)
    kind = pq.read_table(file, columns=["kind"], partitioning=None)["kind"]
    return int(pc.sum(pc.equal(kind, "click")).as_py() or 0)
