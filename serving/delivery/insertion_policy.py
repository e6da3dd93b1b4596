"""Which keywords may stand in an ad's text."""

from __future__ import annotations

from collections.abc import Collection

from feature_repo.text import runs, stem, tokenise


def refusal(keyword: str, own_brand: str, brands: Collection[str], blocked: Collection[str], misspelt: bool) -> str:
    """Why a keyword may not be inserted; "" when it may. brands: all trademarks, their words a space apart; blocked: terms as
    text.query_key says them, so that none stands in another form."""
    words = tokenise(keyword)
    if any(run in blocked for run in runs([stem(word) for word in words], len(words))):
        return "blocked"
    if any(run in brands and run != own_brand for run in runs(words, len(words))):
        return "trademark"
    return "misspelt" if misspelt else ""
