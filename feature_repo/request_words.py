"""The words in which requests, catalogues and logs say the same thing: each function takes a word as somebody wrote it and returns the one
form that is compared, targeted and hashed. Each takes any text, and returns its own results unchanged."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Final

from feature_repo.taxonomy import DEVICES

REMEMBERED: Final = 4_096
"""Words of each kind whose form is remembered: those asked for last."""
DEVICE_NAMES: Final = {
    "mobile": ("phone", "mobilephone", "cellphone", "cell", "smartphone", "handset", "iphone", "ipod", "android", "androidphone"),
    "tablet": ("ipad", "androidtablet", "tabletpc"),
    "desktop": ("pc", "computer", "personalcomputer", "laptop", "notebook", "mac", "macbook", "chromebook", "web"),
    "tv": ("television", "smarttv", "connectedtv", "ctv", "settopbox", "appletv", "androidtv", "firetv"),
}
"""Common names of each kind of device, without spaces and signs."""
_KINDS: Final = {name: kind for kind, names in DEVICE_NAMES.items() for name in (kind, *names)}
_SYSTEMS: Final = {"iphone os": "ios", "ipados": "ios", "mac os": "macos", "mac os x": "macos", "os x": "macos", "darwin": "macos"}
_RENAMED: Final = {"iw": "he", "in": "id", "ji": "yi", "jw": "jv", "mo": "ro"}
"""Codes of languages that BCP 47 has replaced."""


@lru_cache(maxsize=REMEMBERED)
def _folded(text: str) -> str:
    """The text in Unicode's form NFKC, case-folded, with single spaces and none at its ends."""
    before, now = None, text
    while now != before:  # a few texts need a second turn: folding takes them out of their normal form
        before, now = now, " ".join(unicodedata.normalize("NFKC", now.casefold()).split())
    return now


def device(text: str) -> str:
    """A kind of device of taxonomy.DEVICES where the text names one; "" is `unknown`. Another word stays itself, so that it meets no
    campaign that asks for something else.

    >>> device("iPhone"), device("Smart-TV"), device(""), device("Fridge")
    ('mobile', 'tv', 'unknown', 'fridge')
    """
    folded = _folded(text)
    return _KINDS.get("".join(filter(str.isalnum, folded)), folded) or DEVICES[0]


def system(text: str) -> str:
    """An operating system.

    >>> system("Android"), system("Mac OS X")
    ('android', 'macos')
    """
    folded = _folded(text)
    return _SYSTEMS.get(folded, folded)


def region(text: str) -> str:
    """A region, whose words are the catalogue's own.

    >>> region(" R005 ")
    'r005'
    """
    return _folded(text)


def term(text: str) -> str:
    """A word of one of taxonomy's closed vocabularies: a surface, an age band, a gender.

    >>> term(" Female"), term("65+")
    ('female', '65+')
    """
    return _folded(text)


@lru_cache(maxsize=REMEMBERED)
def language(text: str) -> str:
    """A language tag (BCP 47) in lower case. Of a list of languages, as browsers send it, the first; without a locale's encoding.

    >>> language("EN"), language("en_US.UTF-8"), language("pt-BR,pt;q=0.9"), language("iw")
    ('en', 'en-us', 'pt-br', 'he')
    """
    folded = _folded(text)
    for mark in ",;.@":
        folded = folded.partition(mark)[0]
    first, *others = [part.strip() for part in folded.replace("_", "-").split("-") if part.strip()] or [""]
    return "-".join([_RENAMED.get(first, first), *others])


def spoken(tag: str) -> str:
    """The language of a tag, without the country or script that tells its speakers apart: what features are made of.

    >>> spoken("en-US"), spoken("zh-Hant-TW"), spoken("")
    ('en', 'zh', '')
    """
    return language(tag).partition("-")[0]


CANONICAL: Final[Mapping[str, Callable[[str], str]]] = {"device": device, "os": system, "region": region, "language": language}
"""The form of each attribute of a request that is a word from outside, by the attribute's name."""
