"""Names and strings as they stand in SQL, whatever characters they hold."""

from __future__ import annotations


def sql_name(name: str) -> str:
    """A column's or a table's name, in double quotes."""
    return '"' + name.replace('"', '""') + '"'


def sql_string(text: str) -> str:
    """A string, in single quotes."""
    return "'" + text.replace("'", "''") + "'"
