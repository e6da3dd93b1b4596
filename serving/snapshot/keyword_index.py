"""Which ads' keywords match a query: exact, phrase and broad, with close variants; and which negatives do.

The rules are those that the large search-ad platforms document. Exact: the query is the keyword. Phrase: the query holds the
keyword's words in a row. Broad: it holds them all, anywhere. Close variants match as the keyword does: other forms of its words
(stems), their order (exact), words joined or split, the spelling that was corrected. Negatives match by their very words.

Exact and phrase keywords lie sorted by a code of their words, so a query looks up its own. Broad ones lie by their rarest word: a
query reads those of each of its words and keeps the keywords it holds whole (rarest-first conjunctive lookup, Zobel and Moffat 2006).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import compress, islice, pairwise
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from feature_repo.catalog import KEYWORD
from feature_repo.taxonomy import MATCH_TYPES
from feature_repo.text import hash_words, measured, stem, tokenise
from serving.match import Match
from serving.understanding.query import Query

EXACT, PHRASE, BROAD = (MATCH_TYPES.index(kind) for kind in ("exact", "phrase", "broad"))
MOST_WORDS: Final = 10
"""Of a keyword; a longer one matches nothing, as on the platforms. A longer negative keeps out what holds its first words."""
QUERY_WORDS: Final = 32
"""Of a query that are looked at for what was bought; negatives are looked for in all of them."""
MOST_ALIKE: Final = 500
"""Equal keywords of a match type that stand for one query's words; the highest bids."""
MOST_BROAD: Final = 2_000
"""Broad keywords that are compared with one query, shared out among its words; each word's highest bids."""
ALL: Final = 1 << 40
NOBODY: Final = -1
PRIME: Final = np.uint64(0x9E3779B97F4A7C15)
ONE: Final = np.uint64(1)
Codes = NDArray[np.uint64]
Rows = NDArray[np.int64]


def _sequence(words: Codes, lengths: NDArray[np.integer]) -> Codes:
    """A code for each row's words in order, (n, w) → (n,)."""
    out = np.zeros(len(words), np.uint64)
    for j in range(words.shape[1]):
        out = np.where(j < lengths, (out ^ words[:, j]) * PRIME + ONE, out)
    return out


def _runs(codes: Codes) -> list[Codes]:
    """The _sequence codes of every run of 1, 2, ... of the words."""
    out, now = [], np.zeros(len(codes), np.uint64)
    for n in range(min(len(codes), MOST_WORDS)):
        now = (now[: len(codes) - n] ^ codes[n:]) * PRIME + ONE
        out.append(now)
    return out


def _bag(words: Codes, lengths: NDArray[np.integer]) -> Codes:
    """A code for each row's words in any order."""
    mixed = (words ^ (words >> np.uint64(29))) * PRIME
    return np.asarray(np.where(np.arange(words.shape[1]) < lengths[:, None], mixed, np.uint64(0)).sum(axis=1, dtype=np.uint64))


def _padded(rows: Sequence[Sequence[str]]) -> tuple[Codes, NDArray[np.int8]]:
    """Codes of each row's words, (n, MOST_WORDS), and how many it has."""
    lengths = np.array([len(r) for r in rows], np.int64)
    out = np.zeros((len(rows), MOST_WORDS), np.uint64)
    if lengths.sum():
        at = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        out[np.repeat(np.arange(len(rows)), lengths), at] = hash_words([w for r in rows for w in r])
    return out, lengths.astype(np.int8)


def _table(prefix: str, words: Codes, lengths: NDArray[np.int8], kind: NDArray[np.int8], bid: Rows) -> tuple[dict[str, np.ndarray], Rows]:
    """One table's arrays, and the order in which its rows lie: by match type, then by what they are looked up by, then by bid."""
    used = np.arange(MOST_WORDS) < lengths[:, None]
    vocabulary, inverse, counts = np.unique(words[used], return_inverse=True, return_counts=True)
    number = np.full(words.shape, NOBODY, np.int32)
    number[used] = inverse
    many = np.full(words.shape, np.iinfo(np.int64).max)
    many[used] = counts[inverse]
    rarest = np.take_along_axis(number, np.argmin(many, axis=1)[:, None], axis=1)[:, 0] if len(words) else np.empty(0, np.int32)
    sequence, bag = _sequence(words, lengths), _bag(words, lengths)
    key = np.select([kind == EXACT, kind == PHRASE], [bag, sequence], rarest.astype(np.uint64))
    order = np.lexsort((-bid, key, kind))
    bounds = np.searchsorted(kind[order], np.arange(len(MATCH_TYPES) + 1))
    broad = order[bounds[BROAD] :]
    arrays = {
        f"{prefix}.vocabulary": vocabulary, f"{prefix}.bounds": bounds, f"{prefix}.key": key[order][: bounds[BROAD]],
        f"{prefix}.sequence": sequence[order], f"{prefix}.words": number[broad],
        f"{prefix}.words_from": bounds[BROAD] + np.searchsorted(rarest[broad], np.arange(len(vocabulary) + 1)),
    }  # fmt: skip
    return arrays, order


def keyword_columns(catalog: Mapping[str, pa.Table], creatives: pa.Table) -> dict[str, np.ndarray]:
    """The index's arrays for the ad groups of `creatives`; `ad_group` numbers each creative's group, a row an ad."""
    groups, group = np.unique(np.array(creatives["ad_group_id"].to_pylist(), dtype=object).astype(str), return_inverse=True)
    owners = dict(zip(creatives["ad_group_id"].to_pylist(), creatives["campaign_id"].to_pylist(), strict=True))
    campaigns = sorted(set(owners.values()))
    place, campaign_place = {g: i for i, g in enumerate(groups.tolist())}, {c: i for i, c in enumerate(campaigns)}
    table = catalog["keywords"].sort_by("keyword_id") if "keywords" in catalog else KEYWORD.empty_table()
    known = {name: table[name].to_pylist() for name in ("ad_group_id", "campaign_id", "text", "match_type", "negative", "bid_micros")}
    owner = np.array([place.get(g, NOBODY) for g in known["ad_group_id"]], np.int32)
    owned = zip(known["ad_group_id"], known["campaign_id"], strict=True)
    whole = np.array([NOBODY if g else campaign_place.get(c, NOBODY) for g, c in owned], np.int32)
    negative = np.array([bool(n) for n in known["negative"]], bool)
    kind = np.array([MATCH_TYPES.index(m) if m in MATCH_TYPES else BROAD for m in known["match_type"]], np.int8)
    bid = np.array([b or 0 for b in known["bid_micros"]], np.int64)
    tokens = [measured(t or "") for t in known["text"]]
    kind[negative & np.array([len(t) > MOST_WORDS for t in tokens], bool)] = PHRASE
    tokens = [t[:MOST_WORDS] if never else t for t, never in zip(tokens, negative, strict=True)]
    fits = np.array([0 < len(t) <= MOST_WORDS for t in tokens], bool)
    mine = np.flatnonzero(~negative & fits & (owner != NOBODY))
    theirs = np.flatnonzero(negative & fits & ((owner != NOBODY) | (whole != NOBODY)))
    stems, lengths = _padded([[stem(w) for w in tokens[i]] for i in mine])
    bought, order = _table("keyword", stems, lengths, kind[mine], bid[mine])
    mine = mine[order]
    raw, lengths = _padded([tokens[i] for i in mine])
    never, order = _table("keyword.never", *_padded([tokens[i] for i in theirs]), kind[theirs], bid[theirs])
    texts = [" ".join(tokenise(known["text"][i])).encode() for i in mine]
    return {
        "ad_group": group.astype(np.int32).reshape(-1),
        "keyword.groups": np.array([len(groups)], np.int64),
        "keyword.campaign_of": np.array([campaign_place[owners[g]] for g in groups.tolist()], np.int32),
        "keyword.group": owner[mine], "keyword.bid_micros": bid[mine], "keyword.raw_sequence": _sequence(raw, lengths),
        "keyword.text": np.frombuffer(b"".join(texts), np.uint8), "keyword.text_from": np.cumsum([0, *map(len, texts)]).astype(np.int64),
        "keyword.never_group": owner[theirs[order]], "keyword.never_campaign": whole[theirs[order]], **bought, **never,
    }  # fmt: skip


@dataclass(frozen=True)
class _Asked:
    """A text's words as codes, in all its spellings: the words, ascending; the runs of them; and each whole, in any order."""

    words: Codes
    runs: Codes
    bags: Codes

    @classmethod
    def of(cls, spellings: Sequence[Sequence[str]]) -> _Asked:
        codes = [hash_words(list(spelling)) for spelling in spellings]
        bags = [_bag(c[None, :], np.array([len(c)])) for c in codes if 0 < len(c) <= MOST_WORDS]
        runs = [run for c in codes for run in _runs(c)]
        empty = np.empty(0, np.uint64)
        words = np.unique(np.concatenate([empty, *codes]))
        return cls(words, np.concatenate([empty, *runs]), np.concatenate([empty, *bags]))


class _Table:
    """One table of the index: bought keywords by stems, or negatives by words."""

    def __init__(self, arrays: Mapping[str, np.ndarray], prefix: str) -> None:
        self.vocabulary, self._words, self._from = (arrays[f"{prefix}.{n}"] for n in ("vocabulary", "words", "words_from"))
        self.sequence = arrays[f"{prefix}.sequence"]
        self.exact, self.phrase, self.broad, self.end = (int(b) for b in arrays[f"{prefix}.bounds"])
        key = arrays[f"{prefix}.key"]
        self._bags, self._sequences = key[: self.phrase], key[self.phrase : self.broad]

    def numbers(self, words: Codes) -> Rows:
        """Vocabulary numbers, ascending, of those of the words (ascending) that any row has."""
        at = np.searchsorted(self.vocabulary, words)
        return np.asarray(at[self._there(at, words)], np.int64)

    def has(self, words: Codes) -> NDArray[np.bool_]:
        """Which of the words any row has."""
        return self._there(np.searchsorted(self.vocabulary, words), words)

    def _there(self, at: Rows, words: Codes) -> NDArray[np.bool_]:
        if len(self.vocabulary) == 0:
            return np.zeros(len(words), bool)
        return np.asarray(self.vocabulary[np.minimum(at, len(self.vocabulary) - 1)] == words)

    def exact_rows(self, bags: Codes, most: int) -> Rows:
        """Exact rows of these words in any order."""
        return _equal(self._bags, bags, most)

    def phrase_rows(self, runs: Codes, most: int) -> Rows:
        """Phrase rows that are one of the runs."""
        return _equal(self._sequences, runs, most) + self.phrase

    def broad_rows(self, words: Codes, most: int) -> Rows:
        """Broad rows all of whose words are among these; of at most about `most` that are looked at."""
        numbers = self.numbers(words)
        if len(numbers) == 0:
            return np.empty(0, np.int64)
        start = self._from[numbers]
        count = np.minimum(self._from[numbers + 1] - start, max(most // len(numbers), 1))
        return self.held(_spread(start, count), numbers)

    def held(self, rows: Rows, numbers: Rows) -> Rows:
        """Those of the broad rows whose words all have one of these vocabulary numbers."""
        held = np.zeros(len(self.vocabulary) + 1, bool)
        held[numbers] = held[NOBODY] = True
        for place in range(MOST_WORDS):  # few rows outlive the first words
            rows = rows[held[self._words[rows - self.broad, place]]]
        return rows


def _spread(start: Rows, count: Rows) -> Rows:
    """start, start + 1, ..., of each `count` numbers."""
    at = np.arange(int(count.sum()), dtype=np.int64)
    return np.asarray(at + np.repeat(start - (np.cumsum(count) - count), count))


def _equal(ascending: Codes, wanted: Codes, most: int) -> Rows:
    """Places of the values that are wanted, each value's first `most`."""
    wanted = np.unique(wanted)
    start = np.searchsorted(ascending, wanted)
    return _spread(start, np.minimum(np.searchsorted(ascending, wanted, side="right") - start, most))


class KeywordIndex:
    """The keywords of a snapshot. Immutable; its arrays are the snapshot's."""

    def __init__(self, arrays: Mapping[str, np.ndarray]) -> None:
        self._bought, self._never = _Table(arrays, "keyword"), _Table(arrays, "keyword.never")
        self._group, self._bid, self._raw = (arrays[f"keyword.{n}"] for n in ("group", "bid_micros", "raw_sequence"))
        self._never_group, self._never_campaign = arrays["keyword.never_group"], arrays["keyword.never_campaign"]
        self._text, self._text_from, self._campaign = (arrays[f"keyword.{n}"] for n in ("text", "text_from", "campaign_of"))
        self._group_of = group = arrays["ad_group"]
        self._groups = int(arrays["keyword.groups"][0])
        self._ads = np.argsort(group, kind="stable").astype(np.int32)
        self._ads_from = np.searchsorted(group[self._ads], np.arange(self._groups + 1))

    @classmethod
    def of(cls, arrays: Mapping[str, np.ndarray]) -> KeywordIndex | None:
        """The index of a snapshot's arrays; None where they hold none of it. Raises KeyError naming a lost one: without it an ad
        might be shown that a negative keeps out."""
        return cls(arrays) if any(name.startswith("keyword.") for name in arrays) else None

    def __len__(self) -> int:
        return len(self._group)

    def text(self, keyword: int) -> str:
        """A keyword's words."""
        return bytes(self._text[slice(*self._text_from[keyword : keyword + 2])]).decode()

    def match(self, query: Query) -> tuple[Rows, Match]:
        """Snapshot rows, each once with its best keyword: exact before phrase before broad, then the keyword's own words before a
        close variant, then the higher bid. Negatives are not looked at: see `excluded`."""
        typed = tuple(measured(query.original)[:QUERY_WORDS])
        keyword, kind, close = self._matched(query, typed)
        bid = self._bid[keyword]
        order = np.argsort((kind.astype(np.int64) << 61) + (close.astype(np.int64) << 60) - np.minimum(bid, 1 << 59), kind="stable")
        group = self._group[keyword]
        first = np.empty(self._groups, np.int32)
        first[group[order[::-1]]] = order[::-1]  # the last to be written is the best
        best = order[first[group[order]] == order]
        start, end = self._ads_from[group[best]], self._ads_from[group[best] + 1]
        rows, of = self._ads[_spread(start, end - start)].astype(np.int64), np.repeat(best, end - start)
        return rows, Match(keyword[of], kind[of], close[of], bid[of], np.full(len(rows), np.nan, np.float32))

    def _matched(self, query: Query, typed: Sequence[str]) -> tuple[Rows, NDArray[np.int8], NDArray[np.bool_]]:
        """Keywords that match, as what each was bought, and which do as close variants."""
        spellings = dict.fromkeys([query.stems[:QUERY_WORDS], tuple(map(stem, typed)), *self._otherwise(query.tokens)])
        asked = _Asked.of(list(spellings))
        more = {stem(w) for term in query.expanded for w in tokenise(term.text)}
        words = asked.words if not more else np.union1d(asked.words, hash_words(sorted(more)[:QUERY_WORDS]))
        exact, phrase = self._bought.exact_rows(asked.bags, MOST_ALIKE), self._bought.phrase_rows(asked.runs, MOST_ALIKE)
        broad = self._bought.broad_rows(words, MOST_BROAD)
        own = self._bought.held(broad, self._bought.numbers(asked.words)) if more else broad
        plain = np.isin(broad, own, assume_unique=True) if more else np.ones(len(broad), bool)
        said = _runs(hash_words(list(query.tokens[:QUERY_WORDS])))
        whole = said[-1][-1] if said and len(query.tokens) <= MOST_WORDS else np.uint64(0)
        close = (self._raw[exact] != whole, ~np.isin(self._raw[phrase], np.concatenate([np.empty(0, np.uint64), *said])), ~plain)
        kind = np.repeat(np.arange(3, dtype=np.int8), [len(exact), len(phrase), len(broad)])
        return np.concatenate([exact, phrase, broad]), kind, np.concatenate(close)

    def _otherwise(self, tokens: Sequence[str]) -> list[tuple[str, ...]]:
        """The query's stems with neighbouring words joined, and with an unknown word split in two known ones; at most four."""
        tokens = tokens[:QUERY_WORDS]
        stems, joined = [stem(t) for t in tokens], [stem(a + b) for a, b in pairwise(tokens)]
        known = self._bought.has(hash_words([*stems, *joined])).tolist()
        out = [(*stems[:i], joined[i], *stems[i + 2 :]) for i in range(len(joined)) if known[len(stems) + i]]
        for i, word in enumerate(tokens):
            if 6 <= len(word) <= 40 and not known[i]:
                fronts = [stem(word[:c]) for c in range(3, len(word) - 2)]
                cuts = [(fronts[c], stem(word[c + 3 :])) for c in np.flatnonzero(self._bought.has(hash_words(fronts))).tolist()]
                there = self._bought.has(hash_words([back for _, back in cuts]))
                out += [(*stems[:i], *cut, *stems[i + 1 :]) for cut in islice(compress(cuts, there), 1)]
        return out[:4]

    def excluded(self, query: Query, rows: Rows) -> NDArray[np.bool_]:
        """Which snapshot rows a negative of their ad group, or of its campaign, keeps out. Every negative is looked at, and the
        query both as it was typed and as it was corrected."""
        group = self._group_of[rows]
        groups, campaigns = np.zeros(self._groups + 1, bool), np.zeros(len(self._campaign) + 1, bool)  # the last is NOBODY's
        for tokens in {query.tokens, tuple(tokenise(query.original)), tuple(measured(query.original))}:
            asked = _Asked.of([tokens])
            exact = self._never.exact_rows(asked.bags, ALL)
            exact = exact[np.isin(self._never.sequence[exact], asked.runs)]
            rows = np.concatenate([exact, self._never.phrase_rows(asked.runs, ALL), self._never.broad_rows(asked.words, ALL)])
            groups[self._never_group[rows]] = campaigns[self._never_campaign[rows]] = True
        groups[NOBODY] = campaigns[NOBODY] = False
        return np.asarray(groups[group] | campaigns[self._campaign[group]])
