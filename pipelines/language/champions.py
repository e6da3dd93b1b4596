"""The text models that are in use."""

from __future__ import annotations

from pathlib import Path

from feature_repo.home import Home
from pipelines.registry.listing import champion_of
from serving.bundles.aliases import version_folder
from serving.language.language import LANGUAGE, Language
from serving.language.onnx_encoder import OnnxEncoder
from serving.language.text_encoder import ENCODER, Encoder, TextEncoder
from serving.settings import Settings


def encoder_in_use(settings: Settings) -> Encoder | None:
    """What ads are encoded with from now on: the encoder in text_encoder_path where that is set, else the champion; None where there is
    none. Raises BundleRefused when it cannot be used."""
    if settings.language.text_encoder_path:
        return OnnxEncoder.load(Path(settings.language.text_encoder_path), settings.threads)
    version = champion_of(settings.home.bundles, ENCODER)
    return TextEncoder.load(version_folder(settings.home.bundles, ENCODER, version)) if version else None


def champion_language(home: Home) -> Language | None:
    """The language model that serves; None where there is none."""
    version = champion_of(home.bundles, LANGUAGE)
    return Language.load(version_folder(home.bundles, LANGUAGE, version)) if version else None
