"""Thirty days of events and a catalogue of any size, made in seconds, for measuring: Zipf ads, long-tailed users, late conversions."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

import numpy as np
import pyarrow as pa

from feature_repo.catalog import CATALOG
from feature_repo.events import ENGAGEMENT_KINDS, EVENTS
from feature_repo.home import Home
from feature_repo.partition_file import write_partition
from feature_repo.taxonomy import AGE_BANDS, CATEGORIES, DEVICES, GENDERS, SURFACES

DAYS: Final = 30
LAST: Final = date(2026, 1, 30)
ACTIVITY_PER_IMPRESSION: Final = 5.0
"""As in the simulated market."""
ENGAGED: Final = 0.1
"""Engagements per impression, of all kinds."""
IMPRESSIONS_PER_USER: Final = 20
IMPRESSIONS_PER_AD: Final = 500
DAY_MICROS: Final = 86_400_000_000
REGIONS: Final = tuple(f"region{i}" for i in range(12))
LANGUAGES: Final = ("en", "de", "fr", "es")


def write_log(home: Home, impressions: int, seed: int = 3) -> dict[str, int]:
    """Writes DAYS partitions ending on LAST; returns the rows of each table. Users and ads grow with the impressions."""
    users, ads = max(impressions // IMPRESSIONS_PER_USER, 50), max(impressions // IMPRESSIONS_PER_AD, 40)
    day_zero, counts = LAST - timedelta(days=DAYS - 1), {"users": users, "creatives": ads}
    start = _micros(day_zero)
    _write(home, "users", day_zero, _users(users, start))
    for name, columns in _catalogue(ads, start).items():
        _write(home, name, day_zero, columns)
    rng = np.random.default_rng(seed)
    for number in range(DAYS):
        tables = _day(rng, impressions // DAYS, users, ads, start + number * DAY_MICROS)
        for name, columns in tables.items():
            counts[name] = counts.get(name, 0) + _write(home, name, day_zero + timedelta(days=number), columns)
    return counts


def _micros(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) * 1_000_000


def _write(home: Home, name: str, day: date, columns: Mapping[str, Any]) -> int:
    """One partition; columns that are not given are null."""
    schema = {**EVENTS, **CATALOG}[name]
    rows = len(next(iter(columns.values())))
    arrays = [_array(columns[f.name], f.type) if f.name in columns else pa.nulls(rows, f.type) for f in schema]
    write_partition(pa.table(arrays, schema=schema), home.partition(name, day) / "bench.parquet")
    return rows


def _array(values: Any, kind: pa.DataType) -> pa.Array:
    return values.cast(kind) if isinstance(values, pa.Array) else pa.array(values, kind)


def _pick(words: tuple[str, ...], codes: np.ndarray) -> pa.Array:
    return pa.array(words).take(pa.array(codes))


def _ids(prefix: str, codes: np.ndarray) -> pa.Array:
    return pa.array(np.char.add(prefix, np.char.zfill(codes.astype(str), 8)).tolist(), pa.string())


def _users(n: int, start: int) -> dict[str, Any]:
    i = np.arange(n)
    known = {"ts": np.full(n, start), "created_ts": np.full(n, start), "source": ["bench"] * n}
    return {
        "user_id": _ids("u", i), **known, "age_band": _pick(AGE_BANDS, i % len(AGE_BANDS)), "gender": _pick(GENDERS, i % len(GENDERS)),
        "region": _pick(REGIONS, i % len(REGIONS)), "language": _pick(LANGUAGES, i % len(LANGUAGES)),
    }  # fmt: skip


def _catalogue(n: int, start: int) -> dict[str, dict[str, Any]]:
    i, campaigns = np.arange(n), np.arange(max(n // 8, 4))
    campaign = i % len(campaigns)
    pages = [f"https://{c}.example" for c in campaigns]
    return {
        "creatives": {
            "creative_id": _ids("c", i), "campaign_id": _ids("k", campaign), "advertiser_id": _ids("a", campaign // 3),
            "created_ts": np.full(n, start), "source": ["bench"] * n, "category": _pick(CATEGORIES, 1 + campaign % (len(CATEGORIES) - 1)),
            "language": _pick(LANGUAGES, i % len(LANGUAGES)), "headline": [f"Offer {k} of the day" for k in i],
            "description": ["A longer text, is it not?"] * n, "call_to_action": ["Buy now"] * n, "image_path": [""] * n,
            "landing_url": [pages[c] for c in campaign],
        },
        "campaigns": {
            "campaign_id": _ids("k", campaigns), "created_ts": np.full(len(campaigns), start), "source": ["bench"] * len(campaigns),
            "regions": [[REGIONS[0]] if c % 3 == 0 else [] for c in campaigns],
        },
        "landing_pages": {
            "landing_url": pages, "created_ts": np.full(len(campaigns), start), "source": ["bench"] * len(campaigns),
            "text": ["Everything about the offer, in some words"] * len(campaigns),
        },
    }  # fmt: skip


def _day(rng: np.random.Generator, shown: int, users: int, ads: int, start: int) -> dict[str, dict[str, Any]]:
    """The day's impressions, the engagements that became known on it, and its organic activity."""

    def moments(n: int) -> np.ndarray:
        return start + np.sort(rng.integers(0, DAY_MICROS - 60_000_000, n))

    def people(n: int) -> np.ndarray:
        return (users * rng.beta(0.8, 1.6, n)).astype(np.int64)

    ts, user = moments(shown), people(shown)
    ad = np.minimum(rng.zipf(1.25, shown) - 1, 10**9) % ads
    common = {
        "user_id": _ids("u", user), "surface": _pick(SURFACES, rng.integers(0, len(SURFACES), shown)),
        "device": _pick(DEVICES, rng.integers(0, len(DEVICES), shown)), "creative_id": _ids("c", ad),
        "position": rng.integers(1, 5, shown).astype(np.int16), "ts": ts, "source": ["bench"] * shown,
    }  # fmt: skip
    impressions = {**common, "impression_id": _ids(f"i{start}", np.arange(shown)), "created_ts": ts + 1_000_000}
    chosen = np.flatnonzero(rng.random(shown) < ENGAGED)
    at = ts[chosen] + rng.integers(500_000, 50_000_000, len(chosen))
    engagements = {k: (v.take(pa.array(chosen)) if isinstance(v, pa.Array) else np.asarray(v)[chosen]) for k, v in common.items()}
    engagements |= {
        "event_id": _ids(f"e{start}", chosen), "kind": _pick(ENGAGEMENT_KINDS, np.minimum(rng.geometric(0.3, len(chosen)) - 1, 10)),
        "impression_id": impressions["impression_id"].take(pa.array(chosen)), "ts": at, "created_ts": at + 1_000_000,
    }  # fmt: skip
    n = int(shown * ACTIVITY_PER_IMPRESSION)
    when = moments(n)
    activity = {
        "event_id": _ids(f"o{start}", np.arange(n)), "ts": when, "created_ts": when + 1_000_000, "source": ["bench"] * n,
        "user_id": _ids("u", people(n)), "action": _pick(("view", "like", "share", "comment"), np.minimum(rng.geometric(0.8, n) - 1, 3)),
        "category": _pick(CATEGORIES, rng.integers(1, len(CATEGORIES), n)), "dwell_ms": rng.integers(0, 60_000, n).astype(np.int32),
    }  # fmt: skip
    return {"impressions": impressions, "engagements": engagements, "activity": activity}
