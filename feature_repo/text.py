"""How text becomes words and words become numbers. Training and serving both use these functions, so that they read text alike."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Final

import numpy as np
import pandas as pd
import Stemmer
from numpy.typing import NDArray

from feature_repo.folding import folded
from feature_repo.identity_codes import HASH_BUCKETS
from feature_repo.inflection import IRREGULAR

CACHED: Final = 64
"""Up to this many words are hashed one by one through a cache: they are a request's, and most of them were hashed before."""
_MARKS: Final = "".join(c for c in map(chr, range(0x300, 0xFE00)) if unicodedata.category(c) in ("Mn", "Mc"))
"""Accents and vowel signs that are letters of their own to Unicode: words hold them, none begins with one."""
_WORD: Final = re.compile(rf"(?<![\w.])\d+\.\d+(?!\d|\.\d)[^\W_]*|[^\W_]+(?:[{_MARKS}]+[^\W_]*)*", re.UNICODE)
_UNSPACED: Final = (
    "\u3005-\u3007\u3041-\u3096\u309d-\u309f\u30a1-\u30fa\u30fc-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
    "\U00020000-\U0003134f\u0e01-\u0e30\u0e32\u0e33\u0e40-\u0e46\u0e81-\u0eb0\u0eb2\u0eb3\u0ec0-\u0ec6\u1000-\u102a\u103f\u1780-\u17b3"
)
"""Letters of scripts that are written without spaces: Chinese, Japanese, Thai, Lao, Burmese and Khmer."""
_LETTER_ALONE: Final = re.compile(rf"[{_UNSPACED}]")
_PIECE: Final = re.compile(rf"[{_UNSPACED}][{_MARKS}]*|[^{_UNSPACED}]+")


def normalise(text: str) -> str:
    """The text in Unicode's form NFKC, case-folded, with single spaces. Takes any string. Words are compared by `tokenise`.

    >>> normalise("  Cheap　SHOES ")
    'cheap shoes'
    """
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def tokenise(text: str) -> list[str]:
    """The words of `text` after `folded`: runs of letters and digits. A number, with its decimals and its unit, is one word: "10 km" in a
    query meets "10km" in a keyword, an ad or a page, and size 9.5 is not size 5. In scripts without spaces each letter, with its marks, is
    a word: a run of them is found within a longer one wherever it stands.

    >>> tokenise("Men's 10 km Shoes!"), tokenise("東京 Hotel")
    (['mens', '10km', 'shoes'], ['東', '京', 'hotel'])
    """
    if text.isascii():
        return _WORD.findall(folded(text))
    return [token for run in token_runs(text) for token in run]


def token_runs(text: str) -> list[list[str]]:
    """`tokenise`, with the letters of scripts without spaces that were written together in one list.

    >>> token_runs("東京 hotels")
    [['東', '京'], ['hotels']]
    """
    words = _WORD.findall(folded(text))
    if text.isascii():
        return [[word] for word in words]
    return [run for word in words for run in _split(word)]


def _split(word: str) -> list[list[str]]:
    out: list[list[str]] = []
    for piece in _PIECE.findall(word):
        if out and is_unspaced(piece) and is_unspaced(out[-1][0]):
            out[-1].append(piece)
        else:
            out.append([piece])
    return out


def is_unspaced(token: str) -> bool:
    """Whether a word of `tokenise` is a letter of a script that is written without spaces."""
    return not token.isascii() and _LETTER_ALONE.match(token) is not None


def runs(words: Sequence[str], most: int) -> Iterator[str]:
    """Every run of up to `most` neighbouring words, joined by a space; shorter runs first.

    >>> list(runs(["red", "running", "shoes"], most=2))
    ['red', 'running', 'shoes', 'red running', 'running shoes']
    """
    return (" ".join(words[i : i + n]) for n in range(1, most + 1) for i in range(len(words) - n + 1))


def stem(word: str) -> str:
    """The stem of a normalised word (Snowball's English algorithm, of irregular plurals their singular's): keyword matching compares
    stems. Takes any string.

    >>> stem("running")
    'run'
    """
    return _stem(word)


@lru_cache(maxsize=262_144)
def _stem(word: str) -> str:
    try:
        return str(Stemmer.Stemmer("english", 0).stemWord(IRREGULAR.get(word, word)))  # one for each: a stemmer keeps the word it is at
    except UnicodeEncodeError:  # half of a surrogate pair
        return word


def query_key(text: str) -> str:
    """The key of a search in logs and feature tables: the stems of its words in order, joined by spaces; "" without words.

    >>> query_key("Running SHOES")
    'run shoe'
    """
    return " ".join(map(stem, tokenise(text)))


def hash_codes(values: Sequence[str | None] | NDArray[np.object_]) -> NDArray[np.int32]:
    """Codes of strings that stay the same from process to process, shape (n,), in [1, HASH_BUCKETS); None and "" give 0.

    The hash is pandas' SipHash of the UTF-8 bytes with its fixed default key, so codes agree across processes.
    """
    if len(values) <= CACHED:
        return np.array([_hash_code(value) for value in values], np.int32)
    return _hash_codes(np.asarray(values, dtype=object))


@lru_cache(maxsize=65_536)
def _hash_code(value: str | None) -> int:
    return _hash_word(value) % (HASH_BUCKETS - 1) + 1 if value else 0


def _hash_codes(array: NDArray[np.object_]) -> NDArray[np.int32]:
    absent = np.array([v is None or v == "" for v in array], dtype=bool)
    if array.size == 0:
        return np.empty(0, np.int32)
    words = np.where(absent, "", array).astype(object)
    # Each distinct word once; not where one holds a NUL, at which pandas takes words to end when it tells them apart.
    hashed = pd.util.hash_array(words, categorize="\0" not in "".join(words))
    return np.where(absent, 0, hashed % np.uint64(HASH_BUCKETS - 1) + np.uint64(1)).astype(np.int32)


def hash_words(words: Sequence[str]) -> NDArray[np.uint64]:
    """64-bit codes of words, shape (n,): for exact comparison, where hash_codes' range is too small. The same in every process."""
    if len(words) <= CACHED:
        return np.array([_hash_word(word) for word in words], np.uint64)
    array = np.array(words, dtype=object)
    return np.asarray(pd.util.hash_array(array, categorize="\0" not in "".join(words)), np.uint64)


@lru_cache(maxsize=262_144)
def _hash_word(word: str) -> int:
    return int(pd.util.hash_array(np.array([word], dtype=object), categorize=False)[0])


def bag(texts: Iterable[str], buckets: int) -> NDArray[np.float32]:
    """Hashed bag of words, shape (n, buckets): for each text the number of its words in each bucket, scaled to unit length (zero for a
    text without words).

    >>> bag(["shoes shoes", ""], buckets=8).sum(axis=1).tolist()
    [1.0, 0.0]
    """
    rows = [tokenise(t) for t in texts]
    out = np.zeros((len(rows), buckets), np.float32)
    lengths = [len(r) for r in rows]
    codes = hash_codes([token for row in rows for token in row]) % buckets
    np.add.at(out, (np.repeat(np.arange(len(rows)), lengths), codes), 1.0)
    norm = np.linalg.norm(out, axis=1, keepdims=True)
    np.divide(out, norm, out=out, where=norm > 0)
    return out
