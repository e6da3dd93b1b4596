"""Trains a network: AdamW with warm-up and cosine decay, early stopping on later rows, modalities taken away now and then.

The position's offset is added to the click's logit here and nowhere else. The same seed gives the same bits on a processor.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from pipelines.rankers.fit_bundle import Rows
from pipelines.rankers.networks.input_reading import InputReading
from pipelines.rankers.networks.parts import Parts
from pipelines.reporting.progress import advance

FEWEST_STEPS: Final = 40
"""Steps an epoch: batches get smaller where rows are few."""
ID_DROPOUT: Final = 0.1
"""Share of identities that training takes for unknown, so that an unknown one is nothing new."""


@dataclass(frozen=True)
class Plan:
    """How to train. rate: the highest of the schedule. decay: of weights. missing: share of rows that each modality is taken from."""

    epochs: int
    patience: int
    batch: int
    rate: float
    decay: float
    missing: float
    seed: int
    threads: int


Loss = Callable[[Any, "PreparedRows", Any], Any]
"""(the network's outputs, the rows, which of them) → the loss to go down."""


@dataclass(frozen=True)
class PreparedRows:
    """Rows as tensors."""

    dense: Any
    codes: Any
    history: Any
    offset: Any
    label: Any

    @classmethod
    def of(cls, reading: InputReading, rows: Rows) -> PreparedRows:
        raw = torch.from_numpy(np.ascontiguousarray(rows.raw, np.float32))
        encoded = torch.from_numpy(np.ascontiguousarray(rows.encoded, np.float32))
        with torch.no_grad():
            dense = torch.cat([reading.dense(part) for part in encoded.split(16_384)])
            codes, history = reading.codes(raw), reading.history(raw)
        label = torch.from_numpy(np.asarray(rows.label, np.float32))
        return cls(dense, codes, history, torch.from_numpy(rows.offset.astype(np.float32)), label)

    def __len__(self) -> int:
        return len(self.offset)


@contextmanager
def repeatable(seed: int, threads: int) -> Iterator[None]:
    """Within, torch draws from `seed` and adds up in one order."""
    before, strict = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(True)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        try:
            yield
        finally:
            torch.use_deterministic_algorithms(strict)
            torch.set_num_threads(before)


def click_loss(out: Any, rows: PreparedRows, at: Any) -> Any:
    """Log loss of the first output at the position that each row was seen at."""
    return F.binary_cross_entropy_with_logits(out[:, 0] + rows.offset[at], rows.label[at])


def fit(
    name: str, network: nn.Module, parts: Parts, rows: PreparedRows, later: PreparedRows | None, loss: Loss, plan: Plan, rounds: int
) -> int:
    """Trains in place and gives how many epochs it took. later: its click loss ends the training and the best weights are kept;
    without it, `rounds` epochs of the same schedule are run (0: all)."""
    batch = max(min(plan.batch, len(rows) // FEWEST_STEPS), 64)
    steps = max(len(rows) // batch, 1)
    total = steps * plan.epochs
    plain = [p for n, p in network.named_parameters() if n.endswith("bias")]
    heavy = [p for n, p in network.named_parameters() if not n.endswith("bias")]
    optimiser = torch.optim.AdamW(
        [{"params": heavy, "weight_decay": plan.decay}, {"params": plain, "weight_decay": 0.0}], lr=plan.rate, betas=(0.9, 0.99), fused=True
    )
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimiser, lambda i: min((i + 1) / (0.1 * total + 1), 0.5 + 0.5 * math.cos(math.pi * min(i / total, 1.0)) + 1e-3)
    )
    # Weights are averaged over the last half epoch or so (Polyak and Juditsky 1992): an ending in mid-schedule is then as smooth
    # as one at its end, and a second training on more rows ends where the first did.
    live, mean = list(network.parameters()), [p.detach().clone() for p in network.parameters()]
    pace = 1.0 - math.exp(-2.0 / steps)
    best, best_at, kept, done = math.inf, 0, mean, 0
    for epoch in range(1, (plan.epochs if later is not None or not rounds else rounds) + 1):
        network.train()
        order = torch.randperm(len(rows))
        for step in range(steps):
            at = order[step * batch : (step + 1) * batch]
            dense, codes, history = taken_away(parts, rows, at, plan.missing)
            optimiser.zero_grad(set_to_none=True)
            loss(network(dense, codes, history), rows, at).backward()
            nn.utils.clip_grad_norm_(network.parameters(), 5.0)
            optimiser.step()
            schedule.step()
            done += 1
            with torch.no_grad():
                torch._foreach_lerp_(mean, [p.detach() for p in live], max(pace, 1.0 / done))
        if later is None:
            advance(name, epoch, rounds or plan.epochs)
            continue
        with averaged(live, mean):
            now = watched(network, later)
        advance(name, epoch, plan.epochs, f"loss {now:.5f}")
        if now < best:
            best, best_at, kept = now, epoch, [m.clone() for m in mean]
        elif epoch - best_at >= plan.patience:
            break
    with torch.no_grad():
        torch._foreach_copy_(live, kept)
    network.eval()
    return best_at or rounds or plan.epochs


@contextmanager
def averaged(live: list[Any], mean: list[Any]) -> Iterator[None]:
    """Within, the network computes with the averaged weights."""
    now = [p.detach().clone() for p in live]
    with torch.no_grad():
        torch._foreach_copy_(live, mean)
        yield
        torch._foreach_copy_(live, now)


def taken_away(parts: Parts, rows: PreparedRows, at: Any, missing: float) -> tuple[Any, Any, Any]:
    """A batch, in which some rows lack a modality (its columns at their usual value, its identities unknown) and some
    identities are unknown (Neverova et al. 2015, ModDrop)."""
    dense, codes, history = rows.dense[at], rows.codes[at], rows.history[at]
    codes = torch.where(torch.rand(codes.shape) < ID_DROPOUT, 0, codes)
    if missing <= 0:
        return dense, codes, history
    for name, columns in parts.modalities.items():
        gone = torch.rand(len(at)) < missing
        here = torch.zeros(dense.shape[1])
        here[list(columns)] = 1.0
        dense = dense * (1.0 - gone.to(torch.float32)[:, None] * here)[:, :, None]
        for j in parts.id_modalities[name]:
            codes[:, j] = torch.where(gone, 0, codes[:, j])
        if name == "user":
            history = torch.where(gone[:, None], 0.0, history)
    return dense, codes, history


def outputs(network: nn.Module, rows: PreparedRows, batch: int = 16_384) -> Any:
    """The network's outputs for all rows, (n, outputs)."""
    network.eval()
    with torch.no_grad():
        return torch.cat(
            [network(d, c, h) for d, c, h in zip(rows.dense.split(batch), rows.codes.split(batch), rows.history.split(batch), strict=True)]
        )


def watched(network: nn.Module, later: PreparedRows) -> float:
    """Mean click loss on later rows."""
    return float(click_loss(outputs(network, later), later, torch.arange(len(later))))
