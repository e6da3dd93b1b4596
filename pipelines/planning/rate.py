"""How many requests a second one serving process answers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

from pipelines.errors import PipelineError

FIGURE: Final = "http_requests_per_s"
"""The figure of `placard bench serve --json`."""
OURS: Final = 54.0
"""One client's answers from one process over 100,000 ads, on one of two shared cores, the client on the other (`placard plan simulate
--against-real`). A machine of one's own is faster: measure it."""


def rate(given: float | None, bench: Path | None) -> tuple[float, str]:
    """Requests a second of a process, and where that comes from: given, read from what `bench serve --json` printed, or OURS. Raises
    PipelineError where both are given, or where the file has no such figure."""
    if given is not None and bench is not None:
        raise PipelineError("rate", f"{given:g} and {bench}", "Give --worker-qps or --bench, not both.")
    if given is not None:
        return given, "given"
    if bench is None:
        return OURS, "a rate of our own: measure yours with `placard bench serve`"
    try:
        figures = json.loads(bench.read_text())["figures"]
        found = [float(f["value"]) for f in figures if f["name"] == FIGURE]
    except OSError as error:
        raise PipelineError("bench report", str(bench), f"{error.strerror}.") from None
    except (ValueError, KeyError, TypeError):
        found = []
    if not found:
        raise PipelineError("bench report", str(bench), f"It has no figure {FIGURE}; write it with `placard bench serve --json`.")
    return found[0], bench.name
