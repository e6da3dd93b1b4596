"""Dynamic keyword insertion: `{keyword:default}` in an ad's text, as Google Ads and Microsoft Advertising document it.

The placeholder's capitals say how the keyword is written: `keyword` in lower case, `Keyword` with its first letter in upper case,
`KeyWord` with every word's, `KEYWord` with its first word whole, `KeyWORD` with its last word whole, `KEYWORD` all of it.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

_PLACEHOLDER: Final = re.compile(r"\{\s*(keyword)\s*(?::([^{}]*))?\}", re.IGNORECASE)
_TORN: Final = re.compile(r"\{\s*keyword\s*:?", re.IGNORECASE)
_UNSEEN: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069]")
"""Control characters, and those that turn the direction of what follows."""
_STYLES: Final[dict[str, Callable[[list[str]], list[str]]]] = {
    "Keyword": lambda words: [_title(words[0]), *words[1:]],
    "KeyWord": lambda words: [_title(w) for w in words],
    "KEYWord": lambda words: [words[0].upper(), *(_title(w) for w in words[1:])],
    "KeyWORD": lambda words: [*(_title(w) for w in words[:-1]), words[-1].upper()],
    "KEYWORD": lambda words: [w.upper() for w in words],
}


@dataclass(frozen=True, slots=True)
class KeywordInsertion:
    """text: ready to stand in HTML. keyword: what was inserted, "" when the default stands; why: then the reason, "" when the
    text has no placeholder."""

    text: str
    keyword: str = ""
    why: str = ""


def asks(template: str) -> bool:
    """Whether it has a placeholder."""
    return bool(_PLACEHOLDER.search(template))


def insert(template: str, keyword: str, limit: int, refused: str = "", refuses: Callable[[str], str] = lambda text: "") -> KeywordInsertion:
    """`template` with its placeholders filled. limit: most characters of the text, of those a reader sees. refused: why this
    keyword may not be inserted, if it may not; refuses: why the text may not be shown with it, as a reader sees it. Total: never a
    raw brace, never markup, whatever the advertiser wrote."""
    if not asks(template):
        return KeywordInsertion(_safe(template))
    words = _clean(keyword).lower().split()
    why = refused or ("" if words else "no_keyword")
    if not why:
        text = _clean(_PLACEHOLDER.sub(lambda m: " ".join(_STYLES.get(m[1], list)(words)), template))
        why = "too_long" if len(text) > limit else refuses(text)
        if not why:
            return KeywordInsertion(html.escape(text), " ".join(words))
    return KeywordInsertion(_safe(_PLACEHOLDER.sub(lambda m: m[2] or "", template)), why=why)


def _title(word: str) -> str:
    return word[:1].upper() + word[1:]


def _clean(text: str) -> str:
    """Without what is left of torn placeholders, braces and unseen characters; white space collapsed."""
    return " ".join(_UNSEEN.sub("", _TORN.sub("", text).replace("{", "").replace("}", "")).split())


def _safe(text: str) -> str:
    return html.escape(_clean(text))
