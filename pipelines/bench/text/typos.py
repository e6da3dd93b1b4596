"""Words mistyped, by the four kinds of slip that make up most misspellings (Damerau 1964), each as likely."""

from __future__ import annotations

from random import Random
from string import ascii_lowercase
from typing import Final

_ROWS: Final = ("qwertyuiop", "asdfghjkl", "zxcvbnm")


def _beside() -> dict[str, str]:
    """The letters around each letter of a keyboard, those of neighbouring rows half a key to either side."""
    place = {letter: (i, j + i / 2) for i, row in enumerate(_ROWS) for j, letter in enumerate(row)}
    return {
        a: "".join(b for b, (i, x) in place.items() if b != a and abs(i - k) <= 1 and abs(x - y) <= 1) for a, (k, y) in place.items()
    }  # fmt: skip


BESIDE: Final = _beside()


def typo(word: str, rng: Random, any_letter: bool) -> str:
    """The word with one slip at a place drawn evenly: a letter left out, one too many, one in place of another, or two exchanged.
    any_letter: the wrong letter is drawn from the alphabet; else from those beside the right one on a keyboard."""
    while True:
        at = rng.randrange(len(word))
        wrong = rng.choice(ascii_lowercase if any_letter else BESIDE.get(word[at], ascii_lowercase))
        head, letter, tail = word[:at], word[at], word[at + 1 :]
        out = rng.choice((head + tail, head + wrong + letter + tail, head + wrong + tail, head + tail[:1] + letter + tail[1:]))
        if out != word:
            return out
