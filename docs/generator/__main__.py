"""Writes the reference pages from the program itself: `make docs`, or `python docs/generator FOLDER`."""

from __future__ import annotations

import sys
from pathlib import Path

from command_line_page import command_line_page
from dags_page import dags_page
from settings_page import settings_page
from tables_page import tables_page

ROOT = Path(__file__).resolve().parents[2]
PAGES = {
    "command-line.md": command_line_page,
    "settings.md": settings_page,
    "dags.md": dags_page,
    "feature-tables.md": tables_page,
}


def main(folder: Path) -> None:
    """Writes every page into the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, page in PAGES.items():
        (folder / name).write_text(page(ROOT))


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "docs" / "reference")
