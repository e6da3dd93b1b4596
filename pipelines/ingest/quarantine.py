"""Malformed rows, set aside where a person can read them: quarantine/ingest/<format>/<sha256 of the log>.jsonl."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from feature_repo.home import Home
from feature_repo.whole_file import write_whole
from pipelines.ingest.chunk import Fault

LINE_ENDS: Final = re.compile("[\x7f-\x9f\u2028\u2029]")


def quarantine_path(home: Home, format_name: str, content: str) -> Path:
    return home.quarantine / "ingest" / format_name / f"{content}.jsonl"


def _line(record: dict[str, object]) -> str:
    """JSON in readable letters; what some programs take for the end of a line is written as its code."""
    return LINE_ENDS.sub(lambda found: f"\\u{ord(found[0]):04x}", json.dumps(record, ensure_ascii=False))


def set_aside(path: Path, file: str, faults: Iterable[Fault]) -> int:
    """Writes one JSON object a line: file, line, reason, text. The same log gives the same bytes; no faults, no file."""
    records = [
        {"file": file, "line": f.line, "reason": f.reason, "text": f.text.decode(errors="backslashreplace")}
        for f in sorted(faults, key=lambda f: f.line)
    ]
    if not records:
        path.unlink(missing_ok=True)
        return 0
    write_whole(path, "".join(_line(r) + "\n" for r in records))
    return len(records)


def refused_path(aside: Path) -> Path:
    """Says, beside the rows that were set aside, that their log was refused as a whole."""
    return aside.with_suffix(".refused")


def note_refusal(aside: Path, why: str) -> None:
    """why: what was wrong with the log, "" for one that has been taken after all."""
    if why:
        write_whole(refused_path(aside), why + "\n")
    else:
        refused_path(aside).unlink(missing_ok=True)


def refused_logs(home: Home) -> dict[Path, str]:
    """Of each log that was refused as a whole what was wrong, by the note's file; the last one first."""
    notes = {path: path.stat().st_mtime_ns for path in (home.quarantine / "ingest").glob("*/*.refused")}
    return {path: path.read_text(errors="replace").strip() for path in sorted(notes, key=lambda p: (-notes[p], p))}
