"""Says which of the words that a request was sent with nobody knows: what targets or adjusts by them has no effect on it."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from feature_repo.request_time import DEVICE_NUMBER
from serving.engine.live import Live
from serving.engine.stages import Context
from serving.record.request import AdRequest
from serving.snapshot import Snapshot

DEVICE: Final = "device_unknown"
REGION: Final = "region_unknown"
LANGUAGE: Final = "language_unknown"


class UnknownWords:
    """Flags a device that is no kind of device, and a region or language that no campaign asks for or adjusts its bids for. A catalogue in
    which no campaign asks for a region knows none, and then no region is flagged; languages likewise. The flags do not repeat the words."""

    def understand(self, request: AdRequest, context: Context, live: Live) -> Context:
        flags = [DEVICE] if request.device not in DEVICE_NUMBER else []
        if live.snapshot is not None:
            flags += _unheard(request, live.snapshot)
        return replace(context, flags=(*context.flags, *flags)) if flags else context


def _unheard(request: AdRequest, snapshot: Snapshot) -> list[str]:
    targets, adjusted = snapshot.targets, snapshot.adjusted_regions
    flags = []
    if request.region and (targets.lists("regions") or adjusted):
        flags += [REGION] if not targets.knows("regions", request.region) and request.region not in adjusted else []
    if request.language and targets.lists("languages") and not targets.knows("languages", request.language):
        flags.append(LANGUAGE)
    return flags
