"""Cells of Markdown tables."""

from __future__ import annotations

from collections.abc import Sequence


def cell(text: object) -> str:
    """Text in a table's cell: on one line, its bars escaped."""
    return " ".join(str(text).replace("|", "\\|").split())


def code(text: object) -> str:
    """Text as code in a table's cell; nothing for an empty one."""
    return f"`{cell(text)}`" if str(text) != "" else ""


def table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> list[str]:
    """The lines of a table, an empty one after it."""
    lines = [f"| {' | '.join(head)} |", f"| {' | '.join('---' for _ in head)} |"]
    return [*lines, *(f"| {' | '.join(row)} |" for row in rows), ""]
