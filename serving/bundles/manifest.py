"""What a bundle says of itself; written at training, checked at load."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

FORMAT: Final = 6


@dataclass(frozen=True)
class Manifest:
    """head: what is predicted. input: the ModelInput's name; columns, kinds: its columns. trained_from, trained_to: ISO
    times of the rows trained on. position_offset: per surface, log-odds by position relative to the first. negative_rate: the
    share of negatives that training kept (scores are corrected for it). files: SHA-256 by name.

    calibrated: whether the promises came true on rows that neither the weights nor the calibrator saw. A fit knows no such rows and says
    no; the evaluation that a version is registered on decides.

    members: the weight files, `.ubj` or `.onnx`, and the share of each in the score; shares sum to 1. heads: `head`, and the further ones
    that the bundle has weights for, HEAD.ubj each. tuned: parameters of the family that a search found, as the training used them.
    """

    head: str
    version: str
    ranker: str
    input: str
    columns: tuple[str, ...]
    kinds: tuple[str, ...]
    trained_from: str
    trained_to: str
    rows: int
    positives: int
    negative_rate: float
    calibrated: bool
    base_rate: float
    position_offset: dict[str, tuple[float, ...]]
    members: tuple[tuple[str, float], ...] = ()
    heads: tuple[str, ...] = ()
    tuned: dict[str, float] = field(default_factory=dict)
    metrics: dict[str, float] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    dtype: str = "float32"
    format: int = FORMAT
