"""What a worker serves right now: one immutable value, swapped whole."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from serving.bundles import Bundle
from serving.bundles.language import Language
from serving.bundles.text_encoder import Encoder
from serving.snapshot import Snapshot


@dataclass(frozen=True)
class Live:
    """snapshot: None before the first publication. bundles: by (head, alias), e.g. ("click", "champion"). language: the
    champion of its head; encoder: what the snapshot's ads were encoded with; None before their first."""

    snapshot: Snapshot | None
    bundles: Mapping[tuple[str, str], Bundle] = field(default_factory=dict)
    language: Language | None = None
    encoder: Encoder | None = None

    def bundle(self, head: str, alias: str) -> Bundle | None:
        return self.bundles.get((head, alias))
