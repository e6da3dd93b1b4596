"""Dynamic keyword insertion: `{keyword:default}` in an ad's text, as Google Ads and Microsoft Advertising document it.

Other placeholders show their defaults (markup.py). The placeholder's capitals say how the keyword is written: `keyword` in lower case,
`Keyword` with its first letter in upper case, `KeyWord` with every word's, `KEYWord` with its first word whole, `KeyWORD` with its last
word whole, `KEYWORD` all of it.

>>> insert("Buy {KeyWord:Shoes} today", "running shoes", limit=30)
KeywordInsertion(text='Buy Running Shoes today', keyword='running shoes', why='')

A text that would be too long shows the default, and says why:

>>> insert("Buy {KeyWord:Shoes} today", "waterproof running shoes", limit=30)
KeywordInsertion(text='Buy Shoes today', keyword='', why='too_long')
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from serving.language.markup import PLACEHOLDER, width, with_defaults

_TORN: Final = re.compile(r"\{\s*keyword\s*:?", re.IGNORECASE)
_UNSEEN: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069]")
"""Characters that nobody sees: control characters, and those that change the direction of the text after them."""
_STYLES: Final[dict[str, Callable[[list[str]], list[str]]]] = {
    "Keyword": lambda words: [_title(words[0]), *words[1:]],
    "KeyWord": lambda words: [_title(w) for w in words],
    "KEYWord": lambda words: [words[0].upper(), *(_title(w) for w in words[1:])],
    "KeyWORD": lambda words: [*(_title(w) for w in words[:-1]), words[-1].upper()],
    "KEYWORD": lambda words: [w.upper() for w in words],
}


@dataclass(frozen=True, slots=True)
class KeywordInsertion:
    """A finished text. text: escaped, ready to stand in HTML. keyword: the words that were inserted, "" where none were. why: the reason
    why the default stands instead of the keyword; "" where a keyword was inserted and where the text has no placeholder."""

    text: str
    keyword: str = ""
    why: str = ""


def asks(template: str) -> bool:
    """Whether the text has a placeholder for a keyword.

    >>> asks("Buy {keyword:shoes}"), asks("Buy shoes")
    (True, False)
    """
    return bool(PLACEHOLDER.search(template))


def insert(template: str, keyword: str, limit: int, refused: str = "", refuses: Callable[[str], str] = lambda text: "") -> KeywordInsertion:
    """`template` with its placeholders filled by the keyword, or by their defaults where the keyword may not stand.

    limit: the widest that the finished text may be, as a reader sees it (markup.width). refused: the reason why this keyword may not be
    inserted, "" where it may. refuses: takes the finished text as a reader sees it and returns the reason why it may not be shown, "" where
    it may. Takes any text: the result never holds a raw brace or markup, whatever the advertiser wrote.

    >>> insert("{KEYWORD:Shoes} & more", "nike", limit=30, refused="trademark")
    KeywordInsertion(text='Shoes &amp; more', keyword='', why='trademark')
    """
    template = with_defaults(template)
    if not asks(template):
        return KeywordInsertion(_safe(template))
    words = _clean(keyword).lower().split()
    why = refused or ("" if words else "no_keyword")
    if not why:
        text = _clean(PLACEHOLDER.sub(lambda m: _composed(" ".join(_STYLES.get(m[1], list)(words))), template))
        why = "too_long" if width(text) > limit else refuses(text)
        if not why:
            return KeywordInsertion(html.escape(text), " ".join(words))
    return KeywordInsertion(_safe(PLACEHOLDER.sub(lambda m: m[2] or "", template)), why=why)


def _composed(text: str) -> str:
    """The text with each letter and its accents as one character. Python writes İ in lower case as i and a dot: a dot too many."""
    return unicodedata.normalize("NFC", text).replace("i\u0307", "i")


def _title(word: str) -> str:
    return word[:1].title() + word[1:]


def _clean(text: str) -> str:
    """The text without remains of broken placeholders, without braces and invisible characters, and with single spaces."""
    return " ".join(_UNSEEN.sub("", _TORN.sub("", text).replace("{", "").replace("}", "")).split())


def _safe(text: str) -> str:
    return html.escape(_clean(text))
