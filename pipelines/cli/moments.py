"""Moments as people write them on a command line."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from pipelines.errors import PipelineError


def moment(text: str) -> datetime:
    """An ISO time, UTC where it names no zone; of a day alone, its end. Raises PipelineError."""
    try:
        if len(text) == len("2026-01-18"):
            return datetime.combine(date.fromisoformat(text) + timedelta(days=1), datetime.min.time(), UTC) - timedelta(seconds=1)
        found = datetime.fromisoformat(text)
    except ValueError:
        raise PipelineError("moment", text, "Use a day, 2026-01-18, or a time, 2026-01-18T14:00:00+00:00.") from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
