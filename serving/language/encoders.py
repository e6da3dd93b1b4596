"""Which text encoder a version names: one that was learned and registered, or one's own."""

from __future__ import annotations

from pathlib import Path

from serving.bundles.aliases import version_folder
from serving.errors import BundleRefused
from serving.language.onnx_encoder import PREFIX, OnnxEncoder
from serving.language.text_encoder import ENCODER, Encoder, TextEncoder


def place_of(version: str, bundles: Path, own: str) -> Path:
    """Where an encoder's files lie. own: the setting text_encoder_path."""
    return Path(own) if version.startswith(PREFIX) else version_folder(bundles, ENCODER, version)


def encoder_of(version: str, bundles: Path, own: str) -> Encoder:
    """The encoder of exactly that version. Raises BundleRefused."""
    if not version.startswith(PREFIX):
        return TextEncoder.load(version_folder(bundles, ENCODER, version))
    if not own:
        raise BundleRefused("text_encoder_path", "not set", f"The ads were encoded with {version}: set it, or publish again.")
    encoder = OnnxEncoder.load(Path(own))
    if encoder.version != version:
        raise BundleRefused("encoder in text_encoder_path", encoder.version, f"The ads were encoded with {version}: publish again.")
    return encoder
