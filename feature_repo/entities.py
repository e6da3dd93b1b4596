"""Feast's entities: what features are about."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from feast import Entity

ENTITIES: Final = {
    "user_id": ("user", "A person, or what a log takes for one"),
    "creative_id": ("creative", "One ad"),
    "query_key": ("query", "What people search for, by its words' stems"),
}
"""Name and description of an entity, by the column that holds its key."""


def entities() -> dict[str, Entity]:
    """An entity by its key column."""
    from feast import Entity, ValueType

    return {
        key: Entity(name=name, join_keys=[key], value_type=ValueType.STRING, description=about) for key, (name, about) in ENTITIES.items()
    }
