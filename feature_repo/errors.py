"""The errors a person can act on: each names the thing, the value and the fix, and carries the exit status of the command."""

from __future__ import annotations


class PlacardError(Exception):
    """Base of every error Placard raises on purpose.

    thing: what is wrong ("partition"); value: what was seen ("2024-02-30"); fix: what to do about it.
    """

    exit_code = 2
    """2 bad input; 3 refused by a gate or a check; 4 something needed is missing or out of reach."""

    def __init__(self, thing: str, value: object, fix: str) -> None:
        self.thing, self.value, self.fix = thing, value, fix
        super().__init__(f"{thing}: {value!r}. {fix}")

    def __reduce__(self) -> tuple[type[PlacardError], tuple[str, object, str]]:
        """As it comes out of another process: an exception is made again of its one argument otherwise, and this one has three."""
        return type(self), (self.thing, self.value, self.fix)


class FeatureError(PlacardError):
    """A feature, table or event that does not fit its definition."""


class PluginError(PlacardError):
    """A thing that another distribution brings and that cannot be used: it does not load, does not fit, or its name is taken."""

    exit_code = 4
