"""Which versions must not enter the auction, and why: a small file beside the aliases that serving polls; the registry writes it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

from feature_repo.json_text import parsed
from feature_repo.whole_file import write_whole
from serving.errors import ServingError

FILE: Final = "refused.json"
Refusals = dict[str, dict[str, str]]
"""head → version → reason."""
UNCALIBRATED: Final = "it is not calibrated: its scores are no probabilities; train again"
"""Why a bundle is kept out that nobody has to refuse."""


def read_refusals(bundles: Path) -> Refusals:
    """The refusals in force; empty when nothing was ever refused. Raises ServingError when the file is damaged."""
    path = bundles / FILE
    try:
        found: Refusals = parsed(path.read_text())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise ServingError(
            "refusals", str(path), f"It is not JSON ({error}); `placard registry refuse` or `admit` writes it anew."
        ) from None
    if not _sound(found):
        raise ServingError(
            "refusals", str(path), "It must map head to version to reason; `placard registry refuse` or `admit` writes it anew."
        )
    return found


def _sound(found: object) -> bool:
    """Whether it is what write() writes: a file that someone edited may hold anything."""
    return isinstance(found, dict) and all(isinstance(by, dict) and all(isinstance(r, str) for r in by.values()) for by in found.values())


def write_refusals(bundles: Path, refusals: Refusals) -> None:
    """Replaces the file whole."""
    write_whole(bundles / FILE, json.dumps(refusals, indent=1, sort_keys=True) + "\n")
