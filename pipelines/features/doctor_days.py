"""What could be wrong with the days, for `placard doctor`."""

from __future__ import annotations

from datetime import timedelta

from feature_repo.days import today
from pipelines.features.days import USUAL_DAYS, WRONG, feature_days, rebuilding
from pipelines.operations.doctor import NAMED, Check
from serving.settings import Settings


def days(settings: Settings) -> Check:
    """bad: a day to come is there, which keeps later ones from being seen. warn: a day is missing, empty, late or stale."""
    found = feature_days(settings)
    if not found:
        return Check("days", "ok", "no day is known yet")
    newest = max((d.day for d in found if d.rows or d.published), default=today())
    late = [d for d in found if d.day >= min(newest, today()) - timedelta(days=USUAL_DAYS)]
    by_state = {state: [str(d.day) for d in late if d.state == state] for state in WRONG}
    seen = "; ".join(
        f"{state}: {', '.join(named[:NAMED])}{f' and {len(named) - NAMED} more' if len(named) > NAMED else ''}"
        for state, named in by_state.items()
        if named
    )
    if by_state["future"]:
        return Check("days", "bad", seen, f"Run `placard features retract --partition {by_state['future'][0]}`.")
    if command := rebuilding(late):
        return Check("days", "warn", seen, f"Run `{command}`.")
    if seen:
        return Check("days", "warn", seen, "See `placard features days`; `placard ingest day --partition DAY` collects a day.")
    return Check("days", "ok", f"{len(found)} days, none missing, late or stale")
