"""The text models that are in use."""

from __future__ import annotations

from pathlib import Path

from feature_repo.home import Home
from serving.bundles.aliases import read_aliases, version_folder
from serving.language.language import LANGUAGE, Language
from serving.language.onnx_encoder import OnnxEncoder
from serving.language.text_encoder import ENCODER, Encoder, TextEncoder
from serving.settings import Settings


def encoder_in_use(settings: Settings) -> Encoder | None:
    """What ads are encoded with from now on: the encoder in text_encoder_path where that is set, else the champion; None before the
    first promotion. Raises BundleRefused when it cannot be used."""
    if settings.language.text_encoder_path:
        return OnnxEncoder.load(Path(settings.language.text_encoder_path), settings.threads)
    version = read_aliases(settings.home.bundles).get(ENCODER, {}).get("champion")
    return TextEncoder.load(version_folder(settings.home.bundles, ENCODER, version)) if version else None


def champion_language(home: Home) -> Language | None:
    """The language model that serves; None before the first promotion."""
    version = read_aliases(home.bundles).get(LANGUAGE, {}).get("champion")
    return Language.load(version_folder(home.bundles, LANGUAGE, version)) if version else None
