"""Who asks, for which surface, from where: one immutable value, made at the edge and never changed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class AdRequest:
    """One request for ads.

    ts: when it was made, UTC; every rule and feature uses it, never a clock. slots: most ads wanted (the placement may allow
    fewer). tmax_ms: milliseconds the asker will wait. consent: personal data may be used; without it the user is unknown.
    """

    request_id: str
    surface: str
    user_id: str
    ts: datetime
    placement_id: str = ""
    device: str = "unknown"
    os: str = ""
    region: str = ""
    language: str = ""
    query: str = ""
    slots: int = 1
    tmax_ms: int = 100
    consent: bool = True

    @property
    def asker(self) -> str:
        """Whom anything may be known of, read or counted for: the user, with consent; "" for nobody."""
        return self.user_id if self.consent else ""
