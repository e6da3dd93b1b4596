"""Days, the platform's partitions: read from text, their ends, and stretches of them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

from feature_repo.errors import FeatureError


def parse_day(text: str) -> date:
    """A partition key, YYYY-MM-DD. Raises FeatureError naming the value."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise FeatureError("partition", text, "Write a day as YYYY-MM-DD, for example 2026-01-31.") from None


def end_of(day: date) -> datetime:
    """The `as_of` of a day's partition: the first instant after it, UTC."""
    return datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(days=1)


def days_between(first: date, last: date) -> Iterator[date]:
    """Every day from first to last, both included."""
    for offset in range((last - first).days + 1):
        yield first + timedelta(days=offset)
