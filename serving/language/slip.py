"""Whether one word can be another one mistyped: which letters hands and ears confuse.

Four kinds of slip make up most misspellings: a letter left out, one too many, one in place of another, and two exchanged (Damerau 1964).
People seldom get a word's first letter wrong (Yannakoudakis and Fawthrop 1983; Pollock and Zamora 1984).
"""

from __future__ import annotations

from typing import Final

_ROWS: Final = ("qwertyuiop", "asdfghjkl", "zxcvbnm")
_VOWELS: Final = frozenset("aeiouy")
_ALIKE: Final = frozenset(
    frozenset(pair) for pair in ("ck", "cs", "sz", "kq", "fv", "vw", "bp", "dt", "gj", "mn", "iy", "zy", "xs", "cq", "lr")
)
"""Letters that sound alike, or lie in each other's place on another country's keyboard."""
NO, POSSIBLE, USUAL = 0, 1, 2
LONG: Final = 6
"""Letters from which a word is told by the others, whatever stands in place of one of them; its first always counts."""
ALPHABET: Final = "abcdefghijklmnopqrstuvwxyz"


def _near() -> frozenset[frozenset[str]]:
    """Letters that lie beside each other on a keyboard."""
    out = set()
    for i, row in enumerate(_ROWS):
        for j, letter in enumerate(row):
            below = _ROWS[i + 1][max(j - 1, 0) : j + 1] if i + 1 < len(_ROWS) else ""
            out |= {frozenset((letter, other)) for other in (*row[j + 1 : j + 2], *below)}
    return frozenset(out)


_NEAR: Final = _near()


def slip(typed: str, meant: str) -> int:
    """How plausibly `typed` is `meant` with one slip: USUAL, POSSIBLE or NO. Takes normalised words.

    >>> slip("sneekers", "sneakers"), slip("carpat", "carpet"), slip("snebkers", "sneakers"), slip("leather", "weather")
    (2, 2, 1, 0)
    """
    if typed == meant or abs(len(typed) - len(meant)) > 1:
        return NO
    at = next((i for i, (a, b) in enumerate(zip(typed, meant, strict=False)) if a != b), min(len(typed), len(meant)))
    if len(typed) < len(meant):
        return USUAL if typed[at:] == meant[at + 1 :] and at > 0 else NO
    if len(typed) > len(meant):
        return USUAL if typed[at + 1 :] == meant[at:] and (at > 0 or _beside(typed[0], meant[0])) else NO
    if typed[at + 1 :] == meant[at + 1 :]:
        return _replaced(typed[at], meant[at], at, len(meant))
    return USUAL if typed[at : at + 2] == meant[at : at + 2][::-1] and typed[at + 2 :] == meant[at + 2 :] else NO


def _replaced(a: str, b: str, at: int, letters: int) -> int:
    """How plausibly one letter, at a place of a word of so many, is written for the other."""
    if _beside(a, b) or (at > 0 and (frozenset((a, b)) in _ALIKE or {a, b} <= _VOWELS)):
        return USUAL
    return POSSIBLE if at > 0 and letters >= LONG else NO


def _beside(a: str, b: str) -> bool:
    return a == b or frozenset((a, b)) in _NEAR


def edits_within(word: str) -> list[str]:
    """What one edit makes of a word while its first letter stays, with the letters of ALPHABET; some of them twice.

    >>> "shoe" in edits_within("shooe"), "those" in edits_within("hose")
    (True, False)
    """
    cuts = [(word[:i], word[i:]) for i in range(1, len(word) + 1)]
    out = [head + letter + tail for head, tail in cuts for letter in ALPHABET]
    out += [head + letter + tail[1:] for head, tail in cuts[:-1] for letter in ALPHABET]
    out += [head + tail[1:] for head, tail in cuts[:-1]]
    return out + [head + tail[1] + tail[0] + tail[2:] for head, tail in cuts[:-2]]
