"""A keyword as people see it in an ad: as it was bought, without the marks of match types."""

from __future__ import annotations

import re
from typing import Final

_BRACKETS: Final = re.compile(r"[\[\]\"“”{}]")
_BROAD_MODIFIER: Final = re.compile(r"(?<!\S)\+(?=\w)")


def displayed(keyword: str) -> str:
    """The keyword with single spaces, without `[exact]`, `"phrase"` and `+broad +modified`; its letters stay as they were bought.

    >>> displayed("[garden  hose]"), displayed("+trail +boots"), displayed("Fußball C++")
    ('garden hose', 'trail boots', 'Fußball C++')
    """
    return " ".join(_BROAD_MODIFIER.sub("", _BRACKETS.sub(" ", keyword)).split())
