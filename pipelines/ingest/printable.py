"""A file's name as a person can read it and any file can hold it."""

from __future__ import annotations

import re
from typing import Final

UNPRINTABLE: Final = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u200b-\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
"""Control characters, ends of lines, what turns the direction of text, and bytes of a name that is not UTF-8."""


def printable(name: str) -> str:
    """The name with a code in place of each character that is none to look at: a name may hold anything but NUL and /."""
    return UNPRINTABLE.sub(lambda found: found[0].encode("unicode_escape", "surrogatepass").decode(), name)
