"""How many identity codes there are; apart from text.py, so that who only bounds them needs no pandas."""

from __future__ import annotations

from typing import Final

HASH_BUCKETS: Final = 1 << 20
"""Identity codes lie in [0, 2**20): exact in float32, 0 is 'absent'."""
