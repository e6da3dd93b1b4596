"""Which ads' keywords match a query: exact, phrase and broad, with close variants; and which negatives do.

The rules are those that the large search-ad platforms document. Exact: the query is the keyword. Phrase: the query holds the
keyword's words in a row. Broad: it holds them all, anywhere. Close variants match as the keyword does: other forms of its words (exact:
without inflection; else stems), their order and function words (exact), words joined or split. All of this is said of what was typed.
Where its spelling may be mistaken, phrase and broad keywords match the corrected reading too, as close variants. Negatives match what
was typed, by their very words, also where these are written apart, as one, or in letters that are drawn alike. In scripts without
spaces phrase keywords and negatives are found wherever they stand.

Exact and phrase keywords lie sorted by a code of their words, so a query looks up its own. Broad ones lie by their rarest word: a
query reads those of each of its words and keeps the keywords it holds whole (rarest-first conjunctive lookup, Zobel and Moffat 2006).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from itertools import chain, compress, islice, pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from feature_repo.inflection import base
from feature_repo.text import hash_words, is_unspaced, stem, tokenise
from serving.record.match import Match
from serving.record.query import Query
from serving.snapshot.disguises import Disguised, disguised, spellings
from serving.snapshot.keyword_table import NOBODY, Codes, Rows, Table, among, bag_of, runs_of, spread
from serving.snapshot.keyword_units import MOST_TOKENS, MOST_WORDS, exact_units, number_cuts, read_of, said_units

QUERY_WORDS: Final = 32
"""Of a query that are looked at for what was bought; negatives are looked for in all of them."""
MOST_ALIKE: Final = 500
"""Equal keywords of a match type that stand for one query's words; the highest bids."""
MOST_BROAD: Final = 2_000
"""Broad keywords that are compared with one query, shared out among its words; each word's highest bids."""
MOST_ADS: Final = 5_000
"""That keywords find for one query: those of the best keywords."""
ALL: Final = 1 << 40


@dataclass(frozen=True)
class _Asked:
    """A text as codes, in all its spellings: what it says for broad keywords, its runs of words for phrase ones, and what it says whole for
    exact ones. All ascending."""

    words: Codes
    runs: Codes
    bags: Codes

    @classmethod
    def bought(cls, spellings: Sequence[Sequence[str]]) -> _Asked:
        """As keywords that were bought compare it."""
        stems = [[stem(token) for token in spelling] for spelling in spellings]
        return cls._of(stems, [exact_units(spelling) for spelling in spellings])

    @classmethod
    def very(cls, tokens: Sequence[str], disguises: Sequence[Disguised]) -> _Asked:
        """As negatives compare it."""
        rows = [tokens, *spellings(tokens, disguises)]
        asked = cls._of(rows, rows)
        if not disguises:
            return asked
        return cls(np.union1d(asked.words, hash_words([one.word for one in disguises])), asked.runs, asked.bags)

    @classmethod
    def _of(cls, rows: Sequence[Sequence[str]], wholes: Sequence[Sequence[str]]) -> _Asked:
        words = {code for row in rows for code in hash_words(said_units(row)).tolist()}
        bags = {bag_of(hash_words(whole).tolist()) for whole in wholes if 0 < len(whole) <= MOST_TOKENS}
        runs = {run for row in rows for same_length in _runs(row) for run in same_length}
        return cls(*map(_ascending, (words, runs, bags)))


def _runs(tokens: Sequence[str]) -> list[list[int]]:
    return runs_of(hash_words(tokens).tolist(), MOST_TOKENS if any(map(is_unspaced, tokens)) else MOST_WORDS)


def _ascending(codes: Set[int]) -> Codes:
    return np.array(sorted(codes), np.uint64)


class KeywordIndex:
    """The keywords of a snapshot. Immutable; its arrays are the snapshot's."""

    def __init__(self, arrays: Mapping[str, np.ndarray]) -> None:
        self._bought, self._never = Table(arrays, "keyword"), Table(arrays, "keyword.never")
        self._group, self._bid, self._raw = (arrays[f"keyword.{n}"] for n in ("group", "bid_micros", "raw_sequence"))
        self._never_checksums = arrays["keyword.never_checksums"]
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
        """A keyword as people see it."""
        return bytes(self._text[slice(*self._text_from[keyword : keyword + 2])]).decode()

    def match(self, query: Query) -> tuple[Rows, Match]:
        """Snapshot rows, each once with its best keyword: exact before phrase before broad, then the keyword's own words before a
        close variant, then the higher bid; about MOST_ADS at most. Negatives are not looked at: see `excluded`."""
        typed = read_of(tokenise(query.original), QUERY_WORDS)
        keyword, kind, close = self._matched(query, typed)
        bid = self._bid[keyword]
        order = np.argsort((kind.astype(np.int64) << 61) + (close.astype(np.int64) << 60) - np.minimum(bid, 1 << 59), kind="stable")
        group = self._group[keyword]
        first = np.empty(self._groups, np.int32)
        first[group[order[::-1]]] = order[::-1]  # the last to be written is the best
        best = order[first[group[order]] == order]
        start, end = self._ads_from[group[best]], self._ads_from[group[best] + 1]
        enough = 1 + int(np.searchsorted(np.cumsum(end - start), MOST_ADS))
        best, start, end = best[:enough], start[:enough], end[:enough]
        rows, of = self._ads[spread(start, end - start)].astype(np.int64), np.repeat(best, end - start)
        return rows, Match(keyword[of], kind[of], close[of], bid[of], np.full(len(rows), np.nan, np.float32))

    def _matched(self, query: Query, typed: Sequence[str]) -> tuple[Rows, NDArray[np.int8], NDArray[np.bool_]]:
        """Keywords that match, as what each was bought, and which do as close variants. What was typed matches; what it may have been
        meant as adds close variants of phrase and broad keywords."""
        said = _Asked.bought(self._spellings(typed))
        meant = _Asked.bought(self._spellings(read_of(query.tokens, QUERY_WORDS))) if query.corrections else said
        terms = [hash_words(said_units([stem(w) for w in tokenise(term.text)])) for term in query.expanded]
        exact = self._bought.exact_rows(said.bags, MOST_ALIKE)
        phrase = self._bought.phrase_rows(np.union1d(said.runs, meant.runs), MOST_ALIKE)
        # a broad keyword is met by the query's words and one related term's, never by those of several
        broad, met = self._bought.broad_rows(said.words, MOST_BROAD, [meant.words, *terms] if query.corrections else terms)
        runs = _runs(typed)
        whole = np.uint64(runs[-1][-1] if runs and len(runs) == len(typed) else 0)
        close = (self._raw[exact] != whole, ~among(_ascending(set(chain.from_iterable(runs))), self._raw[phrase]), met & 1 == 0)
        kind = np.repeat(np.arange(3, dtype=np.int8), [len(exact), len(phrase), len(broad)])
        return np.concatenate([exact, phrase, broad]), kind, np.concatenate(close)

    def _spellings(self, tokens: Sequence[str]) -> list[tuple[str, ...]]:
        """A text's words, and the same words otherwise joined or split."""
        return [tuple(tokens), *self._otherwise(tokens)]

    def _otherwise(self, tokens: Sequence[str]) -> list[tuple[str, ...]]:
        """A text's words with neighbouring ones joined, and with an unknown one split in known ones; at most four."""
        joined = ["" if is_unspaced(a) or is_unspaced(b) else a + b for a, b in pairwise(tokens)]
        known = self._known([*tokens, *joined])
        out = [(*tokens[:i], joined[i], *tokens[i + 2 :]) for i in range(len(joined)) if joined[i] and known[len(tokens) + i]]
        for i, word in enumerate(tokens):
            if not known[i] and len(word) <= 40 and not word.isalpha():
                cuts = [cut for cut in number_cuts(word) if all(self._known(cut))]
                out += [(*tokens[:i], *cut, *tokens[i + 1 :]) for cut in cuts[:1]]
            elif 6 <= len(word) <= 40 and not known[i]:
                fronts = [word[:c] for c in range(3, len(word) - 2)]
                halves = [(front, word[len(front) :]) for front in compress(fronts, self._known(fronts))]
                there = self._known([back for _, back in halves])
                out += [(*tokens[:i], *half, *tokens[i + 1 :]) for half in islice(compress(halves, there), 1)]
        return out[:4]

    def _known(self, words: Sequence[str]) -> list[bool]:
        """Which of the words some keyword has in any form."""
        forms = self._bought.has(hash_words([*map(stem, words), *map(base, words)]))
        return [bool(known) for known in forms[: len(words)] | forms[len(words) :]]

    def excluded(self, query: Query, rows: Rows) -> NDArray[np.bool_]:
        """Which snapshot rows a negative of their ad group, or of its campaign, keeps out. Every negative is looked at, and all of the
        query as it was typed: what else it may mean keeps nobody out."""
        group = self._group_of[rows]
        groups, campaigns = np.zeros(self._groups + 1, bool), np.zeros(len(self._campaign) + 1, bool)  # the last is NOBODY's
        tokens = tokenise(query.original)
        asked = _Asked.very(tokens, disguised(tokens, self._never_checksums))
        exact = self._never.exact_rows(asked.bags, ALL)
        exact = exact[among(asked.runs, self._never.sequence[exact])]
        out = np.concatenate([exact, self._never.phrase_rows(asked.runs, ALL), self._never.broad_rows(asked.words, ALL)[0]])
        groups[self._never_group[out]] = campaigns[self._never_campaign[out]] = True
        groups[NOBODY] = campaigns[NOBODY] = False
        return np.asarray(groups[group] | campaigns[self._campaign[group]])
