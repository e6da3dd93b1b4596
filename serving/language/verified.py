"""The one way to trust the folder of a text model: its hashes are compared, it is read, and what it says of a few texts is looked at."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np

from serving.errors import BundleRefused
from serving.language.encoders import encoder_of, place_of
from serving.language.language import LANGUAGE, Language
from serving.language.text_encoder import ENCODER, Encoder, TextEncoder

TEXTS: Final = ("", "running shoes", "cheap flights to paris", "無料ホテル", "x" * 300)
"""What every text model must have a finite answer to."""


def verified_language(place: Path, version: str) -> Language:
    """The language model of a version. Raises BundleRefused."""
    found = Language.load(place)
    _check_version(LANGUAGE, found.version, version)
    for text in TEXTS:
        read = found.classifier.read(text)
        if not np.isfinite([read.commercial, read.intent_probability, *(share for _, share in read.categories)]).all():
            raise BundleRefused("language model", f"its reading of {text[:20]!r}", "It is not finite; train again.")
    return found


def verified_encoder(version: str, bundles: Path, own: str) -> Encoder:
    """The text encoder of a version. own: the setting text_encoder_path. Raises BundleRefused."""
    found = encoder_of(version, bundles, own)
    _check_version(ENCODER, found.version, version)
    place, vectors = place_of(version, bundles, own), found.encode(TEXTS)
    if vectors.shape != (len(TEXTS), found.dim) or not np.isfinite(vectors).all():
        raise BundleRefused("encoder", str(place), "Its vectors are not finite; train again.")
    if isinstance(found, TextEncoder) and not (found.vectors.any() and np.isfinite(found.vectors).all()):
        raise BundleRefused("encoder", str(place), "Its vectors are all zero, or not finite: it has learned nothing; train again.")
    return found


def _check_version(head: str, said: str, version: str) -> None:
    if said != version:
        raise BundleRefused("bundle", f"{head}@{said}", f"It lies where {head}@{version} should; register again.")
