"""Which version of each head has which role: a small file that serving polls; the registry writes it by rename."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Final

from feature_repo.json_text import parsed
from feature_repo.whole_file import write_whole
from serving.errors import ServingError

ALIASES: Final = ("champion", "fallback", "fast", "previous", "challenger", "shadow")
"""The tiers that score, best first; who served before; who asks to; who scores unheard."""
SHADOW: Final = re.compile(r"shadow(_[a-z0-9_]{1,32})?")
Aliases = dict[str, dict[str, str]]
"""head → alias → version."""


def is_shadow(alias: str) -> bool:
    """`shadow`, and any `shadow_...`: there may be as many as one likes."""
    return SHADOW.fullmatch(alias) is not None


def is_alias(alias: str) -> bool:
    """Whether a version may have this role."""
    return alias in ALIASES or is_shadow(alias)


def read_aliases(bundles: Path) -> Aliases:
    """The aliases in force; empty when nothing has been registered. Raises ServingError when the file is damaged."""
    path = bundles / "aliases.json"
    try:
        found: Aliases = parsed(path.read_text())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise ServingError("aliases", str(path), f"It is not JSON ({error}); `placard promote HEAD` writes it anew.") from None
    if not _sound(found):
        raise ServingError("aliases", str(path), "It must map head to alias to version; `placard promote HEAD` writes it anew.")
    return found


def _sound(found: object) -> bool:
    """Whether it is what write_aliases writes: a file that someone edited may hold anything."""
    return isinstance(found, dict) and all(isinstance(by, dict) and all(isinstance(v, str) for v in by.values()) for by in found.values())


def write_aliases(bundles: Path, aliases: Aliases) -> None:
    write_whole(bundles / "aliases.json", json.dumps(aliases, indent=1, sort_keys=True) + "\n")


def version_folder(bundles: Path, head: str, version: str) -> Path:
    """Where a version lies."""
    return bundles / head / version
