"""The number of identity codes. It stands in a file of its own so that modules which only need the number do not import pandas, as text.py
does."""

from __future__ import annotations

from typing import Final

HASH_BUCKETS: Final = 1 << 20
"""Identity codes lie in [0, 2**20): exact in float32, 0 is 'absent'."""
