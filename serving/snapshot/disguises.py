"""Words of a search that may be one word written apart, or a word drawn in another script's letters: negatives are compared with those too.

A negative fails closed: `f r e e`, `fr*ee` and `free` in Cyrillic letters are `free`. Few of the words that can be made of neighbours are
words of any negative, so they are looked up by a checksum before they are hashed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from feature_repo.look_alikes import drawn_in_latin, one_script
from feature_repo.text import is_unspaced

MOST_PARTS: Final = 4
"""Neighbouring words that are taken for one."""
MOST_LETTERS_APART: Final = 12
"""Of single letters."""
MOST_LETTERS: Final = 40
MOST_FOUND: Final = 16
"""Disguised words that are put in their place in phrases; all are looked for as words."""
AROUND: Final = 10
"""Words before and after it that a phrase with a disguised word may have."""


class Disguised(NamedTuple):
    """`word` may be what tokens[start:end] say."""

    start: int
    end: int
    word: str


def checksums(words: Sequence[str]) -> NDArray[np.uint32]:
    """Of the words' UTF-8 bytes, ascending, each once."""
    return np.unique(np.fromiter((crc32(word.encode()) for word in words), np.uint32, len(words)))


def disguised(tokens: Sequence[str], known: NDArray[np.uint32]) -> list[Disguised]:
    """The words, disguised in `tokens`, that are likely among those whose checksums are `known`."""
    made = _made(tokens) if len(known) else []
    if not made:
        return []
    sums = np.array([crc32(word.encode("utf-8", "replace")) for _, _, word in made], np.uint32)
    places = known.searchsorted(sums)
    places[places == len(known)] = 0
    return [Disguised(*made[i]) for i in (known[places] == sums).nonzero()[0].tolist()]


def _made(tokens: Sequence[str]) -> list[tuple[int, int, str]]:
    out: list[tuple[int, int, str]] = []
    letters = 0
    """How many single letters stand in a row, up to the one at hand."""
    for last, word in enumerate(tokens):
        letters = letters + 1 if len(word) == 1 else 0
        if not word.isascii():
            if is_unspaced(word):
                continue
            if latin := drawn_in_latin(word):
                out.append((last, last + 1, latin))
        for start in range(last - 1, max(last - max(MOST_PARTS, min(letters, MOST_LETTERS_APART)), -1), -1):
            word = tokens[start] + word
            if len(word) > MOST_LETTERS or is_unspaced(tokens[start]):
                break
            out.append((start, last + 1, word if word.isascii() else drawn_in_latin(word) or one_script(word)))
    return out


def spellings(tokens: Sequence[str], found: Sequence[Disguised]) -> list[Sequence[str]]:
    """The tokens with each disguised word in its place, and with all of them that do not overlap. Of a long text, what stands around it."""
    if not found:
        return []
    most = AROUND if len(tokens) > MOST_LETTERS else len(tokens)
    out: list[Sequence[str]] = [
        [*tokens[max(one.start - most, 0) : one.start], one.word, *tokens[one.end : one.end + most]] for one in found[:MOST_FOUND]
    ]
    return [*out, _all(tokens, found)] if len(found) > 1 else out


def _all(tokens: Sequence[str], found: Sequence[Disguised]) -> list[str]:
    out, at = list[str](), 0
    for one in sorted(found, key=lambda d: (d.start, -d.end)):
        if one.start >= at:
            out += [*tokens[at : one.start], one.word]
            at = one.end
    return [*out, *tokens[at:]]
