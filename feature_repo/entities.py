"""Feast's entities: what features are about."""

from __future__ import annotations

from feast import Entity, ValueType

USER = Entity(name="user", join_keys=["user_id"], value_type=ValueType.STRING, description="A person, or what a log takes for one")
CREATIVE = Entity(name="creative", join_keys=["creative_id"], value_type=ValueType.STRING, description="One ad")
QUERY = Entity(
    name="query", join_keys=["query_key"], value_type=ValueType.STRING, description="What people search for, by its words' stems"
)
ENTITIES = {"user_id": USER, "creative_id": CREATIVE, "query_key": QUERY}
