"""What a worker serves right now: one immutable value, swapped whole."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from serving.bundles import Bundle
from serving.snapshot import Snapshot


@dataclass(frozen=True)
class Live:
    """snapshot: None before the first publication. bundles: by (head, alias), e.g. ("click", "champion")."""

    snapshot: Snapshot | None
    bundles: Mapping[tuple[str, str], Bundle] = field(default_factory=dict)

    def bundle(self, head: str, alias: str) -> Bundle | None:
        return self.bundles.get((head, alias))
