"""Logs into the event tables. FORMATS is the list of log formats: `placard ingest <name> <path>` reads one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from feature_repo.plugins import Offered
from pipelines.ingest.format import Format, IngestError
from pipelines.ingest.landing_pages import LandingPages
from pipelines.ingest.open_bandit import OpenBandit
from pipelines.ingest.talkingdata import TalkingData

BUILT_IN: Final[tuple[Format, ...]] = (TalkingData(), OpenBandit(), LandingPages())

FORMATS: Final[Mapping[str, Format]] = Offered(
    "placard.log_formats",
    {f.name: f for f in BUILT_IN},
    ("files", "columns", "parse", "map"),
    reserved=dict.fromkeys(("serving", "day", "simulator", "table"), "a source of Placard's own"),
)
"""The built-in ones by name, and those that other distributions bring."""


def format_named(name: str) -> Format:
    """Raises IngestError listing the formats, PluginError for one of another distribution that cannot be used."""
    if name in FORMATS:
        return FORMATS[name]
    raise IngestError(
        "log format",
        name,
        f"Known: {', '.join(FORMATS)}, table, which needs a mapping, and serving and day, which need --partition instead.",
    )
