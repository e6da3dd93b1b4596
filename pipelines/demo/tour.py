"""The live view of a long story: a line a step, with its time and its last word; piped, a line for each step as it ends."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.live import Live
from rich.markup import escape
from rich.spinner import Spinner
from rich.table import Table


class Tour:
    """A context manager; `with tour.step("Train") as say: say("epoch 3")`."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._done: list[tuple[str, float, str]] = []
        self._now: tuple[str, str, float] | None = None
        self._live = Live(self, console=console, refresh_per_second=4, transient=False) if console.is_terminal else None

    def __rich__(self) -> Table:
        table = Table.grid(padding=(0, 1))
        table.add_column(width=2)
        table.add_column()
        table.add_column(justify="right", style="dim")
        table.add_column(style="dim", no_wrap=True, overflow="ellipsis", max_width=max(self._console.width - 60, 20))
        for title, seconds, note in self._done:
            table.add_row("[green]✓[/]", title, f"{seconds:.1f} s", note)
        if self._now:
            title, word, started = self._now
            table.add_row(Spinner("dots"), title, f"{time.monotonic() - started:.0f} s", escape(word))
        return table

    def __enter__(self) -> Self:
        if self._live:
            self._live.__enter__()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._live:
            self._live.__exit__(kind, error, trace)

    def say(self, line: str) -> None:
        """A line of its own, which stays."""
        self._console.print(line, style="dim", markup=False, soft_wrap=True)

    @contextmanager
    def step(self, title: str) -> Iterator[Callable[[str], None]]:
        """One step; its callable replaces the step's last word."""
        started = time.monotonic()
        self._now = (title, "", started)

        def say(word: str) -> None:
            self._now = (title, word, started)
            if not self._live and word.endswith("."):
                self.say(f"{title}: {word}")

        yield say
        self._end(title, time.monotonic() - started, "")

    def skip(self, title: str) -> None:
        """A step that an earlier run has finished."""
        self._end(title, 0.0, "done before")

    def _end(self, title: str, seconds: float, note: str) -> None:
        self._done.append((title, seconds, note))
        self._now = None
        if not self._live:
            self.say(f"{title}: {note or f'done in {seconds:.1f} s'}.")

    @property
    def seconds(self) -> dict[str, float]:
        """Seconds that each step took in this run; 0 where an earlier run had finished it."""
        return {title: seconds for title, seconds, _ in self._done}
