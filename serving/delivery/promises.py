"""Before a page is shown: the ledger holds what its ads may cost, and counts the impressions that their caps allow."""

from __future__ import annotations

from datetime import timedelta

from serving.engine.live import Live
from serving.engine.stages import Slate
from serving.ledger.ledger import Ledger
from serving.ledger.promises import promise_of
from serving.record.request import AdRequest


class Promises:
    """Asks the ledger for all ads of a page at once: requests that come at the same time, to any worker, are promised what is there once.

    An impression is promised for `impression_window`, and given back when it has not come by then.
    """

    def __init__(self, ledger: Ledger, impression_window: timedelta) -> None:
        self._ledger, self._window = ledger, impression_window

    def refused(self, request: AdRequest, decision_id: str, slate: Slate, live: Live) -> frozenset[str]:
        """The campaigns that cannot have what their ads on this page ask for; when there are none, everything is held. Raises what the
        ledger raises."""
        if not slate.shown or live.snapshot is None:
            return frozenset()
        caps, places = live.snapshot["campaign.cap"], live.snapshot.campaign_place
        until = request.ts + self._window
        asked = [promise_of(decision_id, ad, int(caps[places[ad.campaign_id]]), until) for ad in slate.shown]
        granted = self._ledger.promise(request.asker, request.ts.date(), request.ts, asked)
        return frozenset(ad.campaign_id for ad, ok in zip(slate.shown, granted, strict=True) if not ok)
