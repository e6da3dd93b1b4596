"""A catalogue, a model and users of any size, made as columns in a moment, for measuring."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import xgboost as xgb

from feature_repo.services import CLICK, INPUTS
from feature_repo.table import Feature
from feature_repo.tables import AD_TABLES, QUERY_TABLES
from feature_repo.tables.ad_performance import HIDE_RATE
from feature_repo.taxonomy import CATEGORIES, DEVICES, MATCH_TYPES, OBJECTIVES
from feature_repo.text import query_key, stem
from serving.bundles import Bundle, Manifest, Tables, write_bundle
from serving.bundles.calibrator import Calibrator, probability
from serving.bundles.encoder import Encoding
from serving.language.dictionary import Dictionary
from serving.language.gazetteer import Gazetteer
from serving.language.language import Language
from serving.language.query_classifier import OUTPUTS, QueryClassifier
from serving.language.spelling import Spelling
from serving.language.text_encoder import BUCKETS, TextEncoder
from serving.record.query import Term
from serving.snapshot import set_current
from serving.snapshot.columns import ALL_HOURS, POLICIES, TARGETED, TEXTS, query_arrays
from serving.snapshot.keyword_columns import keyword_columns
from serving.snapshot.manifest import matrix_name, write_columns
from serving.snapshot.recall_index import recall_vectors
from serving.snapshot.search_columns import WORDS
from serving.snapshot.target_index import target_columns
from serving.snapshot.text_columns import NO_PAGE, bm25

TREES, DEPTH, ROWS = 300, 6, 20_000
MOST_HIDDEN = 0.01
"""Hides and reports per impression of the ad that people hide most: rates up to 1 would cost more than most ads bring."""
WORDS_KNOWN = 40_000
SYLLABLES = dict(
    zip(
        "0123456789ABCDEF",
        ["ka", "lo", "mi", "ter", "ran", "so", "pel", "du", "vi", "nor", "sta", "bex", "qui", "fen", "gor", "hul"],
        strict=True,
    )
)
AS_OF = datetime(2026, 1, 1, tzinfo=UTC)


def _values(feature: Feature, n: int, rng: np.random.Generator) -> np.ndarray:
    if feature.dtype == "vector":
        return rng.normal(scale=0.3, size=(n, feature.width)).astype(np.float32)
    low, high = feature.low or 0.0, feature.high if feature.high is not None else 20.0
    drawn = rng.uniform(low, high, n)
    return drawn.astype(feature.dtype) if feature.dtype != "string" else np.full(n, feature.default, object)


def _ids(prefix: str, numbers: np.ndarray) -> np.ndarray:
    return np.char.add(prefix.encode(), np.char.zfill(numbers.astype("S8"), 8))


def vocabulary(words: int) -> np.ndarray:
    """Made-up words, the shorter first, shape (words,)."""
    return np.array(["".join(SYLLABLES[d] for d in np.base_repr(i + 16, 16)) for i in range(words)], dtype=object)


def bought(keywords: int, groups: int, seed: int = 3) -> pa.Table:
    """Keywords of 1 to 5 words for ad groups g00000000, ...; words as frequent as Zipf says, one keyword in twelve negative."""
    rng = np.random.default_rng(seed)
    known = vocabulary(WORDS_KNOWN)
    share = 1 / np.arange(1, WORDS_KNOWN + 1)
    lengths = rng.choice([1, 2, 3, 4, 5], keywords, p=[0.08, 0.37, 0.33, 0.15, 0.07])
    drawn = known[rng.choice(WORDS_KNOWN, lengths.sum(), p=share / share.sum())]
    ends = np.cumsum(lengths)
    group = rng.integers(0, groups, keywords)
    return pa.table(
        {
            "keyword_id": [f"w{i:08d}" for i in range(keywords)], "ad_group_id": [f"g{g:08d}" for g in group],
            "campaign_id": [""] * keywords, "text": [" ".join(drawn[e - n : e]) for e, n in zip(ends, lengths, strict=True)],
            "match_type": np.array(MATCH_TYPES, object)[rng.integers(0, len(MATCH_TYPES), keywords)],
            "negative": rng.random(keywords) < 1 / 12,
            "bid_micros": rng.integers(50_000, 900_000, keywords),
        }
    )  # fmt: skip


def catalogue(snapshots: Path, ads: int, seed: int = 1, keywords: int = 0) -> None:
    """Publishes a snapshot of `ads` creatives, 40 a campaign; two campaigns in five target half of everyone. keywords: that many,
    of ad groups of four ads."""
    rng = np.random.default_rng(seed)
    campaigns = max(ads // 40, 4)
    campaign = (np.arange(ads) % campaigns).astype(np.int32)
    ad: dict[str, np.ndarray] = {f.name: _values(f, ads, rng) for t in AD_TABLES for f in t.features}
    ad[HIDE_RATE] *= np.float32(MOST_HIDDEN)
    ad |= {
        "category_code": rng.integers(1, len(CATEGORIES), ads).astype(np.int32),
        "creative_code": rng.integers(1, 1 << 20, ads).astype(np.int32),
        "campaign_code": rng.integers(1, 1 << 20, ads).astype(np.int32),
        "advertiser_code": rng.integers(1, 1 << 20, ads).astype(np.int32),
        "ad_language_id": rng.integers(1, 6, ads).astype(np.int32),
        "ad_call_id": rng.integers(1, 1 << 20, ads).astype(np.int32),
    }
    vectors = {f.name for t in AD_TABLES for f in t.features if f.dtype == "vector"}
    columns: dict[str, np.ndarray] = {
        **{f"ad.{k}": v for k, v in ad.items() if v.dtype != object and k not in vectors},
        **{f"vector.{k}": ad[k] for k in vectors},
        "id.creative_id": _ids("c", np.arange(ads)), "id.campaign_id": _ids("k", campaign),
        "id.advertiser_id": _ids("a", campaign // 3), **{f"text.{k}": np.full(ads, b"text") for k in TEXTS},
        "recall.vectors": recall_vectors(ad), "campaign": campaign,
        "policy": np.full(ads, POLICIES.index("approved"), np.int8), "sensitive": np.zeros(ads, bool),
        "campaign.id": _ids("k", np.arange(campaigns)),
        "campaign.objective": np.full(campaigns, OBJECTIVES.index("cpc"), np.int8),
        "bid_micros": rng.integers(100_000, 900_000, campaigns)[campaign],
        "campaign.budget_micros": np.full(campaigns, 10**12), "campaign.cap": np.zeros(campaigns, np.int32),
        "campaign.start": np.zeros(campaigns, np.int64), "campaign.end": np.full(campaigns, 2**62),
        "campaign.hours": np.full(campaigns, ALL_HOURS),
        "page": np.full(ads, NO_PAGE, np.int32), "informative": np.zeros(ads, bool), "campaign.brand": np.full(campaigns, b""),
        "words.adjusted_regions": np.empty(0, "S1"), "campaign.adjust.device": np.ones((campaigns, len(DEVICES)), np.float32),
        "campaign.adjust.hour": np.ones((campaigns, 24), np.float32), "campaign.adjust.region": np.ones((campaigns, 0), np.float32),
        **{f"words_of.{k}": np.zeros((ads, n), np.int32) for k, n in WORDS.items()}, **{f"text.{k}s": np.full(ads, b"") for k in WORDS},
        **{matrix_name(x): np.stack([np.asarray(ad[x.columns[i].name], np.float32) for i in x.of("ad")], axis=1) for x in INPUTS.values()},
    }  # fmt: skip
    columns |= query_arrays(_asked(rng, keywords // 10))
    some = rng.random(campaigns) < 0.4
    half = {name: [f"{name}{i}" for i in range(0, 8, 2)] for name in ("regions", "languages")}
    columns |= target_columns({name: [half.get(name, []) if picky else [] for picky in some] for name in TARGETED})
    groups = pa.table({"ad_group_id": [f"g{i // 4:08d}" for i in range(ads)], "campaign_id": [f"k{c}" for c in campaign]})
    words = bought(keywords, max(ads // 4, 1))
    columns |= keyword_columns({"keywords": words}, groups)
    if keywords:
        columns |= _texts(ads, words["text"].to_pylist(), rng)
    set_current(snapshots, write_columns(snapshots, AS_OF, columns, ads))


def _asked(rng: np.random.Generator, n: int) -> dict[str, pa.Table]:
    """Feature rows of queries that somebody searched for before."""
    out = {}
    for table in QUERY_TABLES:
        keys = sorted({query_key(text) for text in bought(n, 1)["text"].to_pylist()}) if n else []
        values = {f.name: pa.array(list(_values(f, len(keys), rng)), f.arrow) for f in table.features}
        out[table.name] = pa.table({table.entity: pa.array(keys, pa.string()), **values})
    return out


def _texts(ads: int, said: list[str], rng: np.random.Generator) -> dict[str, np.ndarray]:
    """What text_columns makes: a page of 60 words for every fifth ad to share, and vectors of the encoder `encoder()`."""
    pages = [" ".join(said[i % len(said)] for i in range(p, p + 25)) for p in range(0, max(ads // 5, 1))]
    vectors = encoder().encode([said[i % len(said)] for i in range(ads)])
    return {
        "page": (np.arange(ads) % len(pages)).astype(np.int32), "page.age_days": np.zeros(len(pages), np.float32), **bm25(pages),
        "page.vectors": vectors[: len(pages)], "text.vectors": vectors, "words.encoder": np.array([b"bench"]),
    }  # fmt: skip


def encoder() -> TextEncoder:
    """Untrained, of the usual size."""
    return TextEncoder("bench", np.random.default_rng(4).normal(size=(BUCKETS, 64)).astype(np.float32))


def language(words: int = 20_000) -> Language:
    """Untrained, of a large catalogue's size."""
    rng = np.random.default_rng(5)
    known = vocabulary(words)
    weights = rng.normal(size=(BUCKETS, OUTPUTS)).astype(np.float32)
    names = [(str(w), ("brand", "product", "location")[i % 3], str(w)) for i, w in enumerate(known[: words // 2])]
    related = {stem(str(known[i])): (Term(str(known[i + 1]), 0.5, "clicks"),) for i in range(0, words - 1, 4)}
    counts = {str(w): words - i for i, w in enumerate(known)}
    return Language(
        "bench", Spelling(counts, Dictionary.of([])), Gazetteer(names), related, QueryClassifier(weights, np.zeros(OUTPUTS, np.float32))
    )


def ranker(folder: Path, seed: int = 2, trees: int = TREES, rows: int = ROWS, depth: int = DEPTH, eta: float = 0.05) -> Bundle:
    """A bundle of `trees` trees of `depth` levels over the real click input, with encodings and a calibrator of usual size."""
    rng = np.random.default_rng(seed)
    k = len(CLICK.columns)
    x = rng.normal(size=(rows, k)).astype(np.float32)
    y = rng.random(rows) < 1 / (1 + np.exp(-(x[:, :20].sum(axis=1) * 0.3 - 3)))
    settings = {"objective": "binary:logistic", "max_depth": depth, "eta": eta, "nthread": 2, "max_bin": 64, "seed": seed}
    booster = xgb.train(settings, xgb.DMatrix(x, y), trees)
    categories = [i for i, c in enumerate(CLICK.columns) if c.kind == "category"]
    codes = np.sort(rng.choice(1 << 20, 5_000, replace=False)).astype(np.int64)
    encodings = tuple(Encoding(i, codes, (0.2 * rng.normal(size=5_000)).astype(np.float32), 0.0) for i in categories)
    grid = np.linspace(-12, 4, 60)
    manifest = Manifest(
        "click", "1", "bench", CLICK.name, CLICK.names, tuple(c.kind for c in CLICK.columns), "", "", rows, int(y.sum()), 1.0,
        True, float(y.mean()), {"proactive": (0.0, -0.3)},
    )  # fmt: skip
    tables = Tables(Calibrator(grid, probability(grid)), {}, {})
    return write_bundle(folder, manifest, {"model.ubj": (1.0, bytes(booster.save_raw("ubj")))}, encodings, tables)
