"""What a log's searches and the ads shown to them say of each other, through the functions that serving calls."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from feature_repo.model_input import Columns
from feature_repo.request_time import NO_SEARCH, word_codes
from pipelines.language.champions import champion_language, encoder_in_use
from pipelines.warehouse.catalog import catalog_as_of
from serving.language.analyse import analyse
from serving.language.keyword_insertion import insert
from serving.language.query_columns import query_columns
from serving.record.match import SEMANTIC
from serving.record.query import Query
from serving.settings import Settings
from serving.snapshot.keyword_columns import keyword_columns
from serving.snapshot.keyword_index import KeywordIndex
from serving.snapshot.search_columns import WORDS, combinations, informative, text_words
from serving.snapshot.text_columns import ad_texts

Numbers = NDArray[np.int64]


def search_rows(
    settings: Settings, texts: Sequence[str], creatives: Sequence[str], day: date, choices: Sequence[int] | None = None
) -> Columns:
    """What request_time.search_columns reads of each (query text, creative), rows in the order given; "" is no search.

    By the language model and the text encoder that serve, and the catalogue as of the end of `day`. An ad that no keyword of its
    own brings to the query counts as found by meaning, as serving would find it. choices: which combination of a responsive
    creative's texts was shown; its own first ones where nothing is said, or where it has no such combination any more.
    """
    asked, query = np.unique(np.array(texts, dtype=object).astype(str), return_inverse=True)
    if not any(asked):
        return NO_SEARCH
    language, encoder = champion_language(settings.home), encoder_in_use(settings)
    catalog = catalog_as_of(settings.home, day)
    table = catalog["creatives"]
    place = {c: i for i, c in enumerate(table["creative_id"].to_pylist())}
    ad = np.array([place.get(c, -1) for c in creatives], np.int64)
    queries = [analyse(str(text), language) if text else None for text in asked]
    real = (ad >= 0) & (asked[query] != "")
    out = {name: values[query] for name, values in query_columns(queries).items()}
    words = text_words(table)
    for name, most in WORDS.items():
        out[f"{name}_words"] = np.zeros((len(ad), most), np.int32)
        out[f"{name}_words"][real] = words[f"words_of.{name}"][ad[real]]
    if choices is not None:
        _as_shown(out, table, ad, np.where(real, np.asarray(choices, np.int64), 0))
    out["informative"] = np.zeros(len(ad), bool)
    out["informative"][real] = informative(table)[ad[real]]
    out["match_kind"], out["match_close"] = _matches(KeywordIndex(keyword_columns(catalog, table)), queries, query, ad, real, len(table))
    out["query_similarity"] = np.zeros(len(ad), np.float32)
    if encoder is not None and real.any():
        vectors = encoder.encode([q.normalised if q is not None else "" for q in queries])
        said = encoder.encode(ad_texts(catalog, table))
        out["query_similarity"][real] = np.einsum("ij,ij->i", vectors[query[real]], said[ad[real]])
    return out


def _as_shown(out: dict[str, np.ndarray], creatives: pa.Table, ad: Numbers, choice: Numbers) -> None:
    """Puts the words of the combination that was shown, where it was not the first, in place of the creative's first ones."""
    rows = np.flatnonzero(choice > 0)
    pairs, of = np.unique(np.stack([ad[rows], choice[rows]]), axis=1, return_inverse=True)
    texts = []
    for i, chosen in pairs.T.tolist():
        one = creatives.slice(i, 1).to_pylist()[0]
        known = combinations(*([one[name] or "", *(one[f"{name}s"] or [])] for name in WORDS))
        texts.append(known[chosen if chosen < len(known) else 0])
    for i, (name, most) in enumerate(WORDS.items()):
        codes = word_codes([insert(text[i], "", 1).text for text in texts], most)
        out[f"{name}_words"][rows] = codes[of.reshape(-1)]


def _matches(
    index: KeywordIndex, queries: Sequence[Query | None], query: Numbers, ad: Numbers, real: NDArray[np.bool_], ads: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """How each row's ad was matched, as serving numbers it; -1 and 0 off search."""
    keys, kinds, closes = [np.empty(0, np.int64)], [np.empty(0, np.int8)], [np.empty(0, bool)]
    for i, one in enumerate(queries):
        if one is not None:
            rows, match = index.match(one)
            keys.append(i * ads + rows)
            kinds.append(match.kind)
            closes.append(match.close)
    key, kind, close = np.concatenate(keys), np.concatenate(kinds), np.concatenate(closes)
    out, near = np.where(real, float(SEMANTIC), -1.0), np.zeros(len(ad))
    if len(key) == 0:
        return out, near
    order = np.argsort(key, kind="stable")
    wanted = query * ads + ad
    at = np.minimum(np.searchsorted(key[order], wanted), len(key) - 1)
    found = real & (key[order][at] == wanted)
    out[found], near[found] = kind[order][at][found], close[order][at][found]
    return out, near
