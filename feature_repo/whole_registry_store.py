"""Feast's registry as a file that is replaced whole. Feast imports this module by the name that `feast_store.open_store` gives it."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from feast.infra.registry.file import FileRegistryStore

from feature_repo.whole_file import write_whole

if TYPE_CHECKING:
    from feast.protos.feast.core.Registry_pb2 import Registry


class WholeRegistryStore(FileRegistryStore):  # type: ignore[misc]  # Feast has no types
    """Feast's own empties the file and then writes it: who reads in between, and whoever comes after a death there, finds no views, and
    after a power cut a file that neither serving nor the next publication can read."""

    def _write_registry(self, registry_proto: Registry) -> None:
        registry_proto.version_id = str(uuid.uuid4())
        registry_proto.last_updated.FromDatetime(datetime.now(UTC))
        write_whole(self._filepath, registry_proto.SerializeToString())
