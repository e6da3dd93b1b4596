"""Markup in an ad's texts that nobody fills in here: other platforms' placeholders, countdowns and functions. People must not see it.

Google Ads and Microsoft Advertising document `{KeyWord:default}`, `{param1:default}`, `{LOCATION(City):default}`,
`{IF(device=mobile,text):default}`, `{=COUNTDOWN("2026/12/24 00:00:00")}` and `{CUSTOMIZER.Price:default}`; of these only the first is
filled in, see keyword_insertion.py.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

LIMIT: Final = {"headline": 30, "description": 90}
"""Widest that a text may be once a keyword is in it, as on the large search-ad platforms; see `width`."""
PLACEHOLDER: Final = re.compile(r"\{\s*(keyword)\s*(?::([^{}]*))?\}", re.IGNORECASE)
"""Of a keyword: how it is written, and the default."""
_OTHER: Final = re.compile(r"\$?\{\s*(?P<name>[^{}():]*(?:\([^{}]*?\))?)\s*(?::(?P<default>[^{}]*))?\}")
_FUNCTION: Final = re.compile(
    r"\b(?:LOCATION|COUNTDOWN|GLOBAL_COUNTDOWN|CUSTOMIZER|IF)\s*\([^()]*\)|%%[A-Z_]+%%|\[\[[^\[\]]*\]\]|\$\{[^{}]*\}"
)


def width(text: str) -> int:
    """How wide a text is: characters, of which those that East Asian scripts print at double width count as two (Unicode, annex 11).

    >>> width("Shoes"), width("東京")
    (5, 4)
    """
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def with_defaults(text: str) -> str:
    """The text with the default of every placeholder but the keyword's, and without markup that has none.

    >>> with_defaults("From {param1:20} in {LOCATION(City):your town} {=COUNTDOWN(x)}{keyword:shoes}")
    'From 20 in your town {keyword:shoes}'
    """
    return _FUNCTION.sub("", _OTHER.sub(lambda m: m[0] if PLACEHOLDER.search(m[0]) else m["default"] or "", text))


def fault(text: str, limit: int) -> str:
    """Why a text may not enter the catalogue: `markup` that has no default to show, or a default with which it is `too_long`; "" when it
    may. limit: the widest that a text with a placeholder may be.

    >>> fault("Ends in {=COUNTDOWN(x)}", 30), fault("Buy {keyword:our very best running shoes}", 30), fault("{param1:20} off", 30)
    ('markup', 'too_long', '')
    """
    others = [m for m in _OTHER.finditer(text) if not PLACEHOLDER.search(m[0])]
    if any(not (m["default"] or "").strip() for m in others) or _FUNCTION.search(_OTHER.sub("", text)):
        return "markup"
    if PLACEHOLDER.search(text) or others:
        shown = " ".join(PLACEHOLDER.sub(lambda m: m[2] or "", with_defaults(text)).split())
        return "too_long" if width(shown) > limit else ""
    return ""
