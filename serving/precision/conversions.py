"""Probabilities of a conversion given a click, for the candidates that are paid by the conversion."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from feature_repo.model_input import ModelInput
from feature_repo.services import INPUTS
from serving.auction.auction import CPA
from serving.bundles import Bundle
from serving.engine.candidates import Candidates
from serving.engine.stages import Context
from serving.errors import Busy, ConversionFailed, Late
from serving.precision.model_matrix import matrix_of


def acting(candidates: Candidates) -> NDArray[np.bool_]:
    """Which are paid by the conversion, (n,)."""
    return np.asarray(candidates.of_campaigns("campaign.objective") == CPA)


def conversions(
    context: Context, candidates: Candidates, tier: str, bundle: Bundle | None, model: ModelInput, matrix: NDArray[np.float32]
) -> NDArray[np.float64]:
    """(n,), nan where nobody pays for a conversion or there is no bundle. model, matrix: an input that is made already.

    Raises Late, Busy, and ConversionFailed for whatever else the bundle raises, scores that are not finite among it.
    """
    out, paid = np.full(len(candidates), np.nan), acting(candidates)
    if bundle is not None and paid.any():
        own = INPUTS[bundle.manifest.input]
        rows = matrix_of(own, model, matrix, context, candidates)[paid]
        try:
            out[paid] = context.allowance.score(tier, bundle, rows)
        except (Late, Busy):
            raise
        except Exception as error:  # the record must tell whose fault it is: a guard acts on it
            raise ConversionFailed("conversion bundle", bundle.name, str(error)) from error
    return out
