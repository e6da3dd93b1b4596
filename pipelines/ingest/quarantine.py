"""Malformed rows, set aside where a person can read them: quarantine/ingest/<format>/<sha256 of the log>.jsonl."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from feature_repo.home import Home
from feature_repo.whole_file import write_whole
from pipelines.ingest.lines import Fault


def quarantine_path(home: Home, format_name: str, content: str) -> Path:
    return home.quarantine / "ingest" / format_name / f"{content}.jsonl"


def set_aside(path: Path, file: str, faults: Iterable[Fault]) -> int:
    """Writes one JSON object a line: file, line, reason, text. The same log gives the same bytes; no faults, no file."""
    records = [
        {"file": file, "line": f.line, "reason": f.reason, "text": f.text.decode(errors="backslashreplace")}
        for f in sorted(faults, key=lambda f: f.line)
    ]
    if not records:
        path.unlink(missing_ok=True)
        return 0
    write_whole(path, "".join(json.dumps(r, ensure_ascii=False) + "\n" for r in records))
    return len(records)
