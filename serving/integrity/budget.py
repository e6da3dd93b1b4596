"""No campaign that has spent its day's budget."""

from __future__ import annotations

import numpy as np

from serving.candidates import Candidates, Mask
from serving.request import AdRequest
from serving.stages import Context
from serving.state.ledger import Ledger


class Budget:
    """Spend comes from the ledger; charging itself never overdraws, so this rule saves work rather than money."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def admit(self, request: AdRequest, context: Context, candidates: Candidates) -> Mask:
        campaigns = candidates.campaigns
        present, inverse = np.unique(campaigns, return_inverse=True)
        ids = [candidates.snapshot.campaign_ids[c] for c in present]
        left = candidates.snapshot["campaign.budget_micros"][present] - self._ledger.spent(ids, request.ts.date())
        return np.asarray((left > 0)[inverse])
