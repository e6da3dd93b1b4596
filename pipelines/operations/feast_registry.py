"""How many feature views Feast's registry file holds, told without Feast, whose import alone takes seconds."""

from __future__ import annotations

from typing import Final

from feature_repo.home import Home

FEATURE_VIEWS: Final = 6
"""The number of the field `feature_views` of Feast's message `Registry` (feast/protos/feast/core/Registry.proto)."""


def registered_views(home: Home) -> int:
    """Raises OSError when the file cannot be read, ValueError when it is no protocol buffer: damaged, or cut short."""
    from google.protobuf.empty_pb2 import Empty
    from google.protobuf.message import DecodeError
    from google.protobuf.unknown_fields import UnknownFieldSet

    path = home.feast / "registry.db"
    try:
        message = Empty.FromString(path.read_bytes())  # every field is unknown to it, and kept as such
    except DecodeError as error:
        raise ValueError(f"{path}: {error}") from None
    return sum(field.field_number == FEATURE_VIEWS for field in UnknownFieldSet(message))
