"""Reads JSON that anybody may have written: whatever is wrong with it is one error."""

from __future__ import annotations

import json
from typing import Any


def parsed(text: str) -> Any:
    """What JSON says. Raises ValueError for what is none, and for what is nested more deeply than Python can follow, for which `json.loads`
    raises RecursionError."""
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
