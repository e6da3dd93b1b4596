"""What was predicted for the ads that were shown, and what came of it once the label's window had passed."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from feature_repo.days import end_of
from feature_repo.home import Home
from pipelines.ingest.serving_log import SERVING, impression_id
from pipelines.warehouse.label_times import LabelTimes
from serving.eventlog.log import EventLog
from serving.record.decision import RankedAd

CAUSES: Final = {"click": ("impression", "click"), "conversion": ("click", "conversion")}
"""What must have come for a head's label, and the label."""


def promise(ad: RankedAd, head: str) -> float | None:
    """The probability that an ad was ranked by; None of a conversion that its model did not foretell."""
    if head == "click":
        return ad.pctr
    return None if ad.scored_by else ad.pcvr


@dataclass(frozen=True)
class Outcomes:
    """One row a shown ad whose cause (it was seen; of conversions: clicked) came and whose label has matured; every array has shape (n,).

    decision: number of its decision (ads of one decision are not independent). predicted: the probability it was ranked by; of a
    click, that at the first position. came: the click, or the conversion, within its window. shadow: per shadow bundle the click
    probability it gave, nan where it gave none.
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
    came: NDArray[np.bool_]
    shadow: dict[str, NDArray[np.float64]]
    immature: int
    """Left out because their window had not passed."""

    def __len__(self) -> int:
        return len(self.predicted)


def labels(home: Home, first: date, as_of: datetime, kind: str) -> dict[str, datetime]:
    """Impression → when it was seen, or first clicked or converted (kind), of what was known before `as_of`."""
    found: dict[str, datetime] = {}
    seen = kind == "impression"
    for file in home.files("impressions" if seen else "engagements", first, (as_of - timedelta(microseconds=1)).date()):
        if file.stem != SERVING:
            continue
        table = pq.read_table(file, columns=["impression_id", "ts", *([] if seen else ["kind"])], partitioning=None)
        table = table if seen else table.filter(pc.equal(table["kind"], pa.scalar(kind)))
        for key, ts in zip(table["impression_id"].to_pylist(), table["ts"].to_pylist(), strict=True):
            found[key] = min(ts, found.get(key, ts))
    return found


def outcomes(home: Home, log: EventLog, first: date, last: date, times: LabelTimes, head: str = "click") -> Outcomes:
    """Decisions of first to last (both included) joined with the labels known at the end of `last`.

    An ad counts when its cause was reported and has matured since; what it leads to counts within the window after it. Of
    conversions, only ads that have a probability of it by the model that the record names.
    """
    as_of = end_of(last)
    seen, effects = (labels(home, first, as_of, kind) for kind in CAUSES[head])
    rows: list[tuple[int, date, str, str, str, str, int, bool, float, bool]] = []
    scores: dict[str, dict[int, float]] = {}
    immature = 0
    for number, d in enumerate(log.decisions(end_of(first) - timedelta(days=1), as_of)):
        for i, ad in enumerate(d.shown):
            at = seen.get(key := impression_id(d.decision_id, ad.creative_id))
            promised = promise(ad, head)
            if at is None or promised is None:
                continue
            if at + times.maturity > as_of:
                immature += 1
                continue
            came = effects.get(key)
            r = d.request
            by = ad.scored_by or d.policy if head == "click" else d.conversion
            rows.append(
                (number, d.decided_at.date(), by, r.surface, r.device, r.region, ad.position, d.explored, promised,
                 came is not None and came <= at + times.window)
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
    decision, day, policy, surface, device, region, position, explored, predicted, came_true = (
        np.array(c, dtype=k) for c, k in zip(columns, kinds, strict=True)
    )
    return Outcomes(
        decision, day, policy, surface, device, region, position, explored, predicted, came_true, shadow=shadow, immature=immature
    )


def prevailing(values: NDArray[np.object_]) -> str:
    """The most frequent value; the last among equals."""
    counts = Counter(reversed(values.tolist()))
    return str(counts.most_common(1)[0][0]) if counts else ""
