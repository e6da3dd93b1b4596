"""Mappings that come with Placard, each a file in `shipped/`: of public logs, and of reports that advertising systems export."""

from __future__ import annotations

from pathlib import Path
from typing import Final

SHIPPED: Final[dict[str, Path]] = {path.stem: path for path in sorted((Path(__file__).parent / "shipped").glob("*.yaml"))}
"""By the name that `--mapping` takes."""


def shipped_or_own(named: Path) -> Path:
    """The shipped mapping of this name, unless there is a file of it."""
    return named if named.is_file() else SHIPPED.get(str(named), named)
