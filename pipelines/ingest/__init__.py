"""Logs into the event tables. FORMATS is the list of log formats: `placard ingest <name> <path>` reads one."""

from __future__ import annotations

from typing import Final

from pipelines.ingest.format import Format, IngestError
from pipelines.ingest.landing_pages import LandingPages
from pipelines.ingest.open_bandit import OpenBandit
from pipelines.ingest.talkingdata import TalkingData

FORMATS: Final[tuple[Format, ...]] = (TalkingData(), OpenBandit(), LandingPages())


def format_named(name: str) -> Format:
    """Raises IngestError listing the formats."""
    for known in FORMATS:
        if known.name == name:
            return known
    raise IngestError(
        "log format", name, f"Known: {', '.join(f.name for f in FORMATS)}, and serving and day, which need --partition instead."
    )
