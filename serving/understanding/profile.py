"""Who asks: features from the online store, defaults where consent or knowledge is missing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from feature_repo.request_time import context_columns, user_columns
from feature_repo.tables import USER_TABLES
from serving.engine.live import Live
from serving.engine.stages import Context, Profiles
from serving.record.request import AdRequest


class Profile:
    """Reads the asker's row once; without consent the asker is unknown, and nothing is read."""

    def __init__(self, profiles: Profiles) -> None:
        self._profiles = profiles
        self._defaults = {f.name: f.filled(1) for t in USER_TABLES for f in t.features}

    def understand(self, request: AdRequest, context: Context, live: Live) -> Context:
        flags: tuple[str, ...] = ()
        user = self._defaults
        if not request.consent:
            flags = ("no_consent",)
        elif not request.user_id:
            flags = ("user_absent",)
        else:
            try:
                row = self._profiles.read(request.user_id, request.ts)
                user, flags = row.columns, row.flags
            except Exception as error:  # whatever the store raises, an answer without a profile beats none
                flags = (f"profile_unreachable:{type(error).__name__}",)
        moment = context_columns(
            np.array([request.ts.replace(tzinfo=None)], "datetime64[us]"), _one(request.surface), _one(request.device),
            _one(request.os), _one(request.region), _one(request.language),
        )  # fmt: skip
        return replace(context, user=user_columns(user), moment=moment, known=not flags, flags=(*context.flags, *flags))


def _one(value: str) -> np.ndarray:
    return np.array([value], dtype=object)
