"""A stack of linear layers."""

from __future__ import annotations

from typing import Any

from torch import nn


def tower(width: int, layers: tuple[int, ...], dropout: float) -> Any:
    """width → each of `layers`, SiLU and dropout after every one."""
    parts: list[Any] = []
    for out in layers:
        parts += [nn.Linear(width, out), nn.SiLU(), nn.Dropout(dropout)]
        width = out
    return nn.Sequential(*parts)
