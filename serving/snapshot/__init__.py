"""Immutable columnar snapshots of live ads."""

from serving.snapshot.manifest import current_version, set_current
from serving.snapshot.snapshot import Placement, Snapshot, open_current, open_snapshot, write_snapshot

__all__ = ["Placement", "Snapshot", "current_version", "open_current", "open_snapshot", "set_current", "write_snapshot"]
