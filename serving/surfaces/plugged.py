"""Sources and rules that other distributions bring, appended to a surface where a setting names them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

from feature_repo.errors import PluginError
from feature_repo.plugins import brought, distribution_of, loaded
from serving.engine.surface import Surface
from serving.settings import Settings

SOURCES: Final = "placard.sources"
RULES: Final = "placard.rules"


def plugged(surface: Surface, sources: Sequence[str], rules: Sequence[str], settings: Settings) -> Surface:
    """The surface with the named sources behind its own and the named rules behind those of integrity, where a rule that fails keeps
    nothing. An entry point names a function of the settings, or a class made of them. What is installed and not named does nothing.

    Raises PluginError for a name that nothing brings, for what cannot be loaded, and for a class whose name one of the surface's own has:
    candidates and drops are counted by that name.
    """
    return replace(
        surface,
        sourcing=(*surface.sourcing, *_made(SOURCES, "source", sources, surface.sourcing, settings)),
        integrity=(*surface.integrity, *_made(RULES, "admit", rules, (*surface.eligibility, *surface.integrity), settings)),
    )


def _made(group: str, verb: str, names: Sequence[str], own: Sequence[object], settings: Settings) -> tuple[Any, ...]:
    if not names:
        return ()
    found, made = brought(group), []
    taken = {type(component).__name__: f"the surface's own {type(component).__module__}" for component in own}
    for name in names:
        if name not in found:
            raise PluginError(group, name, f"No installed distribution brings it; known: {', '.join(sorted(found)) or 'none'}.")
        point = found[name]
        component = loaded(point, lambda make: make(settings), (verb,))
        kind = type(component).__name__
        if kind in taken:
            fix = f"Both {distribution_of(point)} ({point.value}) and {taken[kind]} count under this name; rename the former's class."
            raise PluginError(f"{group} {name}", kind, fix)
        taken[kind] = f"{distribution_of(point)} ({point.value})"
        made.append(component)
    return tuple(made)
