"""The raw log, kept as it came: an immutable copy named by its content."""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path
from typing import Final

from feature_repo.home import Home
from feature_repo.whole_file import move_in
from pipelines.ingest.format import IngestError

BLOCK: Final = 1 << 20
READ_ONLY: Final = 0o400


def keep_raw(home: Home, format_name: str, path: Path) -> tuple[Path, str]:
    """raw/<format>/<sha256>/<name>, read-only, and the sha256. A log that is already there is not copied again.

    Raises IngestError when the file cannot be read.
    """
    folder = home.raw / format_name
    folder.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256()
    handle, name = tempfile.mkstemp(dir=folder, prefix=".copy-")
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as copy, path.open("rb") as original:
            while block := original.read(BLOCK):
                digest.update(block)
                copy.write(block)
        sha = digest.hexdigest()
        kept = folder / sha / path.name
        if not kept.exists():
            temporary.chmod(READ_ONLY)
            kept.parent.mkdir(exist_ok=True)
            move_in(temporary, kept)
        return kept, sha
    except OSError as error:
        raise IngestError("log file", str(path), f"It cannot be copied: {error.strerror}.") from None
    finally:
        temporary.unlink(missing_ok=True)
