"""The contract of generations: what was cached of a user before an event of theirs is not used after it, by any worker."""

from __future__ import annotations

from typing import Final, Protocol

EVERYBODY: Final = ""
"""Under this owner lies the mark of all users together."""


class Generations(Protocol):
    """A user's generation is part of the keys of what is cached of them. Safe to call from several threads and processes: whoever asks
    after `advance` has returned is told another generation than any that was told before."""

    def of(self, owner: str) -> str:
        """The user's generation."""
        ...

    def advance(self, owner: str) -> None:
        """Begins a new generation of the user, or of EVERYBODY."""
        ...

    def forget(self) -> int:
        """Removes marks of users that are older than anything that may be cached; returns how many those were. Their generation is again
        what it was before the mark."""
        ...

    def close(self) -> None: ...
