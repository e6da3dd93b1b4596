"""Two towers (Yi et al. 2019): a user's and an ad's tokens each to a vector, trained so that the product tells which ad was clicked.

In-batch sampled softmax, corrected by the log of how often an ad is drawn: without it what is popular would be pushed away. A user is
read as of the click. Tokens are left out at random, so that a new ad, of which only words and category are known, has a place.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from feature_repo.tables.user_embedding import WIDTH
from pipelines.features.embeddings.past import BUCKETS, Past
from pipelines.reporting.progress import advance

CHUNK: Final = 8192
HELD: Final = 10
"""The latest one click in this many is held out and says after how many epochs to stop."""
LEAST_HELD: Final = 200


@dataclass(frozen=True)
class _Clicks:
    """What the towers read of each click, as tensors of one row a click. often: log of the ad's share of all clicks."""

    about: Any
    history: Any
    names: Any
    words: Any
    often: Any
    ad: Any

    @classmethod
    def of(cls, past: Past) -> _Clicks:
        from torch import from_numpy

        user, ad = past.clicks["user"].to_numpy(np.int64), past.clicks["ad"].to_numpy(np.int64)
        history = past.history(user, past.clicks["ts"].to_numpy("datetime64[us]"))
        often = np.log(np.bincount(ad, minlength=len(past.creatives))[ad] / len(ad)).astype(np.float32)
        columns = (past.about()[user], history, past.identities()[ad], past.words()[ad], often, ad)
        return cls(*map(from_numpy, columns))

    def loss(self, towers: tuple[Any, Any], rows: Any, scale: float) -> Any:
        """Of a batch: each user's ad among all the batch's ads, by cross-entropy."""
        import torch
        from torch.nn.functional import cross_entropy

        of_user, of_ad = towers[0](self.about[rows], self.history[rows]), towers[1](self.names[rows], self.words[rows])
        logits = scale * of_user @ of_ad.T - self.often[rows]
        same = (self.ad[rows][:, None] == self.ad[rows][None, :]) & ~torch.eye(len(rows), dtype=torch.bool)
        return cross_entropy(logits.masked_fill(same, -1e9), torch.arange(len(rows)))

    def held_loss(self, towers: tuple[Any, Any], rows: NDArray[np.int64], scale: float, batch: int) -> float:
        """Mean loss of rows that teach nothing; nothing is left out."""
        import torch

        for tower in towers:
            tower.eval()
        with torch.no_grad():
            parts = np.array_split(rows, max(len(rows) // batch, 1))
            losses = [self.loss(towers, torch.from_numpy(part), scale).item() for part in parts]
        for tower in towers:
            tower.train()
        return float(np.average(losses, weights=[len(p) for p in parts]))


@dataclass(frozen=True)
class TwoTower:
    """epochs over the clicks, at most; patience: of them without a better loss on the latest clicks that end it; scale: of the product
    of two unit vectors, as log-odds."""

    epochs: int = 12
    patience: int = 2
    batch: int = 512
    rate: float = 3e-3
    decay: float = 1e-3
    hidden: int = 64
    missing: float = 0.2
    scale: float = 8.0
    seed: int = 7

    def vectors(self, past: Past) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """(users, WIDTH) and (creatives, WIDTH); nothing but zeros where nobody has clicked."""
        users, ads = len(past.users), len(past.creatives)
        if not len(past.clicks):
            return np.zeros((users, WIDTH), np.float32), np.zeros((ads, WIDTH), np.float32)
        import torch

        before = torch.get_num_threads()
        torch.set_num_threads(1)  # sums are then the same bits
        try:
            user_tower, ad_tower = self._train(past)
            with torch.no_grad():
                about, every = torch.from_numpy(past.about()), np.arange(users)
                parts = [user_tower(about[i], torch.from_numpy(past.history(i, None))) for i in np.array_split(every, users // CHUNK + 1)]
                of_ads = ad_tower(torch.from_numpy(past.identities()), torch.from_numpy(past.words()))
                return (torch.cat(parts) * self.scale).numpy().astype(np.float32), of_ads.numpy().astype(np.float32)
        finally:
            torch.set_num_threads(before)

    def _train(self, past: Past) -> tuple[Any, Any]:
        """Early stopping, as rankers do it: the latest clicks say after how many epochs, then all clicks teach for so many."""
        clicks, order, epochs = _Clicks.of(past), np.argsort(past.clicks["ts"].to_numpy(), kind="stable"), self.epochs
        cut = len(order) - len(order) // HELD
        if len(order) - cut >= LEAST_HELD:
            _, epochs = self._fit(clicks, order[:cut], self.epochs, order[cut:])
        (user_tower, ad_tower), _ = self._fit(clicks, order, epochs)
        return user_tower.eval(), ad_tower.eval()

    def _fit(
        self, clicks: _Clicks, rows: NDArray[np.int64], epochs: int, later: NDArray[np.int64] | None = None
    ) -> tuple[tuple[Any, Any], int]:
        """Users' and ads' tower taught by some clicks, and the epochs that were best for later ones."""
        import torch

        from pipelines.features.embeddings.tower import Tower

        torch.manual_seed(self.seed)
        table = torch.nn.Embedding(BUCKETS, WIDTH, padding_idx=0)
        torch.nn.init.normal_(table.weight, std=0.1)
        towers = Tower(table, self.hidden, self.missing), Tower(table, self.hidden, self.missing)
        order = torch.from_numpy(np.sort(rows))
        parameters = {id(p): p for tower in towers for p in tower.parameters()}
        optimiser = torch.optim.AdamW(list(parameters.values()), lr=self.rate, weight_decay=self.decay)
        steps = max(len(rows) // self.batch, 1)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, self.rate, total_steps=epochs * steps)
        best, least = epochs, np.inf
        for epoch in range(1, epochs + 1):
            drawn = order[torch.randperm(len(order))]
            for at in range(steps):
                loss = clicks.loss(towers, drawn[at * self.batch : (at + 1) * self.batch], self.scale)
                optimiser.zero_grad()
                loss.backward()
                optimiser.step()
                schedule.step()
            advance("two towers" if later is None else "two towers, watched", epoch, epochs, f"loss {loss.item():.3f}")
            if later is not None:
                now = clicks.held_loss(towers, later, self.scale, self.batch)
                best, least = (epoch, now) if now < least else (best, least)
                if epoch - best >= self.patience:
                    break
        return towers, best
