"""The raw log, kept as it came: an immutable copy named by its content."""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path
from typing import BinaryIO, Final

from feature_repo.home import Home
from feature_repo.whole_file import move_in
from pipelines.ingest.format import IngestError

BLOCK: Final = 1 << 20
READ_ONLY: Final = 0o400


def _written(file: BinaryIO) -> tuple[int, int]:
    """Size and time of the last change."""
    stat = os.fstat(file.fileno())
    return stat.st_size, stat.st_mtime_ns


def keep_raw(home: Home, format_name: str, path: Path) -> tuple[Path, str, bool]:
    """raw/<format>/<sha256>/<name>, read-only, the sha256, and whether these bytes came before: they are not copied again.

    Raises IngestError when the file cannot be read, or changes meanwhile: of a log that is still written the last line may be a half.
    """
    folder = home.raw / format_name
    folder.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256()
    handle, name = tempfile.mkstemp(dir=folder, prefix=".copy-")
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as copy, path.open("rb") as original:
            before = _written(original)
            while block := original.read(BLOCK):
                digest.update(block)
                copy.write(block)
                if copy.tell() > before[0]:  # who writes faster than this reads would keep it here for ever
                    break
            if _written(original) != before or copy.tell() != before[0]:
                raise IngestError("log file", str(path), "It changed while it was read: try again once it is whole.")
        sha = digest.hexdigest()
        kept = folder / sha / path.name
        known = kept.parent.exists()
        if not kept.exists():
            temporary.chmod(READ_ONLY)
            kept.parent.mkdir(exist_ok=True)
            move_in(temporary, kept)
        return kept, sha, known
    except OSError as error:
        raise IngestError("log file", str(path), f"It cannot be read, or not copied: {error.strerror}.") from None
    finally:
        temporary.unlink(missing_ok=True)
