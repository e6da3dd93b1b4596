"""Skew: the vectors that serving scored, against the same ones recomputed from the published features.

Both sides go through request_time.py and the one ModelInput; what differs is the way: serving read the online store, the
snapshot and the ledger, this reads the published partitions as of the request and the log's impressions. A difference means a stale
or lost value, or code that parted.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Container, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from feature_repo.days import end_of
from feature_repo.model_input import ModelInput
from feature_repo.services import INPUTS
from feature_repo.tables import AD_TABLES, QUERY_TABLES, USER_TABLES
from pipelines.datasets.point_in_time import CONTEXT, assemble, query_keys
from pipelines.datasets.search_rows import search_rows
from pipelines.monitor.as_published import as_published
from pipelines.reporting.figure import Figure
from pipelines.reporting.report import Report
from serving.eventlog.log import EventLog
from serving.record.decision import Decision, RankedAd
from serving.settings import Settings

Seen = Mapping[tuple[str, str], Sequence[datetime]]
"""(user, campaign) → when."""
ABSOLUTE: Final = 1e-4
RELATIVE: Final = 1e-4
"""Cells agree within ABSOLUTE + RELATIVE x |recomputed|: both sides are float32."""
TOLERATED: Final = 0.001
"""Share of the cells of a column that may differ."""
ABOUT: Final = (
    "Share of cells in which the vector that serving scored differs from the one recomputed offline from the features "
    "published as of the request, per input column. Decisions are sampled by a hash of their id."
)


def sampled(day: date, log: EventLog, most: int) -> list[Decision]:
    """The day's decisions that logged vectors and all that these follow from: all, or the `most` with the smallest hash of their id. A
    search without consent has left no text to compute with."""
    since = end_of(day) - timedelta(days=1)
    logged = [d for d in log.decisions(since, end_of(day)) if any(ad.features for ad in d.shown) and _is_whole(d)]
    logged.sort(key=lambda d: hashlib.blake2b(d.decision_id.encode(), digest_size=8).digest())
    return logged[:most]


def _is_whole(decision: Decision) -> bool:
    return decision.request.consent or decision.request.surface != "search"


def skew(settings: Settings, log: EventLog, day: date, sample: int) -> Report:
    """One figure an input column that differs anywhere, and the share of differing cells overall."""
    decisions = sampled(day, log, sample)
    seen = seen_by(log, day, {d.request.asker for d in decisions} - {""})
    figures: list[Figure] = []
    vectors = cells = differing = 0
    for name, model_input in INPUTS.items():
        shown = [(d, ad) for d in decisions if d.input == name for ad in d.shown if len(ad.vector) == len(model_input.columns)]
        if not shown:
            continue
        logged = np.array([ad.vector for _, ad in shown])
        again = recompute(settings, model_input, shown, seen)
        apart = ~np.isclose(logged, again, rtol=RELATIVE, atol=ABSOLUTE, equal_nan=True)
        vectors, cells, differing = vectors + len(shown), cells + apart.size, differing + int(apart.sum())
        figures += _columns(model_input, logged, again, apart)
    figures.sort(key=lambda f: (f.holds is not False, -(f.value or 0.0)))
    share = differing / cells if cells else None
    head = [
        Figure("vectors_compared", vectors, "rows"),
        Figure("cells_differing", share, "share", f"<= {TOLERATED}", None if share is None else share <= TOLERATED),
    ]
    unmatched = sum(len(d.shown) for d in decisions) - vectors
    return Report("skew", day, ABOUT, {"decisions": len(decisions), "ads_of_another_input": unmatched}, [*head, *figures])


def _columns(model_input: ModelInput, logged: NDArray[np.float32], again: NDArray[np.float32], apart: NDArray[np.bool_]) -> list[Figure]:
    gap = np.nan_to_num(np.abs(logged.astype(np.float64) - again), nan=0.0).max(axis=0)
    figures = []
    for i in np.flatnonzero(apart.any(axis=0)):
        share, name = float(apart[:, i].mean()), f"{model_input.name}.{model_input.columns[i].name}"
        figures.append(Figure(name, share, "share", f"<= {TOLERATED}", share <= TOLERATED))
        figures.append(Figure(f"{name} largest_gap", float(gap[i]), "own unit"))
    return figures


def seen_by(log: EventLog, day: date, users: Container[str]) -> Seen:
    """When each of the users saw an ad of each campaign that day. One ad of one decision is seen once, however often it is reported."""
    since = end_of(day) - timedelta(days=1)
    first: dict[tuple[str, str], datetime] = {}
    for event, _ in log.events(since, end_of(day)):
        if event.kind == "impression" and event.ts.date() == day:
            key = event.decision_id, event.creative_id
            first[key] = min(event.ts, first.get(key, event.ts))
    decisions = {key: log.decision(key) for key in {decision_id for decision_id, _ in first}}
    seen: defaultdict[tuple[str, str], list[datetime]] = defaultdict(list)
    for (decision_id, creative_id), at in first.items():
        decision = decisions[decision_id]
        if decision is not None and decision.request.asker in users:
            for ad in decision.shown:
                if ad.creative_id == creative_id:
                    seen[decision.request.asker, ad.campaign_id].append(at)
    return seen


def recompute(settings: Settings, model_input: ModelInput, shown: Sequence[tuple[Decision, RankedAd]], seen: Seen) -> NDArray[np.float32]:
    """The vectors of shown ads from the published features, shape (n, k), rows in the order given. seen: by their users, that day."""
    rows = pd.DataFrame(
        {
            "ts": np.array([d.request.ts.astimezone(UTC).replace(tzinfo=None) for d, _ in shown], "datetime64[us]"),
            **{c: [getattr(d.request, c) for d, _ in shown] for c in CONTEXT},
            **{c: [getattr(ad, c) for _, ad in shown] for c in ("creative_id", "campaign_id", "advertiser_id")},
            "seen_today": [sum(at < d.request.ts for at in seen.get((d.request.asker, ad.campaign_id), ())) for d, ad in shown],
        }
    )
    at = [d.request.ts for d, _ in shown]
    users = [d.request.asker for d, _ in shown]
    creatives = [ad.creative_id for _, ad in shown]
    texts = [d.request.query if d.request.surface == "search" else "" for d, _ in shown]
    features: dict[str, np.ndarray] = {}
    for tables, entities in ((USER_TABLES, users), (AD_TABLES, creatives), (QUERY_TABLES, query_keys(texts).tolist())):
        for table in tables:
            features |= as_published(settings.home, table, entities, at)
    day = min(d.request.ts for d, _ in shown).date() - timedelta(days=1)  # the catalogue that the day was served from
    return assemble(model_input, rows, features, search_rows(settings, texts, creatives, day))
