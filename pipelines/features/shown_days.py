"""Which of the days a person is shown, and as what lines: the newest one by one, older ones only where something is the matter."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import groupby

from pipelines.features.days import USUAL_DAYS, WRONG, FeatureDay


@dataclass(frozen=True)
class ShownDays:
    """days: those from `since` on, and all with which something is the matter, ascending."""

    since: date
    days: tuple[FeatureDay, ...]


def shown_days(found: Sequence[FeatureDay], since: date | None, every: bool) -> ShownDays:
    """since: by default the last USUAL_DAYS days that are known. every: leave none out. found: ascending."""
    if not found:
        return ShownDays(since or date.min, ())
    first = found[0].day if every else since or found[-1].day - timedelta(days=USUAL_DAYS - 1)
    return ShownDays(first, tuple(d for d in found if d.day >= first or d.state in WRONG))


def lines_of(shown: ShownDays) -> list[str]:
    """A line a day (rich markup); before `since`, a line for days in a row with which the same is the matter."""
    lines = []
    numbered = enumerate(shown.days)  # of days in a row the date less the number stays the same
    runs = groupby(numbered, lambda n: (n[0] if n[1].day >= shown.since else "", n[1].day.toordinal() - n[0], n[1].state, n[1].why))
    for _, run in runs:
        first, *more = (day for _, day in run)
        state = f"[yellow]{first.state:9}[/]" if first.state in WRONG else f"{first.state:9}"
        days = f"{first.day} to {more[-1].day}, {len(more) + 1:,} days" if more else f"{first.day}"
        rows = first.rows + sum(d.rows for d in more)
        lines.append(f"{days}  {state} {rows:>12,} rows{'  live' if first.live else ''}  {first.why}")
    return lines
