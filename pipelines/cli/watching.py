"""Verbs that look again and again until Ctrl-C."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import NoReturn

from pipelines.cli.output import tell


def watch(what: str, seconds: float, look: Callable[[], None]) -> NoReturn:
    """Looks for ever, `seconds` from the beginning of one look to that of the next. What keeps a look from its end is told once, and the
    next one is taken all the same: a watcher that ends watches nothing."""
    from rich.markup import escape

    told = ""
    tell(f"watching {what}, every {seconds:g} s.")
    while True:
        started, failed = time.monotonic(), ""
        try:
            look()
        except Exception as error:  # a log, a registry or a store that is out of reach for a while
            failed = str(error) or type(error).__name__
            if failed != told:
                tell(f"[yellow]no look[/]: {escape(failed)}")
        told = failed
        time.sleep(max(seconds - (time.monotonic() - started), 0.1))
