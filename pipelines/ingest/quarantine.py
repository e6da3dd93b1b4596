"""Malformed rows, set aside where a person can read them: quarantine/ingest/<format>/<sha256 of the log>.jsonl."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from feature_repo.home import Home
from feature_repo.whole_file import write_whole
from pipelines.ingest.lines import Fault

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
