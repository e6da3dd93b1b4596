"""Letters that are drawn as others are: a word that mixes the letters of two scripts is read as a word of one.

The pairs are those of Unicode Technical Standard 39 (confusable characters) that the letters a to z have, in small letters; capitals are
compared after case folding, so that Cyrillic `в`, whose capital is drawn as B, counts as b.
"""

from __future__ import annotations

import re
import unicodedata
from itertools import chain
from typing import Final

_PAIRS: Final = (
    "аaвbеeгrкkмmнhоoпnрpсcтtуyхxьbіiјjѕsһhԁdԛqԝwӏlёeїiґr"  # Cyrillic
    "αaβbγyεeζzηnιiκkνvοoρpτtυuχxωw"  # Greek
)
_LATIN: Final = dict(zip(_PAIRS[::2], _PAIRS[1::2], strict=True))
_CYRILLIC: Final = {_LATIN[letter]: letter for letter in "аеорсухкмтвні"}
"""Latin letters that a Cyrillic keyboard's are drawn as."""
_FOREIGN: Final = re.compile("[\u0370-\u03ff\u0400-\u052f]")
_WORD: Final = re.compile(r"[^\W\d_]+")
_DRAWN: Final = re.compile(
    r"(?:LATIN LETTER SMALL CAPITAL|LATIN SMALL LETTER(?: SCRIPT)?|NEGATIVE (?:CIRCLED|SQUARED) LATIN CAPITAL LETTER) ([A-Z])(?: WITH .+)?"
)
_RANGES: Final = ((0x180, 0x2B0), (0x1D00, 0x1DC0), (0x2C60, 0x2C80), (0xA720, 0xA800), (0x1F150, 0x1F18A))


def _drawn_as() -> dict[int, str]:
    """Of Latin letters that Unicode does not take apart, the plain one: small capitals, letters with hooks and strokes, white on black."""
    named = ((code, _DRAWN.fullmatch(unicodedata.name(chr(code), ""))) for code in chain(*(range(*r) for r in _RANGES)))
    return {code: match[1].lower() for code, match in named if match and not unicodedata.decomposition(chr(code))}


DRAWN_AS: Final = _drawn_as()
"""For str.translate, of case-folded text."""


def one_script(text: str) -> str:
    """Case-folded text in which each word that mixes Latin letters with Cyrillic or Greek ones is written with those of one script, where
    all letters of the other have one that is drawn alike: in Cyrillic where it has more letters of it, else in Latin.

    >>> one_script("nik\u0435 shoes"), one_script("\u043co\u0441\u043a\u0432\u0430"), one_script("5\u03bcm")
    ('nike shoes', 'москва', '5μm')
    """
    return _WORD.sub(lambda m: _one_script(m[0]), text) if _FOREIGN.search(text) else text


def _one_script(word: str) -> str:
    foreign, latin = _FOREIGN.findall(word), [c for c in word if "a" <= c <= "z"]
    if not foreign or not latin:
        return word
    cyrillic = len(foreign) > len(latin) and all(c >= "\u0400" for c in foreign)
    if cyrillic and all(c in _CYRILLIC for c in latin):
        return "".join(_CYRILLIC.get(c, c) for c in word)
    return "".join(_LATIN.get(c, c) for c in word) if all(c in _LATIN for c in foreign) else word


def drawn_in_latin(word: str) -> str:
    """The Latin word that one wholly of Cyrillic or Greek letters is drawn as; "" where it holds a letter that none is drawn as.

    >>> drawn_in_latin("\u0441\u043e\u0440"), drawn_in_latin("\u043c\u0438\u0440"), drawn_in_latin("cop")
    ('cop', '', '')
    """
    return "".join(_LATIN[c] for c in word) if word and all(c in _LATIN for c in word) else ""
