"""Immutable columnar snapshots of live ads."""

from serving.snapshot.manifest import current_version
from serving.snapshot.snapshot import Placement, Snapshot, open_current, open_snapshot, write_snapshot
from serving.snapshot.verified import set_current, verified_snapshot

__all__ = [
    "Placement",
    "Snapshot",
    "current_version",
    "open_current",
    "open_snapshot",
    "set_current",
    "verified_snapshot",
    "write_snapshot",
]
