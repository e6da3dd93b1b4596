"""The loss of several models and of what is made of them."""

from __future__ import annotations

from typing import Any, Final

from torch.nn import functional as F

from pipelines.rankers.networks.fitting import PreparedRows, click_loss

HELD: Final = 5
"""One row in this many teaches the meta-model alone. It must learn from answers to rows that the other models have not been trained on."""


def stacked_loss(out: Any, rows: PreparedRows, at: Any) -> Any:
    """Each model's own click loss on most rows; the fused one's on the others (stacking, Wolpert 1992)."""
    held = (at % HELD == 0).float()
    told, offset = rows.label[at], rows.offset[at]
    each = F.binary_cross_entropy_with_logits(
        out[:, 1:] + offset[:, None], told[:, None].expand(-1, out.shape[1] - 1), weight=(1 - held)[:, None], reduction="sum"
    )
    fused = F.binary_cross_entropy_with_logits(out[:, 0] + offset, told, weight=held, reduction="sum")
    return (each + fused) / len(at)


def separate_loss(out: Any, rows: PreparedRows, at: Any) -> Any:
    """Each model's own click loss on all rows, where nothing that is made of them learns."""
    return sum(click_loss(out[:, i : i + 1], rows, at) for i in range(1, out.shape[1]))
