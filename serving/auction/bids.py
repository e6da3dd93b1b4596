"""What a candidate bids for a request: integer micros per click, per thousand impressions or per conversion, as its campaign pays."""

from __future__ import annotations

from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from feature_repo.request_time import DEVICE_NUMBER
from serving.auction.auction import CPC
from serving.engine.candidates import Candidates
from serving.record.request import AdRequest

LEAST: Final = 0.1
MOST: Final = 10.0
"""A campaign's adjustments multiply its bid by LEAST at least and by MOST at most, all of them taken together."""


class Bids(Protocol):
    def bids(self, request: AdRequest, candidates: Candidates) -> NDArray[np.int64]:
        """The bid of each candidate, shape (n,), integer micros."""
        ...


class AdvertiserBids:
    """The matched keyword's bid where the campaign pays by click and the keyword has one, else the ad group's, else the campaign's; times
    the campaign's adjustments for the device, the region and the hour (UTC), rounded down."""

    def bids(self, request: AdRequest, candidates: Candidates) -> NDArray[np.int64]:
        snapshot = candidates.snapshot
        bid = np.asarray(candidates.of("bid_micros"), np.int64)
        if candidates.match is not None:
            own = candidates.match.bid_micros
            bid = np.where((own > 0) & (candidates.of_campaigns("campaign.objective") == CPC), own, bid)
        columns = {
            "device": DEVICE_NUMBER.get(request.device, 0),
            "hour": request.ts.hour,
            "region": snapshot.adjusted_regions.get(request.region),
        }
        asked = [snapshot[f"campaign.adjust.{kind}"][:, at] for kind, at in columns.items() if at is not None and kind in snapshot.adjusted]
        if not asked:
            return bid
        factor = np.prod([column.take(candidates.campaigns).astype(np.float64) for column in asked], axis=0)
        return np.asarray(np.floor(bid * np.clip(factor, LEAST, MOST)), np.int64)
