"""Moments inside feature expressions: plain UTC timestamps, so that every engine reads them alike."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ibis.expr.types as ir


def instant(moment: datetime) -> ir.TimestampValue:
    """`moment` (aware) as an Ibis literal in UTC without a zone."""
    import ibis

    return ibis.timestamp(moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S"))


def seconds(moment: ir.TimestampValue) -> ir.IntegerValue:
    """Whole seconds since 1970. Rounded down first: left to themselves DuckDB rounds half a second up and Spark down."""
    return moment.truncate("s").epoch_seconds()
