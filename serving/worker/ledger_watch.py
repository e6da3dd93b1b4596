"""Looks after the ledger: that it is the one that money was written into, and that it keeps what it is told."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

from feature_repo.whole_file import write_once, write_whole
from serving.ledger.ledger import Ledger, emptied

NAME_FILE: Final = "ledger.name"
"""In the state folder: the name of the ledger that this machine's servers wrote into."""


class LedgerWatch:
    """The ledger's name stands in the ledger and in the state folder. Where the two differ, the ledger was emptied or is another: what
    campaigns have spent today is not known, and nothing is sold until somebody brings it back or accepts the loss
    (`placard ledger accept`).

    trouble: what is wrong, with the fix; "" while nothing is. forgets: says why the ledger would lose what it acknowledges, "" where it
    would not.
    """

    def __init__(self, ledger: Ledger, state: Path, forgets: Callable[[], str]) -> None:
        self._ledger, self._file, self._forgets = ledger, state / NAME_FILE, forgets
        self.trouble = ""

    def look(self) -> None:
        """Compares. Raises what the ledger raises."""
        name = self._ledger.identity()
        if not self._file.exists():
            name = self._ledger.christen()
            write_once(self._file, name)
        expected = self._file.read_text().strip()
        self._ledger.expect(expected)
        self.trouble = str(emptied(name, expected)) if name != expected else self._forgets()


def accept(ledger: Ledger, state: Path) -> str:
    """Takes the ledger as it is for the one to write into; returns its name."""
    name = ledger.christen()
    write_whole(state / NAME_FILE, name)
    return name
