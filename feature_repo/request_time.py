"""Features that can only be computed at the time of a request, from the request, the user and the ad together.

Training and serving call the same functions. They take and return columns: arrays of n rows, or of one row that stands for all n.
`user` and `ad` map feature names to columns; `ad` also holds the ids of creative, campaign and advertiser.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from feature_repo.model_input import Columns
from feature_repo.request_words import spoken
from feature_repo.tables.query_performance import BY_CATEGORY, QUERY_PERFORMANCE
from feature_repo.tables.user_actions import USER_ACTIONS
from feature_repo.taxonomy import CATEGORIES, DEVICES, SURFACES
from feature_repo.text import hash_codes, stem, tokenise

CATEGORY_NUMBER: Final = {c: i for i, c in enumerate(CATEGORIES)}
SURFACE_NUMBER: Final = {s: i for i, s in enumerate(SURFACES)}
DEVICE_NUMBER: Final = {d: i for i, d in enumerate(DEVICES)}
PAIR_READS: Final = ("category_code", "advertiser_code", "ad_language_id", "launched_at", "ad_vector", *(f"ctr_{s}_30d" for s in SURFACES))
"""The ad columns that pair_columns reads."""
QUERY_WORDS: Final = 12
"""How many words of a query, its first ones, are looked for in an ad's texts."""
DAY_SECONDS: Final = 86_400.0


def _number(vocabulary: dict[str, int], values: NDArray[np.object_], absent: int = 0) -> NDArray[np.int64]:
    if len(values) == 1:
        return np.array([vocabulary.get(str(values[0]), absent)], np.int64)
    unique, inverse = np.unique(np.asarray(values, dtype=object).astype(str), return_inverse=True)
    return np.array([vocabulary.get(v, absent) for v in unique], np.int64)[inverse]


def _language_codes(tags: Sequence[str | None] | NDArray[np.object_]) -> NDArray[np.int32]:
    """Hashed codes of the languages of tags: who asks in `en-US` reads an ad in `en`."""
    return hash_codes([spoken(tag) if tag else tag for tag in tags])


def context_columns(
    ts: NDArray[np.datetime64],
    surface: NDArray[np.object_],
    device: NDArray[np.object_],
    os: NDArray[np.object_],
    region: NDArray[np.object_],
    language: NDArray[np.object_],
) -> dict[str, np.ndarray]:
    """Columns that follow from the request alone; ts: datetime64[us], UTC. `hour` counts from 0, with a fraction; `weekday` is 0 on
    Mondays; an unknown surface is -1.

    A Monday, half past nine in the evening:

    >>> one = lambda text: np.array([text], dtype=object)
    >>> moment = np.array(["2026-01-19T21:30"], "datetime64[us]")
    >>> columns = context_columns(moment, one("search"), one("mobile"), one("android"), one("coast"), one("en"))
    >>> columns["hour"].item(), columns["weekday"].item()
    (21.5, 0.0)
    """
    seconds = ts.astype("datetime64[us]").astype(np.int64) / 1e6
    days = np.floor(seconds / DAY_SECONDS)
    return {
        "seconds": seconds,
        "surface_code": _number(SURFACE_NUMBER, surface, -1),
        "hour": ((seconds - days * DAY_SECONDS) / 3600.0),
        "weekday": (days + 3) % 7,  # 1970-01-01 was a Thursday; Monday is 0
        "device_code": _number(DEVICE_NUMBER, device),
        "device_id": hash_codes(device),
        "os_id": hash_codes(os),
        "region_id": hash_codes(region),
        "language_id": _language_codes(language),
    }


_ELEMENTS: Final = tuple((f"{f.name}.{i}", f.name, i) for f in USER_ACTIONS.features for i in range(f.width))
"""The columns that hold one element of a vector feature of recent actions: the column's name, the feature, and the element's number."""


def user_columns(user: Columns) -> dict[str, np.ndarray]:
    """The user's features, and the columns that follow from them alone: logarithms and standard scores of interests, codes of region
    and language, the length of the user's vector, and each element of the vector features of recent actions as a column."""
    interests = np.asarray(user["interests"], np.float32)
    log = np.log(np.maximum(interests, 1e-5))
    centred = log - log[:, 1:].mean(axis=1, keepdims=True)
    spread = np.maximum(np.sqrt(np.square(centred[:, 1:]).mean(axis=1, keepdims=True)), 1e-3)
    return {
        **user,
        **{element: np.asarray(user[name])[:, i] for element, name, i in _ELEMENTS if name in user},
        "log_interests": log,
        "interest_scores": centred / spread,
        "user_region_id": hash_codes(user["user_region"]),
        "user_language_id": _language_codes(user["user_language"]),
        "user_vector_norm": np.linalg.norm(np.asarray(user["user_vector"], np.float32), axis=1),
    }


def ad_columns(ad: Columns) -> dict[str, np.ndarray]:
    """The ad's features, and its ids and words as numbers: hashed codes of creative, campaign, advertiser, language and call to action,
    and the number of its category. `ad` holds creative_id, campaign_id and advertiser_id as strings."""
    return {
        **ad,
        "creative_code": hash_codes(ad["creative_id"]),
        "campaign_code": hash_codes(ad["campaign_id"]),
        "advertiser_code": hash_codes(ad["advertiser_id"]),
        "category_code": _number(CATEGORY_NUMBER, ad["ad_category"]).astype(np.int32),
        "ad_language_id": _language_codes(ad["ad_language"]),
        "ad_call_id": hash_codes(ad["ad_call"]),
    }


def pair_columns(context: Columns, user: Columns, ad: Columns, seen: np.ndarray) -> dict[str, np.ndarray]:
    """Columns of a user and an ad together, each of length n. `context`, `user` and `ad` come from context_columns, user_columns and
    ad_columns. seen: how often the ad's campaign was shown to the user on earlier pages of the same day (UTC), (n,)."""
    category = np.asarray(ad["category_code"], np.int64)
    hour = np.floor(np.asarray(context["hour"])).astype(np.int64)
    rhythm, week = np.asarray(user["hour_rhythm"]), np.asarray(user["weekday_rhythm"])
    near = rhythm[_rows(rhythm, hour), hour] + rhythm[_rows(rhythm, hour), (hour + 1) % 24] + rhythm[_rows(rhythm, hour), hour - 1]
    vector, place = np.asarray(user["user_vector"], np.float32), np.asarray(ad["ad_vector"], np.float32)
    dot = place @ vector[0] if len(vector) == 1 else np.einsum("ij,ij->i", place, vector)
    surface = np.asarray(context["surface_code"], np.int64)
    asked, spoken = np.asarray(context["language_id"]), np.asarray(user["user_language_id"])
    language = np.where(asked > 0, asked, spoken)
    region, mobile = np.asarray(context["region_id"]), np.asarray(user["mobile_share_30d"])
    ctr = _surface_ctr(np.clip(surface, 0, len(SURFACES) - 1), ad)
    return {
        "interest": _pick(np.asarray(user["log_interests"]), category),
        "interest_score": _pick(np.asarray(user["interest_scores"]), category),
        "embedding_dot": dot,
        "hour_affinity": near,
        "weekday_affinity": week[_rows(week, hour), np.asarray(context["weekday"], np.int64)],
        "language_match": language == np.asarray(ad["ad_language_id"]),
        "region_match": (region > 0) & (region == np.asarray(user["user_region_id"])),
        "device_match": np.where(np.asarray(context["device_code"]) == DEVICE_NUMBER["mobile"], mobile, 1 - mobile),
        "ad_age_days": np.clip((np.asarray(context["seconds"]) - np.asarray(ad["launched_at"])) / DAY_SECONDS, 0, 365),
        "surface_ctr": ctr,
        "rates_product": np.log(np.maximum(ctr * np.asarray(user["user_ctr_30d"]), 1e-9)),
        "seen_today": np.log1p(seen),
    }


def _surface_ctr(surface: NDArray[np.int64], ad: Columns) -> np.ndarray:
    """The ad's click-through rate on a surface, (n,). surface: numbers, (n,); or (1,), and only that surface's column is read."""
    if len(surface) == 1:
        return np.asarray(ad[f"ctr_{SURFACES[int(surface[0])]}_30d"])
    return np.choose(surface, [np.asarray(ad[f"ctr_{s}_30d"]) for s in SURFACES])


def word_codes(texts: Sequence[str], most: int) -> NDArray[np.int32]:
    """Hashed codes of the stems of each text's first `most` words, shape (n, most), 0 after the last word of a shorter text.

    >>> codes = word_codes(["running shoes", "run"], most=2)
    >>> bool(codes[0, 0] == codes[1, 0]), int(codes[1, 1])
    (True, 0)
    """
    out = np.zeros((len(texts), most), np.int32)
    stems = [[stem(token) for token in tokenise(text)][:most] for text in texts]
    lengths = np.array([len(s) for s in stems], np.int64)
    if lengths.sum():
        codes = hash_codes([s for row in stems for s in row])
        out[np.repeat(np.arange(len(texts)), lengths), _within(lengths)] = codes
    return out


def _within(lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    """For runs of the given lengths, laid end to end: each element's place in its run, from 0.

    >>> _within(np.array([2, 3])).tolist()
    [0, 1, 0, 1, 2]
    """
    return np.asarray(np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths))


def overlap(query: NDArray[np.int32], text: NDArray[np.int32]) -> NDArray[np.float32]:
    """The share of the query's words that the text holds, (n,); 0 for a query without words. Rows of codes as word_codes makes them;
    query: (n, k), or (1, k) for one query beside all texts; text: (n, m).

    >>> overlap(np.array([[5, 9]]), np.array([[9, 3], [4, 4], [9, 5]])).tolist()
    [0.5, 0.0, 1.0]
    """
    held = (query[:, :, None] == text[:, None, :]).any(axis=2) & (query > 0)
    return np.asarray(held.sum(axis=1) / np.maximum((query > 0).sum(axis=1), 1), np.float32)


NO_SEARCH: Final[dict[str, np.ndarray]] = {
    "query_words": np.zeros((1, QUERY_WORDS), np.int32),
    "query_length": np.zeros(1),
    "commercial": np.full(1, 0.5),
    "informational": np.zeros(1),
    "navigational": np.zeros(1),
    "query_categories": np.zeros((1, len(CATEGORIES)), np.float32),
    "name_words": np.zeros((1, QUERY_WORDS), np.int32),
    "brand_code": np.zeros(1, np.int32),
    "informative": np.zeros(1, bool),
    "match_kind": np.full(1, -1.0),
    "match_close": np.zeros(1),
    "query_similarity": np.zeros(1, np.float32),
    "headline_words": np.zeros((1, 1), np.int32),
    "description_words": np.zeros((1, 1), np.int32),
    **{f.name: f.filled(1) for f in QUERY_PERFORMANCE.features},
}
"""The search columns of a request that has no query, and of a candidate that was not found by a query."""


AS_GIVEN: Final = (
    "query_length", "commercial", "informational", "navigational", "match_kind", "match_close",
    *(f.name for f in QUERY_PERFORMANCE.features if f.dtype != "vector"),
)  # fmt: skip
"""Columns that search_columns returns as they were given."""


def search_columns(search: Columns, ad: Columns) -> dict[str, np.ndarray]:
    """Columns of a query and an ad together, each of length n. search: columns named as in NO_SEARCH, with the values of the query and
    of how each ad was matched; NO_SEARCH itself on surfaces without a query."""
    category = np.asarray(ad["category_code"], np.int64)
    return {
        **{name: search[name] for name in AS_GIVEN},
        "query_similarity": np.nan_to_num(np.asarray(search["query_similarity"], np.float32)),
        "category_match": _pick(np.asarray(search["query_categories"]), category),
        "category_coec": _pick(np.asarray(search[BY_CATEGORY]), category),
        **text_overlaps(search),
        "brand_match": _brand_match(np.asarray(search["brand_code"]), np.asarray(ad["advertiser_code"])),
        "informs": np.asarray(search["informative"]) * np.asarray(search["informational"]),
    }


def text_overlaps(search: Columns) -> dict[str, np.ndarray]:
    """The search columns that depend on the words of an ad: how much of the query stands in its headline and in its description, and
    how much of the product names in the query stands in its headline; each (n,), in [0, 1]."""
    return {
        "headline_overlap": overlap(search["query_words"], search["headline_words"]),
        "description_overlap": overlap(search["query_words"], search["description_words"]),
        "name_overlap": overlap(search["name_words"], search["headline_words"]),
    }


def _brand_match(named: NDArray[np.int32], owner: NDArray[np.int32]) -> NDArray[np.float32]:
    """1 for ads of the advertiser whose brand the query names, -1 for the ads of others, 0 for all when the query names no brand.

    >>> _brand_match(np.array([7, 7, 0]), np.array([7, 8, 7])).tolist()
    [1.0, -1.0, 0.0]
    """
    return np.where(named == 0, 0, np.where(named == owner, 1, -1)).astype(np.float32)


def _rows(table: np.ndarray, like: np.ndarray) -> np.ndarray | int:
    return 0 if len(table) == 1 else np.arange(len(table))


def _pick(table: np.ndarray, column: np.ndarray) -> np.ndarray:
    """One element of each row: table[i, column[i]], or table[0, column[i]] where the table has a single row for all."""
    return np.asarray(table[0, column] if len(table) == 1 else table[np.arange(len(table)), column])


NOT_SEARCHED: Final = search_columns(NO_SEARCH, {"category_code": np.zeros(1, np.int64), "advertiser_code": np.zeros(1, np.int32)})
"""What search_columns returns of every ad, whichever it is, where nothing was searched for: columns of length 1."""
