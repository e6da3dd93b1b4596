"""What was predicted for the ads that were shown, and what came of it once the label's window had passed."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from feature_repo.sources import Home, end_of
from pipelines.ingest.serving_log import SOURCE, impression_id
from serving.eventlog.log import EventLog


@dataclass(frozen=True)
class Outcomes:
    """One row a shown ad that was seen and whose label has matured; every array has shape (n,).

    decision: number of its decision (ads of one decision are not independent). predicted: the click probability it was ranked
    by, which is that of the first position. shadow: per shadow bundle the probability it gave, nan where it gave none.
    """

    decision: NDArray[np.int64]
    day: NDArray[np.object_]
    policy: NDArray[np.object_]
    surface: NDArray[np.object_]
    device: NDArray[np.object_]
    region: NDArray[np.object_]
    position: NDArray[np.int64]
    explored: NDArray[np.bool_]
    predicted: NDArray[np.float64]
    clicked: NDArray[np.bool_]
    shadow: dict[str, NDArray[np.float64]]
    immature: int
    """Impressions left out because their window had not passed."""

    def __len__(self) -> int:
        return len(self.predicted)


def labels(home: Home, first: date, as_of: datetime) -> tuple[dict[str, datetime], dict[str, datetime]]:
    """(impression -> when it was seen, impression -> its first click), of what was known before `as_of`."""
    seen: dict[str, datetime] = {}
    clicked: dict[str, datetime] = {}
    last = (as_of - timedelta(microseconds=1)).date()
    for name, into in (("impressions", seen), ("engagements", clicked)):
        for file in home.files(name, first, last):
            if file.stem != SOURCE:
                continue
            columns = ["impression_id", "ts", *(["kind"] if name == "engagements" else [])]
            table = pq.read_table(file, columns=columns, partitioning=None)
            if name == "engagements":
                table = table.filter(pc.equal(table["kind"], pa.scalar("click")))
            for key, ts in zip(table["impression_id"].to_pylist(), table["ts"].to_pylist(), strict=True):
                into[key] = min(ts, into.get(key, ts))
    return seen, clicked


def outcomes(home: Home, log: EventLog, first: date, last: date, maturity: timedelta) -> Outcomes:
    """Decisions of first to last (both included) joined with the labels known at the end of `last`.

    An ad counts when its impression was reported and `maturity` has passed since; a click counts within `maturity` of it.
    """
    as_of = end_of(last)
    seen, clicks = labels(home, first, as_of)
    rows: list[tuple[int, date, str, str, str, str, int, bool, float, bool]] = []
    scores: dict[str, dict[int, float]] = {}
    immature = 0
    for number, d in enumerate(log.decisions(end_of(first) - timedelta(days=1), as_of)):
        for i, ad in enumerate(d.shown):
            at = seen.get(key := impression_id(d.decision_id, ad.creative_id))
            if at is None:
                continue
            if at + maturity > as_of:
                immature += 1
                continue
            click = clicks.get(key)
            r = d.request
            rows.append(
                (number, d.decided_at.date(), ad.scored_by or d.policy, r.surface, r.device, r.region, ad.position, d.explored, ad.pctr,
                 click is not None and click <= at + maturity)
            )  # fmt: skip
            for bundle, given in d.shadow.items():
                if i < len(given):
                    scores.setdefault(bundle, {})[len(rows) - 1] = given[i]
    columns = list(zip(*rows, strict=True)) or [()] * 10
    kinds = (np.int64, object, object, object, object, object, np.int64, bool, np.float64, bool)
    shadow = {}
    for bundle, given_at in scores.items():
        shadow[bundle] = np.full(len(rows), np.nan)
        shadow[bundle][list(given_at)] = list(given_at.values())
    decision, day, policy, surface, device, region, position, explored, predicted, clicked = (
        np.array(c, dtype=k) for c, k in zip(columns, kinds, strict=True)
    )
    return Outcomes(
        decision, day, policy, surface, device, region, position, explored, predicted, clicked, shadow=shadow, immature=immature
    )


def prevailing(values: NDArray[np.object_]) -> str:
    """The most frequent value; the last among equals."""
    counts = Counter(reversed(values.tolist()))
    return str(counts.most_common(1)[0][0]) if counts else ""
