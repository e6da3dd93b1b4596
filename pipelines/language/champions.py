"""The text models that serve."""

from __future__ import annotations

from feature_repo.sources import Home
from serving.bundles.aliases import folder, read
from serving.bundles.language import HEAD as LANGUAGE
from serving.bundles.language import Language
from serving.bundles.text_encoder import HEAD as ENCODER
from serving.bundles.text_encoder import TextEncoder


def champion_encoder(home: Home) -> TextEncoder | None:
    """The encoder that serves; None before the first promotion."""
    version = read(home.bundles).get(ENCODER, {}).get("champion")
    return TextEncoder.load(folder(home.bundles, ENCODER, version)) if version else None


def champion_language(home: Home) -> Language | None:
    """The language model that serves; None before the first promotion."""
    version = read(home.bundles).get(LANGUAGE, {}).get("champion")
    return Language.load(folder(home.bundles, LANGUAGE, version)) if version else None
