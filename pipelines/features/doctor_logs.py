"""Logs that did not come in, for `placard doctor`."""

from __future__ import annotations

from pipelines.ingest.quarantine import refused_logs
from pipelines.operations.doctor import NAMED, Check
from serving.settings import Settings


def logs(settings: Settings) -> Check:
    """warn: a log was refused as a whole, and nobody has said since that it is dealt with."""
    found = refused_logs(settings.home)
    if not found:
        return Check("logs", "ok", "none was refused")
    named = "; ".join([*found.values()][:NAMED])
    more = f" and {len(found) - NAMED:,} more" if len(found) > NAMED else ""
    first = next(iter(found))
    fix = f"Rows and reasons: {first.with_suffix('.jsonl')}. Deliver the log again once it is mended, then remove {first.name} beside them."
    return Check("logs", "warn", f"refused: {named}{more}", fix)
