"""The look of every HTML page that Placard writes: one file each, referring to nothing outside itself."""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import Final

from feature_repo.whole_file import write_whole

STYLE: Final = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 76rem; padding: 0 1rem; color: #1c2733; }
h1 { font-size: 1.5rem; margin-bottom: 0; } h2 { font-size: 1.1rem; margin-top: 2rem; }
p.sub { color: #5b6b7b; margin-top: .2rem; } a { color: #1f5fa8; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; width: 100%; margin: .5rem 0; }
th, td { padding: .25rem .6rem; text-align: right; border-bottom: 1px solid #e3e8ee; } th { font-weight: 600; color: #5b6b7b; }
th:first-child, td:first-child, td.l, th.l { text-align: left; }
tr.first td { border-top: 2px solid #c5ced8; } .good { color: #0a7a3c; } .bad { color: #b3261e; }
.bar { background: #7aa7e0; height: .7rem; display: inline-block; }
.plots { display: flex; flex-wrap: wrap; gap: 1rem; } .plots img { max-width: 24rem; width: 100%; height: auto; }
"""


def page(title: str, body: str, style: str = "") -> str:
    """body: HTML, already escaped. style: what this page needs beyond the common look."""
    return (
        "<!doctype html><html lang='en'><head><meta charset='utf-8'><meta name='viewport' content='width=device-width'>"
        f"<title>{escape(title)}</title><style>{STYLE}{style}</style></head><body>{body}</body></html>\n"
    )


def write_page(path: Path, text: str) -> Path:
    """Replaces the page whole; nobody reads half of it."""
    write_whole(path, text)
    return path
