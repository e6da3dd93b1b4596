"""Which columns of an input a network reads how."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from feature_repo.model_input import ModelInput
from feature_repo.services import CANDIDATE, modality

GROUPS: Final = {"user": ("user",), "ad": ("ad",), "context": ("context", "pair", "search")}
"""The three subnets' columns, by origin; what arises only when user, ad and moment meet goes with the moment."""
DROPPED: Final = ("user", "image", "context")
"""Modalities that training takes away now and then."""


@dataclass(frozen=True)
class Parts:
    """Positions in the input. dense: every column but those of the history: numbers, and the evidence of identities; ids: the
    identities; history: of the user's actions.

    groups: by name, positions within `dense`. group_ids: by name, positions within `ids`. modalities, id_modalities: the same
    of what may be missing. candidate: where in `ids` its category, campaign and creative stand.
    """

    columns: int
    dense: tuple[int, ...]
    ids: tuple[int, ...]
    history: tuple[int, ...]
    groups: dict[str, tuple[int, ...]]
    group_ids: dict[str, tuple[int, ...]]
    modalities: dict[str, tuple[int, ...]]
    id_modalities: dict[str, tuple[int, ...]]
    candidate: tuple[int, int, int]

    @classmethod
    def of(cls, model: ModelInput) -> Parts:
        dense = tuple(i for i, c in enumerate(model.columns) if c.kind != "history")
        ids = tuple(i for i, c in enumerate(model.columns) if c.kind == "category")

        def within(some: tuple[int, ...], wanted: tuple[int, ...]) -> tuple[int, ...]:
            return tuple(j for j, i in enumerate(some) if i in wanted)

        groups = {name: tuple(i for origin in origins for i in model.of(origin)) for name, origins in GROUPS.items()}
        names = [model.names[i] for i in ids]
        gone = {name: modality(model, name) for name in DROPPED}
        return cls(
            len(model.columns), dense, ids, tuple(i for i, c in enumerate(model.columns) if c.kind == "history"),
            {n: within(dense, g) for n, g in groups.items()}, {n: within(ids, g) for n, g in groups.items()},
            {n: within(dense, g) for n, g in gone.items()}, {n: within(ids, g) for n, g in gone.items()},
            (names.index(CANDIDATE[0]), names.index(CANDIDATE[1]), names.index(CANDIDATE[2])),
        )  # fmt: skip
