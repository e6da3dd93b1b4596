"""From a dataset to a bundle, the same for every family: positions, identities, early stopping and calibration on held-out time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Final, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from feature_repo.model_input import ModelInput
from feature_repo.services import SURFACE, inputs_at, tells_of_ad
from pipelines.datasets.dataset import Dataset
from pipelines.errors import Refused
from pipelines.rankers.calibrate import DRIFT, LEARNING, fit_calibrator, fit_surfaces
from pipelines.rankers.delay import ripeness, ripeness_offset
from pipelines.rankers.encoding import Encoded
from pipelines.rankers.hides import HIDE, learn_hides
from pipelines.rankers.kept_encoding import kept_encoded
from pipelines.rankers.position import offset_of, position_offsets
from serving.bundles import Bundle, Manifest, Tables, write_bundle
from serving.bundles.encoder import Encoding, encode, evidence

WATCHED: Final = 250
"""Positives of the calibrate split from which on its loss says when a training should end."""
FOLDS: Final = 5
"""Stretches of time into which thin data is cut for its calibrator."""
ASKED: Final = 2
"""How many of them, the last, it is fitted on; more where these hold no positive."""


@dataclass(frozen=True)
class Rows:
    """Rows to learn from. raw: (n, k) float32 with identity codes; encoded: with evidence in their place. offset: log-odds of each
    row's position, of its identities, and of its outcome having come already. rate: share of the negatives that was kept."""

    raw: NDArray[np.float32]
    encoded: NDArray[np.float32]
    label: NDArray[np.bool_]
    offset: NDArray[np.float64]
    rate: float


class Learned(Protocol):
    """What a training leaves behind. rounds: how long the best training took, in the family's own unit (trees, epochs)."""

    @property
    def rounds(self) -> int: ...

    def logits(self, raw: NDArray[np.float32], encoded: NDArray[np.float32]) -> NDArray[np.float64]:
        """Log-odds without the offset's, (n, 1)."""
        ...

    def weights(self) -> dict[str, tuple[float, bytes]]:
        """Files of the bundle, with the share of each in the score."""
        ...


class RankerFamily(Protocol):
    """A kind of model. Deterministic for a seed. needs: a module that only the training environment has; "" for none."""

    @property
    def name(self) -> str: ...
    @property
    def needs(self) -> str: ...

    def learn(self, model: ModelInput, rows: Rows, watch: Rows | None, positives: int, rounds: int = 0) -> Learned:
        """Trains on `rows`. watch: later rows whose loss ends the training early. positives: of all rows that the bundle will be made
        from: how thick the data is. rounds: how long to train where nothing is watched; 0: the family's own measure."""
        ...


class ReadsHistory:
    """A family that reads the widest input of its head; others get the first one, which the wider ones begin with."""


@runtime_checkable
class Composed(Protocol):
    """A family that is made of several models. One number of rounds does not say how long each of them trained, so such a family does its
    second training itself."""

    def again(self, model: ModelInput, rows: Rows, positives: int, first: Learned) -> Learned:
        """Trains on more rows as the first training found best; nothing is watched."""
        ...


@dataclass(frozen=True)
class Ready:
    """A dataset made ready once for every fit on it: positions and delays learned, down-sampling known. ripe: share of each row's
    outcomes that can have come."""

    dataset: Dataset
    offsets: dict[str, tuple[float, ...]]
    offset: NDArray[np.float64]
    ripe: NDArray[np.float64]
    rate: float
    categories: tuple[int, ...]

    @classmethod
    def of(cls, dataset: Dataset) -> Ready:
        early, ripe = dataset.part("train", "calibrate"), np.ones(len(dataset.rows))
        offsets = position_offsets(dataset.rows[early])
        rate = float(dataset.rows.loc[dataset.part("train"), "weight_rate"].iloc[0])
        categories = tuple(i for i, c in enumerate(dataset.input.columns) if c.kind == "category")
        ripe[early] = ripeness(dataset.rows[early])
        ready = cls(dataset, offsets, offset_of(dataset.rows, offsets), ripe, rate, categories)
        return replace(ready, offset=ready.offset + ripeness_offset(ripe, ready.base_rate))

    @property
    def weight(self) -> NDArray[np.float64]:
        """How many rows each stands for, (n,): negatives that were kept stand for the others."""
        return np.where(self.dataset.label, 1.0, 1.0 / self.dataset.rows["weight_rate"].to_numpy(float))

    @property
    def base_rate(self) -> float:
        """Share of outcomes among the rows before the test, those to come included."""
        early, weight = self.dataset.part("train", "calibrate"), self.weight
        return float(weight[early & self.dataset.label].sum() / (weight * self.ripe)[early].sum())

    def encoded(self, rows: NDArray[np.bool_]) -> Encoded:
        """Evidence learned on some rows; learned once for each choice of rows of a training set."""
        key = rows.tobytes() + len(self.dataset.input.columns).to_bytes(4, "big")
        found: Encoded | None = self.dataset.prepared.get(key)
        if found is None:
            here = np.flatnonzero(rows)
            apart = tells_of_ad(self.dataset.input)
            label, offset = self.dataset.label[here], self.offset[here]
            found = kept_encoded(self.dataset.place, self.dataset.matrix[here], self.categories, apart, label, offset)
            self.dataset.prepared[key] = found
        return found

    def rows(self, rows: NDArray[np.bool_], matrix: NDArray[np.float32], encodings: tuple[Encoding, ...]) -> Rows:
        offset = self.offset[rows] + evidence(matrix, encodings)
        return Rows(self.dataset.matrix[rows], matrix, self.dataset.label[rows], offset, self.rate)

    def learn(
        self,
        family: RankerFamily,
        rows: NDArray[np.bool_],
        watch: NDArray[np.bool_] | None,
        positives: int,
        first: Learned | None = None,
    ) -> tuple[Learned, tuple[Encoding, ...]]:
        """A training and the encodings that its rows gave. first: an earlier training on fewer rows, which says how long this lasts."""
        found = self.encoded(rows)
        if first is not None and isinstance(family, Composed):
            again = family.again(self.dataset.input, self.rows(rows, found.matrix, found.encodings), positives, first)
            return again, found.encodings
        early, later = self.rows(rows, found.matrix, found.encodings), None
        if watch is not None:
            later = self.rows(watch, encode(self.dataset.matrix[watch], found.encodings), found.encodings)
        return family.learn(self.dataset.input, early, later, positives, first.rounds if first else 0), found.encodings

    def logits(self, learned: Learned, encodings: tuple[Encoding, ...], rows: NDArray[np.integer]) -> NDArray[np.float64]:
        """(n, 1), corrected for down-sampling and with the position's."""
        raw = self.dataset.matrix[rows]
        read = encode(raw, encodings)
        out = np.array(learned.logits(raw, read), np.float64)
        out[:, 0] += np.log(self.rate) + self.offset[rows] + evidence(read, encodings)
        return out


def read_by(family: RankerFamily, dataset: Dataset) -> Dataset:
    """The dataset with the columns that a family reads."""
    return dataset if isinstance(family, ReadsHistory) else dataset.narrowed(inputs_at(dataset.head, dataset.input.version)[0].names)


def fit_bundle(
    family: RankerFamily, dataset: Dataset, folder: Path, version: str, tuned: Mapping[str, float] = MappingProxyType({})
) -> Bundle:
    """Writes the bundle to `folder`. Weights of the train split, watched on the calibrate split, say how long the final ones of both
    splits are trained, and the calibrator is fitted on what they promise of the calibrate split. Thin data has nothing to watch, and its
    calibrator learns from the last folds, each asked of weights that knew what came before. tuned: what a search found and the family
    is set to, for the manifest. Raises Refused when the rows cannot teach."""
    dataset = read_by(family, dataset)
    ready = Ready.of(dataset)
    rows, label = dataset.rows, dataset.label
    weight = ready.weight
    early, late = dataset.part("train"), dataset.part("calibrate")
    used = early | late
    positives = int(label[used].sum())
    if not label[early].any():
        raise Refused(f"{dataset.head} positives of the train split", 0, "There is nothing to learn from: take more days.")
    first, unlike = None, DRIFT
    if label[late].sum() >= WATCHED:
        first, encodings = ready.learn(family, early, late, positives)
        held = np.flatnonzero(late)
        logits = ready.logits(first, encodings, held)
    else:
        held, logits = _forward(ready, family, np.flatnonzero(used), positives)
        unlike = float(np.hypot(DRIFT, LEARNING))
    learned, encodings = ready.learn(family, used, None, positives, first)
    manifest = Manifest(
        head=dataset.head, version=version, ranker=family.name, input=dataset.input.name, columns=dataset.input.names,
        kinds=tuple(c.kind for c in dataset.input.columns), trained_from=rows["ts"][used].min().isoformat(),
        trained_to=rows["ts"][used].max().isoformat(), rows=int(used.sum()), positives=positives, negative_rate=ready.rate,
        calibrated=False, base_rate=ready.base_rate, position_offset=ready.offsets, tuned=dict(tuned),
    )  # fmt: skip
    typical = _typical(dataset, used, encodings) if any(n.endswith(".onnx") for n in learned.weights()) else None
    tables, hides = _tables(ready, held, logits, weight, unlike), learn_hides(dataset, used, ready.encoded(used).matrix, weight)
    if hides is None:
        return write_bundle(folder, manifest, learned.weights(), encodings, tables, typical)
    tables = replace(tables, heads={HIDE: hides.table})
    return write_bundle(folder, manifest, learned.weights(), encodings, tables, typical, {HIDE: hides.weights})


def _tables(ready: Ready, held: NDArray[np.int64], logits: NDArray[np.float64], weight: NDArray[np.float64], unlike: float) -> Tables:
    dataset = ready.dataset
    label, margin = dataset.label[held], logits[:, 0]
    overall = fit_calibrator(margin, label, weight[held], unlike)
    surface = dataset.matrix[held, dataset.input.names.index(SURFACE)].astype(np.int64)
    return Tables(overall, fit_surfaces(overall, margin, surface, label, weight[held]), {})


def _typical(dataset: Dataset, rows: NDArray[np.bool_], encodings: tuple[Encoding, ...]) -> NDArray[np.float32]:
    """The median of each column, and of its encoded values; an identity that nobody has seen, no earlier actions."""
    raw = np.median(dataset.matrix[rows], axis=0).astype(np.float32)
    raw[[i for i, c in enumerate(dataset.input.columns) if c.kind != "numeric"]] = 0
    return np.stack([raw, encode(raw[None, :], encodings)[0]])


def _forward(ready: Ready, family: RankerFamily, rows: NDArray[np.int64], positives: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The rows of the last ASKED folds, and their logits, each by weights that were trained on the folds before (rolling origin): on three
    fifths of the rows at least. Features that grow with history make a model err forward in time, and folds in both directions would hide
    that; weights that knew only a fifth of the rows would err otherwise than the final ones."""
    later: list[NDArray[np.int64]] = []
    logits: list[NDArray[np.float64]] = []
    folds = np.array_split(rows, FOLDS)
    told = [bool(ready.dataset.label[fold].any()) for fold in folds]
    asked = next((n for n in range(ASKED, FOLDS) if any(told[-n:])), 0)
    for here in folds[-asked:] if asked else []:
        before = np.zeros(len(ready.dataset.matrix), bool)
        before[rows[rows < here[0]]] = True
        if ready.dataset.label[before].any():
            learned, encodings = ready.learn(family, before, None, positives)
            later.append(here)
            logits.append(ready.logits(learned, encodings, here))
    if not later:
        count = int(ready.dataset.label[rows].sum())
        raise Refused(f"{ready.dataset.head} positives", count, "All fall into the latest fold: too few to calibrate on.")
    return np.concatenate(later), np.concatenate(logits)
