"""A surface is a literal list of components; the engine runs it."""

from __future__ import annotations

from dataclasses import dataclass

from serving.engine.stages import Allocator, Filter, Recaller, Scorer, Source, Understander


@dataclass(frozen=True)
class Surface:
    """understanding: the asker first; without them nothing may be shown. eligibility: rules cheap enough for the whole
    catalogue. recall, precision: the next is asked when one fails."""

    name: str
    understanding: tuple[Understander, ...]
    sourcing: tuple[Source, ...]
    eligibility: tuple[Filter, ...]
    recall: tuple[Recaller, ...]
    integrity: tuple[Filter, ...]
    precision: tuple[Scorer, ...]
    delivery: Allocator
