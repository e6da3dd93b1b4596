"""What other distributions bring to Placard: things named by entry points, loaded when they are asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Generic, TypeVar

from feature_repo.errors import PluginError

T = TypeVar("T")


def distribution_of(point: EntryPoint) -> str:
    """The distribution that an entry point came with, as "acme 1.0"."""
    return f"{point.dist.name} {point.dist.version}" if point.dist is not None else "an unknown distribution"


def brought(group: str) -> dict[str, EntryPoint]:
    """Every installed entry point of a group by its name; nothing is imported. Raises PluginError where two have one name."""
    found: dict[str, EntryPoint] = {}
    for point in entry_points(group=group):
        other = found.get(point.name)
        if other is not None and (other.value, distribution_of(other)) != (point.value, distribution_of(point)):
            both = f"Both {distribution_of(other)} and {distribution_of(point)} bring one of this name; uninstall one of them."
            raise PluginError(group, point.name, both)
        found[point.name] = point
    return found


def loaded(point: EntryPoint, make: Callable[[Any], Any], verbs: tuple[str, ...]) -> Any:
    """What an entry point names, passed through `make`; it must have the methods `verbs`.

    Raises PluginError naming the distribution and the error, whatever it was.
    """
    whose = f"It is brought by {distribution_of(point)} as {point.value}; mend or uninstall that."
    try:
        made = make(point.load())
    except Exception as error:  # foreign code: whatever it raises is told as its own
        raise PluginError(f"{point.group} {point.name}", f"{type(error).__name__}: {error}", whose) from error
    if missing := [verb for verb in verbs if not callable(getattr(made, verb, None))]:
        raise PluginError(f"{point.group} {point.name}", f"{type(made).__name__} without {', '.join(missing)}", whose)
    return made


class Offered(Mapping[str, T], Generic[T]):
    """Things by their own name: the built-in ones, then those that entry points of `group` name. The latter are found at the first look and
    imported when one is asked for, so that a broken one is in the way of nobody who does not name it.

    verbs: the methods that each must have. reserved: names that no thing may have, each with what it stands for.
    Any look raises PluginError where a name is taken already.
    """

    def __init__(self, group: str, built_in: Mapping[str, T], verbs: tuple[str, ...], reserved: Mapping[str, str] | None = None) -> None:
        self._group, self._built_in, self._verbs, self._reserved = group, built_in, verbs, reserved or {}

    @cached_property
    def _brought(self) -> dict[str, EntryPoint]:
        found = brought(self._group)
        taken = {name: f"the built-in {type(thing).__name__}" for name, thing in self._built_in.items()} | dict(self._reserved)
        for name in found.keys() & taken.keys():
            fix = f"Both {distribution_of(found[name])} and {taken[name]} have this name; uninstall or rename the former."
            raise PluginError(self._group, name, fix)
        return found

    def __getitem__(self, name: str) -> T:
        if name in self._built_in:
            return self._built_in[name]
        point = self._brought[name]
        thing: T = loaded(point, lambda thing: thing, self._verbs)
        if (own := getattr(thing, "name", None)) != name:
            fix = f"It is brought by {distribution_of(point)} under this name; the entry point and its `name` must agree."
            raise PluginError(f"{self._group} {name}", own, fix)
        return thing

    def __contains__(self, name: object) -> bool:
        return name in self._built_in or name in self._brought

    def __iter__(self) -> Iterator[str]:
        yield from self._built_in
        yield from self._brought

    def __len__(self) -> int:
        return len(self._built_in) + len(self._brought)
