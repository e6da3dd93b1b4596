"""Command lines of `placard` that stand in texts and files: whether they are what the command would take."""

from __future__ import annotations

from typer.main import get_command

from pipelines.__main__ import app


def parse_as_verb(argv: list[str]) -> None:
    """Parses the words as `placard` would, and runs nothing. Raises a usage error."""
    words, command, context = list(argv), get_command(app), None
    while hasattr(command, "list_commands") and words and not words[0].startswith("-"):  # a group may do something itself
        context = command.make_context("placard", [], parent=context, resilient_parsing=True)
        command = command.get_command(context, words.pop(0))  # type: ignore[attr-defined]
    command.make_context("verb", words, parent=context)
