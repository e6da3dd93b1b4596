"""Text in the form in which it is compared: what differs only in how it is written becomes the same.

The table of cases, with where the large search-ad platforms document each, is tests/feature_repo/test_folding.py.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from feature_repo.look_alikes import DRAWN_AS, one_script

_UNSEEN: Final = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\U000e0000-\U000e01ef]"
)
"""Characters that nobody sees: of no width, of direction, fillers and variation selectors."""
_SIGNS: Final = re.compile("[™℠®©ﷺﷻ]")
"""Signs of rights and of honour: no letters, though Unicode's compatibility form writes them so (the longest as eighteen)."""
_QUOTES: Final = re.compile("[’‘‛ʼʻ′＇`´]")
_HYPHENS: Final = re.compile("[‐‑‒–—−﹣－]")
_OWN_LETTERS: Final = frozenset("йўїґѓќ")
"""Letters that Unicode takes apart, and that are others than their base to those who read them."""
_MARKS: Final = re.compile(
    "[\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a\u0640\u064b-\u065f\u0670\u06d6-\u06ed]"
)
"""Accents of Latin, Greek and Cyrillic letters, marks around letters, Hebrew points, Arabic vowels and the Arabic stroke that widens
words."""
_FRACTIONS: Final = re.compile("(?<=[0-9]) ?([¼½¾])")
_DECIMALS: Final = {"¼": ".25", "½": ".5", "¾": ".75"}
_LETTERS: Final = DRAWN_AS | str.maketrans({
    "ı": "i", "ø": "o", "ł": "l", "đ": "d", "ħ": "h", "æ": "ae", "œ": "oe", "ß": "ss", "þ": "th", "ð": "d",
    "ى": "ي", "ی": "ي", "ک": "ك", "ٱ": "ا",
})  # fmt: skip
_LETTER: Final = r"[^\W\d_]"
_POSSESSIVE: Final = re.compile(rf"(?<={_LETTER}{_LETTER})'(?={_LETTER}{{1,2}}(?!\w))")
_INITIALS: Final = re.compile(rf"(?<![\w.])(?:{_LETTER}\.){{2,}}{_LETTER}?(?!\w)")
_COMPOUND: Final = re.compile(
    rf"(?<![\w-])(?:(?P<a>{_LETTER}{{1,2}})-(?P<b>{_LETTER}{{2,}}|\d[^\W_]*)|(?P<c>{_LETTER}{{3,}})-(?P<d>{_LETTER}{{1,2}})"
    rf"|(?P<e>\d+)-(?P<f>{_LETTER}))(?![\w-])"
)
"""Two parts with a hyphen of which one is a letter or two: `t-shirt`, `wi-fi`, `pop-up`, `f-150`, `wh-1000xm5`, `3-d`."""
_DIGIT: Final = re.compile("[0-9]")
_THOUSANDS: Final = re.compile(r"(?<![\w.,])[1-9]\d{0,2}(?:,\d{3})+(?![\d,]|\.\d+\.)")
_DECIMAL_COMMA: Final = re.compile(r"(?<![\w.,])(\d+),(\d{1,2})(?![\d]|[.,]\d)")
_UNITS: Final = {
    **{
        unit: unit
        for unit in (
            *("km", "m", "cm", "mm", "kg", "g", "mg", "l", "ml", "cl", "lb", "oz", "ft", "inch", "qt", "pt", "yd", "gal"),
            *("gb", "tb", "mb", "w", "kw", "v", "h", "mph", "psi", "btu", "hz", "khz", "mhz", "ghz", "mah", "mp"),
        )
    },
    **{"lbs": "lb", "kgs": "kg", "ounce": "oz", "ounces": "oz", "quart": "qt", "quarts": "qt", "gallon": "gal", "gallons": "gal"},
    **{"feet": "ft", "foot": "ft", "inches": "inch", "yard": "yd", "yards": "yd", "watt": "w", "watts": "w", "volt": "v", "volts": "v"},
    **{"litre": "l", "litres": "l", "liter": "l", "liters": "l"},
}
"""Units, and the form in which each is written after its number."""
_NUMBER_UNIT: Final = re.compile(rf"(?<=\d)[ -]?({'|'.join(sorted(_UNITS, key=len, reverse=True))})(?![\w])")


def folded(text: str) -> str:
    """Any text in lower case, in Unicode's form NFKC, without accents, vowel signs and characters that nobody sees; digits of any script
    as 0 to 9; `men's`, `t-shirt`, `u.s.a.` and `7 quarts` as one word each; `1,000` as 1000, `9,5` and `9½` as 9.5. Words are a space
    apart.

    >>> folded("Men’s CAFÉ t-shirt,  7 Quarts")
    'mens cafe tshirt, 7qt'
    """
    ascii_only = text.isascii()
    if not ascii_only:
        text = _letters(text)
    text = " ".join(text.lower().split())
    if "'" in text:
        text = _POSSESSIVE.sub("", text)
    if "." in text:
        text = _INITIALS.sub(lambda m: m[0].replace(".", ""), text)
    if _DIGIT.search(text):
        text = _DECIMAL_COMMA.sub(r"\1.\2", _THOUSANDS.sub(lambda m: m[0].replace(",", ""), text))
        text = _NUMBER_UNIT.sub(lambda m: _UNITS[m[1]], text)
    if "-" in text:
        text = _COMPOUND.sub(lambda m: "".join(filter(None, m.groups())), text)
    return text if ascii_only else one_script(text)  # of words that have become one


def is_compound(first: str, second: str) -> bool:
    """Whether two words with a hyphen between them are one word to `folded`.

    >>> is_compound("t", "shirt"), is_compound("bike", "repair")
    (True, False)
    """
    return min(len(first), len(second)) <= 2 and _COMPOUND.fullmatch(f"{first}-{second}") is not None


def _letters(text: str) -> str:
    text = _HYPHENS.sub("-", _QUOTES.sub("'", _SIGNS.sub(" ", _UNSEEN.sub("", text))))
    text = _FRACTIONS.sub(lambda m: _DECIMALS[m[1]], text)
    text = _UNSEEN.sub("", unicodedata.normalize("NFKC", text)).casefold()
    apart = "".join(c if c in _OWN_LETTERS else unicodedata.normalize("NFD", c) for c in unicodedata.normalize("NFC", text))
    plain = unicodedata.normalize("NFC", _MARKS.sub("", apart).translate(_LETTERS))
    return one_script("".join(str(unicodedata.decimal(c)) if c.isdecimal() else c for c in plain))
