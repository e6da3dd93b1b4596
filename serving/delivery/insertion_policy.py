"""Which keywords may stand in an ad's text, and which texts may be shown once one stands in them."""

from __future__ import annotations

import re
from collections.abc import Collection
from itertools import pairwise
from typing import Final

from feature_repo.taxonomy import SENSITIVE_CATEGORIES
from feature_repo.text import is_unspaced, runs, stem, tokenise
from serving.language.language import Language

_CONTACT: Final = re.compile(
    r"\S@\S|https?:|\bwww\.|\b[\w-]+\.(?:com|net|org|info|biz|shop|io|co|de|fr|es|it|uk)\b|\+?\d(?:[\s().-]*\d){6,}", re.IGNORECASE
)
"""An e-mail or web address, or a telephone number: no ad of the large platforms may hold one in its text."""
CLEAR: Final = 0.5
"""Probability from which a keyword is of a category."""


def refusal(
    keyword: str, own_brand: str, brands: Collection[str], blocked: Collection[str], language: Language | None, sensitive: bool
) -> str:
    """Why a keyword may not be inserted; "" when it may. brands: all trademarks, their words a space apart; blocked: terms as
    text.query_key says them, so that none stands in another form; sensitive: the ad was approved for a sensitive category."""
    words = tokenise(keyword)
    if _holds(words, blocked):
        return "blocked"
    if any(run in brands and run != own_brand for run in runs(words, len(words))):
        return "trademark"
    if language is None:
        return ""
    if any(language.misspelt(word) for word in words):
        return "misspelt"
    likeliest = language.classifier.read(" ".join(words)).categories[:1]
    beyond = not sensitive and any(name in SENSITIVE_CATEGORIES and p >= CLEAR for name, p in likeliest)
    return "sensitive" if beyond else ""


def text_refusal(text: str, blocked: Collection[str]) -> str:
    """Why a text may not be shown with a keyword in it: it came to hold an address or a number, the same word twice running, or a
    blocked term; "" when it may."""
    if _CONTACT.search(text):
        return "contact"
    words = tokenise(text)
    if any(stem(a) == stem(b) and not is_unspaced(a) for a, b in pairwise(words)):
        return "repeated"
    return "blocked" if _holds(words, blocked) else ""


def _holds(words: list[str], blocked: Collection[str]) -> bool:
    return bool(blocked) and any(run in blocked for run in runs([stem(word) for word in words], len(words)))
