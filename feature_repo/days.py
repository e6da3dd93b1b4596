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


def today() -> date:
    """The day that it is, UTC."""
    return datetime.now(UTC).date()


def refuse_future(day: date) -> date:
    """The day. Raises FeatureError for one after today: nothing can be known of it."""
    if day > today():
        raise FeatureError("partition", str(day), f"It lies in the future: today is {today()} (UTC).")
    return day


def refuse_unended(day: date) -> date:
    """The day. Raises FeatureError for one that has not ended: what is known at its end is not known yet."""
    if day >= today():
        raise FeatureError("partition", str(day), f"It has not ended: today is {today()} (UTC), and features are built as of a day's end.")
    return day


def end_of(day: date) -> datetime:
    """The `as_of` of a day's partition: the first instant after it, UTC."""
    return datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(days=1)


def days_between(first: date, last: date) -> Iterator[date]:
    """Every day from first to last, both included."""
    for offset in range((last - first).days + 1):
        yield first + timedelta(days=offset)
