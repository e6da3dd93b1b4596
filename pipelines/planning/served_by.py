"""Which models answer, and the caches before them: the part of a plan that the servers' settings read."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ModelServing:
    """How models are served. primary: the family of the champion; fallback: of the model that answers where the champion does not in time;
    shadow: whether a shadow scores beside them. batch: candidates in a call of the champion; at_once: its calls at a time in a worker.
    confidence: how certain a place must be for the fast model alone to decide it."""

    primary: str = "deep_ensemble"
    fallback: str = "xgboost"
    fast: str = "xgboost_slim"
    shadow: bool = True
    batch: int = 64
    at_once: int = 32
    confidence: float = 0.85


@dataclass(frozen=True)
class CacheSizes:
    """Sizes of the cache levels, bytes. process: of all workers of a machine, kept 5 minutes; region: of each region's shared cache, kept
    an hour; remote: of each of three further ones that regions share."""

    process: int = 4 * 1024**3
    region: int = 500 * 1024**3
    remote: int = 250 * 1024**3
    remotes: int = 3
