"""Every live ad of the published catalogue."""

from __future__ import annotations

from serving.candidates import Candidates
from serving.errors import SnapshotMissing
from serving.live import Live
from serving.request import AdRequest
from serving.stages import Context


class Campaigns:
    """The snapshot's rows. Raises SnapshotMissing before the first publication."""

    def source(self, request: AdRequest, context: Context, live: Live, found: int) -> Candidates:
        if live.snapshot is None:
            raise SnapshotMissing("snapshot", "none", "Publish features: `placard features publish --partition DAY`.")
        return Candidates(live.snapshot, mask=live.snapshot.everyone)
