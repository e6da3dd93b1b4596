"""Every live ad of the published catalogue."""

from __future__ import annotations

from serving.engine.candidates import Candidates
from serving.engine.live import Live
from serving.engine.stages import Context
from serving.errors import SnapshotMissing
from serving.record.request import AdRequest


class Campaigns:
    """The snapshot's rows. Raises SnapshotMissing before the first publication."""

    def source(self, request: AdRequest, context: Context, live: Live, found: int) -> Candidates:
        if live.snapshot is None:
            raise SnapshotMissing("snapshot", "none", "Publish features: `placard features publish --partition DAY`.")
        return Candidates(live.snapshot, mask=live.snapshot.everyone)
