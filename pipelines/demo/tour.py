"""The live view of a long story: a line a step, with its time and its last word."""

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
        self._done: list[tuple[str, float]] = []
        self._now: tuple[str, str, float] | None = None
        self._live = Live(self, console=console, refresh_per_second=4, transient=False)

    def __rich__(self) -> Table:
        table = Table.grid(padding=(0, 1))
        table.add_column(width=2)
        table.add_column()
        table.add_column(justify="right", style="dim")
        table.add_column(style="dim", no_wrap=True, overflow="ellipsis", max_width=max(self._console.width - 60, 20))
        for title, seconds in self._done:
            table.add_row("[green]✓[/]", title, f"{seconds:.1f} s", "")
        if self._now:
            title, word, started = self._now
            table.add_row(Spinner("dots"), title, f"{time.monotonic() - started:.0f} s", escape(word))
        return table

    def __enter__(self) -> Self:
        self._live.__enter__()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._live.__exit__(kind, error, trace)

    @contextmanager
    def step(self, title: str) -> Iterator[Callable[[str], None]]:
        """One step; its callable replaces the step's last word."""
        started = time.monotonic()
        self._now = (title, "", started)

        def say(word: str) -> None:
            self._now = (title, word, started)
            if not self._console.is_terminal and word.endswith("."):
                self._console.print(f"{title}: {word}", style="dim", markup=False, soft_wrap=True)

        yield say
        self._done.append((title, time.monotonic() - started))
        self._now = None

    @property
    def seconds(self) -> dict[str, float]:
        """Seconds each finished step took."""
        return dict(self._done)
