"""DCN-V2 (Wang et al. 2021) of torch-rechub, by its own trainer: embeddings of 16, three cross layers beside 256-128, Adam;
columns by their ranks, from 0 to 1."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from pipelines.bench.rankers.peers.peer import Given

BATCH: Final = 2048
WEIGHTS: Final = "model.pth"
"""As its trainer names the file."""


class Batches:
    """Rows in batches as its trainer takes them; whole tensors are cut, which its row-by-row loader would take minutes for."""

    def __init__(self, given: Given, scaler: Any, seed: int | None) -> None:
        import torch

        numbers = scaler.transform(np.hstack([given.numbers, given.position[:, None]])).astype(np.float32)
        self._numbers, self._ids = torch.from_numpy(numbers), torch.from_numpy(given.identities + 1)
        self._label = torch.from_numpy(given.label.astype(np.float32))
        self._rng = None if seed is None else np.random.default_rng(seed)

    def __len__(self) -> int:
        return -(-len(self._label) // BATCH)

    def __iter__(self) -> Iterator[tuple[dict[str, Any], Any]]:
        import torch

        n = len(self._label)
        order = torch.from_numpy(np.arange(n) if self._rng is None else self._rng.permutation(n))
        for i in order.split(BATCH):
            yield {"numbers": self._numbers[i], **{f"id{c}": self._ids[i, c] for c in range(self._ids.shape[1])}}, self._label[i]


@dataclass(frozen=True)
class Trained:
    model: Any
    scaler: Any
    size: int

    def logits(self, given: Given, threads: int) -> NDArray[np.float64]:
        import torch

        before = torch.get_num_threads()
        torch.set_num_threads(threads)
        try:
            self.model.eval()
            with torch.no_grad():
                p = np.concatenate([self.model(x).numpy() for x, _ in Batches(given, self.scaler, None)])
        finally:
            torch.set_num_threads(before)
        p = np.clip(p.astype(np.float64), 1e-30, 1 - 1e-7)
        return np.asarray(np.log(p / (1 - p)))


@dataclass(frozen=True)
class DcnV2Peer:
    name: str = "peer_dcn_v2"
    title: str = "DCN-V2 (torch-rechub)"
    needs: str = "torch_rechub"
    epochs: int = 8
    seed: int = 7
    threads: int = 2

    def fit(self, early: Given, late: Given, both: Given) -> Trained:
        """Epochs end when the AUC of `late` falls; then as many on both."""
        from sklearn.preprocessing import QuantileTransformer

        scaler = QuantileTransformer(n_quantiles=1000, subsample=100_000, random_state=self.seed)
        scaler.fit(np.hstack([both.numbers, both.position[:, None]]))
        words = both.identities.max(axis=0) + 2
        best = self._train(early, late, scaler, words, self.epochs)[1]
        model, _, size = self._train(both, None, scaler, words, best)
        return Trained(model, scaler, size)

    def _train(self, rows: Given, watch: Given | None, scaler: Any, words: NDArray[np.int64], epochs: int) -> tuple[Any, int, int]:
        """The model, the epoch that was best, and its file's size."""
        import torch
        from torch_rechub.basic.features import DenseFeature, SparseFeature
        from torch_rechub.models.ranking import DCNv2
        from torch_rechub.trainers import CTRTrainer

        torch.manual_seed(self.seed)
        torch.set_num_threads(self.threads)
        features = [DenseFeature("numbers", embed_dim=rows.numbers.shape[1] + 1)]
        features += [SparseFeature(f"id{c}", vocab_size=int(n), embed_dim=16) for c, n in enumerate(words)]
        tower = {"dims": [256, 128], "dropout": 0.2, "activation": "relu"}
        model = DCNv2(features, n_cross_layers=3, mlp_params=tower, use_low_rank_mixture=False)
        seen: list[float] = []
        with tempfile.TemporaryDirectory() as place, redirect_stdout(StringIO()), redirect_stderr(StringIO()):
            trainer = CTRTrainer(model, n_epoch=epochs, earlystop_patience=1, model_path=place)
            if watch is not None:
                trainer.evaluate_fn = _remembering(trainer.evaluate_fn, seen)
            trainer.fit(Batches(rows, scaler, self.seed), None if watch is None else Batches(watch, scaler, None))
            size = (Path(place) / WEIGHTS).stat().st_size
        return model, int(np.argmax(seen)) + 1 if seen else epochs, size


def _remembering(judge: Callable[[Any, Any], float], seen: list[float]) -> Callable[[Any, Any], float]:
    """The same judge, which leaves what it says in `seen`: the trainer tells of no epoch afterwards."""

    def judged(label: Any, p: Any) -> float:
        seen.append(float(judge(label, p)))
        return seen[-1]

    return judged
