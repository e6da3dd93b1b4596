"""One at a time: what must not run twice at once in a state folder, whichever process it is in."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager

from feature_repo.home import Home


@contextmanager
def exclusive(home: Home, what: str) -> Iterator[None]:
    """Holds the folder's lock of that name; a second holder waits. The kernel frees it when a process dies."""
    home.root.mkdir(parents=True, exist_ok=True)
    with (home.root / f".{what}.lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
