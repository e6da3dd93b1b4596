"""Which keywords may stand in an ad's text."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from feature_repo.text import tokenise

BRAND_WORDS: Final = 3
"""Most words of a trademark that is looked for."""


def refusal(keyword: str, own_brand: str, brands: Collection[str], blocked: Collection[str], misspelt: bool) -> str:
    """Why a keyword may not be inserted; "" when it may. brands: all trademarks, normalised; blocked: words, normalised."""
    words = tokenise(keyword)
    if any(word in blocked for word in words):
        return "blocked"
    runs = (" ".join(words[i : i + n]) for n in range(1, BRAND_WORDS + 1) for i in range(len(words) - n + 1))
    if any(run in brands and run != own_brand for run in runs):
        return "trademark"
    return "misspelt" if misspelt else ""
