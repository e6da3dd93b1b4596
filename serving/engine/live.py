"""What a worker serves right now: one immutable value, swapped whole."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from feature_repo.model_input import ModelInput
from feature_repo.services import INPUTS, successor_of
from serving.bundles import Bundle
from serving.bundles.aliases import is_shadow
from serving.bundles.refusals import UNCALIBRATED, Refusals
from serving.errors import BundleRefused, ServingError
from serving.language.language import LANGUAGE, Language
from serving.language.text_encoder import ENCODER, Encoder
from serving.snapshot import Snapshot


@dataclass(frozen=True)
class Live:
    """snapshot: None before the first publication. bundles: by (head, alias), e.g. ("click", "champion"). language: the
    champion of its head; encoder: what the snapshot's ads were encoded with; None before their first, and where that version was
    removed. refusals: versions that must not enter the auction, whatever alias they have."""

    snapshot: Snapshot | None
    bundles: Mapping[tuple[str, str], Bundle] = field(default_factory=dict)
    language: Language | None = None
    encoder: Encoder | None = None
    refusals: Refusals = field(default_factory=dict)

    def under(self, refusals: Refusals) -> Live:
        """The same with these refusals, and without a text model that they name: it has no alias to fall back from."""
        language = None if self.language is not None and self.language.version in refusals.get(LANGUAGE, {}) else self.language
        encoder = None if self.encoder is not None and self.encoder.version in refusals.get(ENCODER, {}) else self.encoder
        return replace(self, refusals=refusals, language=language, encoder=encoder)

    def bundle(self, head: str, alias: str) -> Bundle | None:
        return self.bundles.get((head, alias))

    def barred(self, bundle: Bundle) -> str:
        """Why a bundle must not enter the auction; "" when it may."""
        if not bundle.manifest.calibrated:
            return UNCALIBRATED
        if self.snapshot is not None and bundle.manifest.input not in self.snapshot.manifest.inputs:
            return f"The catalogue snapshot {self.snapshot.version} was published without {bundle.manifest.input}: publish features again."
        return self.refusals.get(bundle.manifest.head, {}).get(bundle.manifest.version, "")

    def for_auction(self, head: str, alias: str) -> Bundle:
        """The bundle of an alias, calibrated. Raises ServingError when there is none, BundleRefused when it must not enter."""
        bundle = self.bundle(head, alias)
        if bundle is None:
            raise ServingError(f"{head} bundle", f"@{alias}", f"Promote one: `placard promote {head}`.")
        if reason := self.barred(bundle):
            raise BundleRefused(f"{head} bundle", bundle.name, reason)
        return bundle

    def admitted(self, head: str, *aliases: str) -> Bundle | None:
        """The first of these aliases' bundles that may enter the auction."""
        found = (self.bundle(head, alias) for alias in aliases)
        return next((b for b in found if b is not None and not self.barred(b)), None)

    def all_barred(self) -> dict[str, str]:
        """The bundles that have a part in serving but are refused: name → reason. Shadows are left out, since their scores do not count
        anyway."""
        heard = (bundle for (_, alias), bundle in self.bundles.items() if not is_shadow(alias))
        return {bundle.name: reason for bundle in heard if (reason := self.barred(bundle))}

    def logged_input(self, bundle: Bundle) -> ModelInput:
        """The input that decisions by a bundle are made and logged with: its own, or a newer version of it that a shadow of its head reads,
        that holds all its columns, and that the snapshot was published with; else what serves could not be compared with what comes."""
        own = INPUTS[bundle.manifest.input]
        served = self.snapshot.manifest.inputs if self.snapshot is not None else {}
        others = [INPUTS[s.manifest.input] for s in self.shadows(bundle.manifest.head)]
        newer = [other for other in others if other.name in served and successor_of(own, other)]
        return max(newer, key=lambda model: model.version, default=own)

    def shadows(self, head: str) -> list[Bundle]:
        """The bundles of a head's shadow aliases, which score decisions without having a say in them: each once, in the order of their
        aliases."""
        found = {b.name: b for (of, alias), b in sorted(self.bundles.items()) if of == head and is_shadow(alias)}
        return list(found.values())
