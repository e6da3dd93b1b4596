"""The n-th request for ads that a bench asks of a synthetic catalogue."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from serving.record.request import AdRequest


def synthetic_request(n: int) -> AdRequest:
    """One of 97 people, on a place that keeps three slots; its deadline is no matter."""
    at = datetime.now(UTC) + timedelta(seconds=1)
    return AdRequest(
        f"r{n}", "proactive", f"u{n % 97}", at, device="mobile", region="regions0", language="languages2", slots=3, tmax_ms=60_000
    )
