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


class CampaignBids:
    """Every ad bids what its campaign bids."""

    def bids(self, request: AdRequest, candidates: Candidates) -> NDArray[np.int64]:
        return np.asarray(candidates.of_campaigns("campaign.bid_micros"), np.int64)


class KeywordBids:
    """The matched keyword's bid where the campaign pays by click and the keyword has one, else the campaign's; times the
    campaign's adjustments for the device, the region and the hour (UTC), rounded down."""

    def bids(self, request: AdRequest, candidates: Candidates) -> NDArray[np.int64]:
        snapshot, campaign = candidates.snapshot, candidates.campaigns
        bid = CampaignBids().bids(request, candidates)
        if candidates.match is not None:
            own = candidates.match.bid_micros
            bid = np.where((own > 0) & (candidates.of_campaigns("campaign.objective") == CPC), own, bid)
        factor = snapshot["campaign.adjust.device"][campaign, DEVICE_NUMBER.get(request.device, 0)].astype(np.float64)
        factor *= snapshot["campaign.adjust.hour"][campaign, request.ts.hour]
        place = snapshot.adjusted_regions.get(request.region)
        if place is not None:
            factor *= snapshot["campaign.adjust.region"][campaign, place]
        return np.asarray(np.floor(bid * np.clip(factor, LEAST, MOST)), np.int64)
