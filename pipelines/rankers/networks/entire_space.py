"""The loss of several heads, over all impressions (ESMM, Ma et al. 2018)."""

from __future__ import annotations

from typing import Any, Final

import torch
from torch.nn import functional as F

from pipelines.rankers.networks.fitting import Loss, PreparedRows, click_loss

ASIDE: Final = 0.2
"""Weight of a like, comment, share or hide beside the click's."""


def entire_space_loss(heads: tuple[str, ...]) -> Loss:
    """The click's loss; that of click and conversion together, as P(click) × P(conversion | click); and of the others.

    Down-sampling kept clicks and a share of the rest; what is not given the click counts its rows by what they stand for.
    """

    def loss(out: Any, rows: PreparedRows, at: Any) -> Any:
        total = click_loss(out, rows, at)
        for i, head in enumerate(heads):
            told = rows.labels.get(head)
            if i == 0 or told is None:
                continue
            if head == "conversion":
                both = F.logsigmoid(out[:, 0] + rows.offset[at]) + F.logsigmoid(out[:, i])
                neither = torch.log(-torch.expm1(torch.clamp(both, max=-1e-6)))
                total = total - (told[at] * both + (1 - told[at]) * neither).mean()
            else:
                total = total + ASIDE * F.binary_cross_entropy_with_logits(out[:, i], told[at], weight=rows.weight[at])
        return total

    return loss
