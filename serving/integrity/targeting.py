"""Whom a campaign wants: surface, region, language, device, age band, gender. Runs before recall, so recall finds only these."""

from __future__ import annotations

import numpy as np

from feature_repo.request_time import DEVICE_NUMBER
from feature_repo.tables.user_profile import AGE_CODE, GENDER_CODE
from feature_repo.taxonomy import AGE_BANDS, GENDERS
from serving.engine.candidates import Candidates, Mask
from serving.engine.stages import Context
from serving.record.request import AdRequest


class Targeting:
    """Admits what targets everyone or the asker; an attribute that is not known meets only campaigns that do not ask for it."""

    def admit(self, request: AdRequest, context: Context, candidates: Candidates) -> Mask:
        wanted = {
            "surfaces": request.surface,
            "regions": request.region,
            "languages": request.language,
            "devices": request.device if request.device in DEVICE_NUMBER else "",
            "age_bands": AGE_BANDS[int(context.user[AGE_CODE][0])],
            "genders": GENDERS[int(context.user[GENDER_CODE][0])],
        }
        admitted = candidates.snapshot.targets.admitted(wanted)
        whole = candidates.snapshot.everyone if admitted is None else admitted
        return whole if len(candidates) == len(whole) else np.asarray(whole[candidates.rows])
