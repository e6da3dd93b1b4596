"""Whom campaigns want: for each list (surfaces, regions, ...) the words that some campaign asks for, and the campaigns that ask for each.

A list may have any number of words. What is kept of a word is the eligibility of all ads, a bit an ad, made when the word
is first asked for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache, reduce
from typing import Final

import numpy as np
from numpy.typing import NDArray

Bits = NDArray[np.uint8]

WORDS_KEPT: Final = 2_048
"""Words, over all lists, whose eligibility is kept: those asked for last. At 1,000,000 ads they take 256 MB at most."""
MASKS_KEPT: Final = 64
"""Combinations of words whose eligibility is kept as a mask: those asked for last. At 1,000,000 ads they take 64 MB at most."""
NESTED: Final = frozenset({"languages"})
"""Lists whose words are tags, part of part: whoever asks for `en` also wants `en-us`, as RFC 4647 matches ranges of languages."""
NOBODYS: Final = -1
"""In place of the number of a word that no campaign asks for."""


def target_columns(lists: Mapping[str, Sequence[Sequence[str] | None]]) -> dict[str, np.ndarray]:
    """The snapshot's columns of what campaigns target. lists: by name, the words that each campaign asks for, a campaign a row; an
    absent or empty row asks for nothing, so everyone will do.

    `target.NAME.anyone`: (campaigns,) whether everyone will do. `words.NAME`: the words, sorted. `target.NAME.campaigns`: the campaigns
    that ask for the first word, for the second, ...; `target.NAME.from`: where those of each word begin, (words + 1,).
    """
    out: dict[str, np.ndarray] = {}
    for name, rows in lists.items():
        words = sorted({word for row in rows for word in row or ()})
        place = {word: i for i, word in enumerate(words)}
        pairs = sorted({(place[word], campaign) for campaign, row in enumerate(rows) for word in row or ()})
        if name in NESTED:
            pairs = _with_wider(words, place, pairs)
        word_of, campaigns = (np.array([pair[i] for pair in pairs], np.int32) for i in (0, 1))
        out[f"target.{name}.anyone"] = np.array([not row for row in rows], bool)
        out[f"target.{name}.campaigns"] = campaigns
        out[f"target.{name}.from"] = np.searchsorted(word_of, np.arange(len(words) + 1))
        out[f"words.{name}"] = np.array([word.encode() for word in words] or [b""], dtype=bytes)[: len(words)]
    return out


def _with_wider(words: Sequence[str], place: Mapping[str, int], pairs: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """The pairs of (word's number, campaign) with those added that ask for a tag that the word begins with."""
    of: dict[int, list[int]] = {}
    for word, campaign in pairs:
        of.setdefault(word, []).append(campaign)
    wider = ((place[word], campaign) for word in words for tag in _beginnings(word)[1:] if tag in place for campaign in of[place[tag]])
    return sorted({*pairs, *wider})


def _beginnings(tag: str) -> list[str]:
    """The tag, then those it begins with, the longest first.

    >>> _beginnings("zh-hant-tw")
    ['zh-hant-tw', 'zh-hant', 'zh']
    """
    parts = tag.split("-")
    return ["-".join(parts[:n]) for n in range(len(parts), 0, -1)]


class TargetIndex:
    """Eligible ads by list and word. Safe to call from several threads."""

    def __init__(self, arrays: Mapping[str, np.ndarray], names: Sequence[str]) -> None:
        self._arrays, self._campaign = arrays, arrays["campaign"]
        self._place = {name: {bytes(word).decode(): i for i, word in enumerate(arrays[f"words.{name}"])} for name in names}
        self._bits = lru_cache(maxsize=WORDS_KEPT)(self._make)
        self._mask = lru_cache(maxsize=MASKS_KEPT)(self._together)

    def knows(self, name: str, word: str) -> bool:
        """Whether some campaign asks for the word, or for a language that it is a kind of."""
        return self._number(name, word) != NOBODYS

    def lists(self, name: str) -> bool:
        """Whether some campaign asks for any word of the list."""
        return bool(self._place[name])

    def _number(self, name: str, word: str) -> int:
        place = self._place[name]
        if word in place or name not in NESTED:
            return place.get(word, NOBODYS)
        return next((place[tag] for tag in _beginnings(word) if tag in place), NOBODYS)

    def admitted(self, wanted: Mapping[str, str]) -> NDArray[np.bool_] | None:
        """Which ads may be shown to whoever has these words, by list, (ads,), not to be written to; None when all may. A word that no
        campaign asks for, "" among them, meets the ads that everyone may see."""
        return self._mask(tuple((name, self._number(name, word)) for name, word in wanted.items()))

    def _together(self, words: tuple[tuple[str, int], ...]) -> NDArray[np.bool_] | None:
        picky = [bits for word in words if (bits := self._bits(*word)) is not None]
        if not picky:
            return None
        mask = np.unpackbits(reduce(np.bitwise_and, picky), count=len(self._campaign)).view(np.bool_)
        mask.flags.writeable = False
        return mask

    def _make(self, name: str, word: int) -> Bits | None:
        """The ads that are eligible for one word, by its number, a bit each; None where all are."""
        campaigns = self._arrays[f"target.{name}.anyone"].copy()
        if word != NOBODYS:
            first, last = self._arrays[f"target.{name}.from"][word : word + 2]
            campaigns[self._arrays[f"target.{name}.campaigns"][first:last]] = True
        ads = campaigns.take(self._campaign)
        return None if ads.all() else np.packbits(ads)
