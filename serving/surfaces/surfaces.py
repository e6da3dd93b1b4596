"""Every surface by its name."""

from __future__ import annotations

from serving.engine.stages import Profiles
from serving.engine.surface import Surface
from serving.ledger.ledger import Ledger
from serving.settings import Settings
from serving.surfaces.proactive import proactive
from serving.surfaces.search import search


def surfaces(profiles: Profiles, ledger: Ledger, settings: Settings) -> dict[str, Surface]:
    """Raises PluginError for a source or rule of another distribution that the settings name and that cannot be used."""
    return {make.__name__: make(profiles, ledger, settings) for make in (search, proactive)}
