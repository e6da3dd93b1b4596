"""What tests of many rooms make: profiles that know everybody, and bundles changed in one thing."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from feature_repo.tables import USER_TABLES
from feature_repo.user_row import UserRow
from serving.bundles import Bundle, Manifest, Tables, write_bundle
from serving.bundles.trees import Trees
from serving.caches.memory_generations import MemoryGenerations
from serving.caches.tiered import CacheTerms, TieredCache


class Known:
    """Profiles in memory: everyone is known, with every feature at its default."""

    def read(self, user_id: str, now: datetime) -> UserRow:
        return UserRow({f.name: f.filled(1) for t in USER_TABLES for f in t.features}, ())


def written_again(bundle: Bundle, folder: Path, manifest: Manifest | None = None, tables: Tables | None = None) -> Bundle:
    """A bundle of trees at another place, saying something else."""
    weights = {
        name: (share, bytes(member.booster.save_raw("ubj")))
        for (name, share), member in zip(bundle.manifest.members, bundle.members, strict=True)
        if isinstance(member, Trees)
    }
    return write_bundle(folder, manifest or bundle.manifest, weights, bundle.encodings, tables or bundle.tables)


def no_cache() -> TieredCache:
    """A cache without a level."""
    return TieredCache((), MemoryGenerations(0), CacheTerms(0.005, 1, 0))
