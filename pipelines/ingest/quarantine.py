"""Malformed rows, set aside where a person can read them: quarantine/ingest/<format>/<sha256 of the log>.jsonl."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path

from feature_repo.home import Home
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
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.write_text("".join(json.dumps(r, ensure_ascii=False) + "\n" for r in records), encoding="utf-8")
    os.replace(temporary, path)
    return len(records)
