"""Every surface by its name."""

from __future__ import annotations

from serving.caches.tiered import TieredCache
from serving.engine.stages import Profiles
from serving.engine.surface import Surface
from serving.ledger.ledger import Ledger
from serving.settings import Settings
from serving.surfaces.proactive import proactive
from serving.surfaces.search import search


def surfaces(profiles: Profiles, ledger: Ledger, settings: Settings, cache: TieredCache | None = None) -> dict[str, Surface]:
    """cache: of what is read of requests. Raises PluginError for a source or rule of another distribution that the settings name and that
    cannot be used."""
    made = (search(profiles, ledger, settings, cache), proactive(profiles, ledger, settings))
    return {surface.name: surface for surface in made}
