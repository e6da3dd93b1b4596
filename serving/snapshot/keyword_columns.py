"""From the catalogue's keywords to the arrays of the keyword index."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from feature_repo.catalog import KEYWORD
from feature_repo.taxonomy import MATCH_TYPES
from feature_repo.text import stem, token_runs
from serving.language.display_text import displayed
from serving.snapshot.disguises import checksums
from serving.snapshot.keyword_table import BROAD, EXACT, NOBODY, PHRASE, Rows, arrays_of, padded, sequence_codes
from serving.snapshot.keyword_units import (
    MOST_TOKENS,
    MOST_WORDS,
    Runs,
    bought_spellings,
    broad_units,
    exact_units,
    never_spellings,
    read_of,
    very_units,
)


def keyword_columns(catalog: Mapping[str, pa.Table], creatives: pa.Table) -> dict[str, np.ndarray]:
    """The index's arrays for the ad groups of `creatives`; `ad_group` numbers each creative's group, a row an ad."""
    owners = _Owners.of(creatives)
    keywords = _Keywords.of(catalog["keywords"].sort_by("keyword_id") if "keywords" in catalog else KEYWORD.empty_table(), owners)
    return {
        "ad_group": owners.of_ad,
        "keyword.groups": np.array([len(owners.groups)], np.int64),
        "keyword.campaign_of": owners.campaign_of_group,
        **_bought(keywords),
        **_negatives(keywords),
    }


@dataclass(frozen=True)
class _Owners:
    """Who may own a keyword. of_ad: each ad's group, (ads,). groups, campaigns: their numbers by id. campaign_of_group: (groups,)."""

    of_ad: NDArray[np.int32]
    groups: Mapping[str, int]
    campaigns: Mapping[str, int]
    campaign_of_group: NDArray[np.int32]

    @classmethod
    def of(cls, creatives: pa.Table) -> _Owners:
        group_ids, campaign_ids = creatives["ad_group_id"].to_pylist(), creatives["campaign_id"].to_pylist()
        groups, of_ad = np.unique(np.array(group_ids, dtype=object).astype(str), return_inverse=True)
        owner = dict(zip(group_ids, campaign_ids, strict=True))
        campaigns = {c: i for i, c in enumerate(sorted(set(owner.values())))}
        return cls(
            of_ad.astype(np.int32).reshape(-1), {g: i for i, g in enumerate(groups.tolist())}, campaigns,
            np.array([campaigns[owner[g]] for g in groups.tolist()], np.int32),
        )  # fmt: skip


@dataclass(frozen=True)
class _Keywords:
    """Every keyword of the catalogue, by id. text: as it was bought. runs: its tokens, as text.token_runs gives them; words:
    the same in one list. fits: those that have words, and not too
    many to match anything. group: that owns it, NOBODY for none. campaign: whose every
    group a negative keeps out, NOBODY for one of a group. kind: number in taxonomy.MATCH_TYPES."""

    text: Sequence[str]
    runs: Sequence[Sequence[Sequence[str]]]
    words: Sequence[Sequence[str]]
    fits: NDArray[np.bool_]
    group: NDArray[np.int32]
    campaign: NDArray[np.int32]
    negative: NDArray[np.bool_]
    kind: NDArray[np.int8]
    bid_micros: Rows

    @classmethod
    def of(cls, table: pa.Table, owners: _Owners) -> _Keywords:
        known = {name: table[name].to_pylist() for name in ("ad_group_id", "campaign_id", "text", "match_type", "negative", "bid_micros")}
        owned = zip(known["ad_group_id"], known["campaign_id"], strict=True)
        negative = np.array([bool(n) for n in known["negative"]], bool)
        kind = np.array([MATCH_TYPES.index(m) if m in MATCH_TYPES else BROAD for m in known["match_type"]], np.int8)
        runs = [token_runs(t or "") for t in known["text"]]
        words = [[token for run in r for token in run] for r in runs]
        long = np.array([len(r) > MOST_WORDS or len(w) > MOST_TOKENS for r, w in zip(runs, words, strict=True)], bool)
        return cls(
            [t or "" for t in known["text"]], runs, words, np.array([len(w) > 0 for w in words], bool) & (negative | ~long),
            np.array([owners.groups.get(g, NOBODY) for g in known["ad_group_id"]], np.int32),
            np.array([NOBODY if g else owners.campaigns.get(c, NOBODY) for g, c in owned], np.int32), negative,
            np.where(negative & long & (kind == EXACT), PHRASE, kind).astype(np.int8),
            np.array([b or 0 for b in known["bid_micros"]], np.int64),
        )  # fmt: skip


def _bought(keywords: _Keywords) -> dict[str, np.ndarray]:
    """Arrays of the keywords that a group bid on, a row for each way that one is written, looked up by what each match type compares; with
    their own words, and as they were bought."""
    mine = np.flatnonzero(~keywords.negative & keywords.fits & (keywords.group != NOBODY)).tolist()
    written = [(i, runs) for i in mine for runs in bought_spellings(keywords.runs[i])]
    of = np.array([i for i, _ in written], np.int64)
    units, lengths = padded([_compared(int(keywords.kind[i]), runs) for i, runs in written])
    table, order = arrays_of("keyword", units, lengths, keywords.kind[of], keywords.bid_micros[of])
    of = of[order]
    texts = [displayed(keywords.text[i]).encode() for i in of.tolist()]
    return {
        "keyword.group": keywords.group[of], "keyword.bid_micros": keywords.bid_micros[of],
        "keyword.raw_sequence": sequence_codes(*padded([keywords.words[i] for i in of.tolist()])),
        "keyword.text": np.frombuffer(b"".join(texts), np.uint8), "keyword.text_from": np.cumsum([0, *map(len, texts)]).astype(np.int64),
        **table,
    }  # fmt: skip


def _compared(kind: int, runs: Runs) -> list[str]:
    words = [token for run in runs for token in run]
    if kind == EXACT:
        return exact_units(words)
    return [*map(stem, words)] if kind == PHRASE else broad_units(runs)


def _negatives(keywords: _Keywords) -> dict[str, np.ndarray]:
    """Arrays of the keywords that keep ads out, a row for each way that one is written, looked up by their very words: of those that are
    too long, phrase ones by their first words, and broad ones by all, so that a search of the same words in another order meets them."""
    theirs = np.flatnonzero(keywords.negative & keywords.fits & ((keywords.group != NOBODY) | (keywords.campaign != NOBODY))).tolist()
    written = [(i, runs) for i in theirs for runs in never_spellings(keywords.runs[i])]
    of = np.array([i for i, _ in written], np.int64)
    words, lengths = padded([_very(int(keywords.kind[i]), runs) for i, runs in written])
    table, order = arrays_of("keyword.never", words, lengths, keywords.kind[of], keywords.bid_micros[of])
    return {
        "keyword.never_group": keywords.group[of[order]], "keyword.never_campaign": keywords.campaign[of[order]],
        "keyword.never_checksums": checksums([word for i in theirs for word in keywords.words[i]]), **table,
    }  # fmt: skip


def _very(kind: int, runs: Runs) -> Sequence[str]:
    return very_units(runs)[:MOST_TOKENS] if kind == BROAD else read_of([token for run in runs for token in run], MOST_WORDS)
