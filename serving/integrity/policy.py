"""Only approved ads; limited and sensitive ones not to minors, nor to people whose age is unknown."""

from __future__ import annotations

import numpy as np

from feature_repo.tables.user_profile import AGE_CODE
from feature_repo.taxonomy import AGE_BANDS
from serving.engine.candidates import Candidates, Mask
from serving.engine.stages import Context
from serving.record.request import AdRequest
from serving.snapshot.columns import POLICIES

NOT_ADULT = frozenset({AGE_BANDS.index("unknown"), AGE_BANDS.index("13-17")})


class Policy:
    def admit(self, request: AdRequest, context: Context, candidates: Candidates) -> Mask:
        status = candidates.of("policy")
        approved = status == POLICIES.index("approved")
        if int(context.user[AGE_CODE][0]) in NOT_ADULT:
            return np.asarray(approved & ~candidates.of("sensitive"))
        return np.asarray(approved | (status == POLICIES.index("limited")))
