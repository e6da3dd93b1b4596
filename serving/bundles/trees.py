"""Gradient-boosted trees as XGBoost wrote them (UBJ). XGBoost costs seconds to import: only what reads or scores a forest does."""

from __future__ import annotations

import ctypes
import json
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from serving.errors import BundleRefused

if TYPE_CHECKING:  # importing XGBoost takes seconds, and whoever only looks at a bundle's files needs none
    import xgboost as xgb

_MARGIN: Final = json.dumps(
    {"type": 1, "training": False, "iteration_begin": 0, "iteration_end": 0, "missing": float("nan"), "strict_shape": False, "cache_id": 0}
).encode()


class Trees:
    """A booster over the encoded columns. Raises BundleRefused when its columns are not `columns` many, or it is no forest."""

    def __init__(self, booster: xgb.Booster, columns: int) -> None:
        if booster.num_features() != columns:
            raise BundleRefused("bundle weights", f"{booster.num_features()} columns", f"{columns} are declared; train again.")
        settings = json.loads(booster.save_config())["learner"]
        if (kind := settings["gradient_booster"]["name"]) != "gbtree":
            raise BundleRefused("bundle weights", kind, "Only a booster of kind gbtree is scored; train again.")
        self.booster = self._scored = booster
        self._read: NDArray[np.intp] | None = None
        if 0 < 2 * len(booster.get_score()) < columns:
            self._scored, self._read = _narrowed(booster, settings["generic_param"]["nthread"])

    @classmethod
    def load(cls, path: Path, columns: int, threads: int) -> Trees:
        """Reads weights. Raises BundleRefused when XGBoost cannot."""
        import xgboost as xgb

        booster = xgb.Booster({"nthread": threads})
        try:
            booster.load_model(path)
        except xgb.core.XGBoostError as error:
            raise BundleRefused("bundle weights", path.name, f"They cannot be read: {error}") from None
        return cls(booster, columns)

    def logits(self, raw: NDArray[np.float32], encoded: NDArray[np.float32]) -> NDArray[np.float64]:
        return margins(self._scored, encoded if self._read is None else encoded.take(self._read, axis=1))[:, None]

    def contributions(self, raw: NDArray[np.float32], encoded: NDArray[np.float32]) -> NDArray[np.float64]:
        """TreeSHAP (Lundberg et al. 2020)."""
        import xgboost as xgb

        return np.asarray(self.booster.predict(xgb.DMatrix(encoded), pred_contribs=True), np.float64)


def _narrowed(booster: xgb.Booster, threads: str) -> tuple[xgb.Booster, NDArray[np.intp]]:
    """The trees rewritten to read a narrower matrix, and the columns of that matrix. XGBoost copies every column of every row before it
    looks at a tree: where a forest asks for few columns, leaving out the others saves more than selecting them costs."""
    import xgboost as xgb

    raw = json.loads(booster.save_raw("json"))
    learner = raw["learner"]
    trees = learner["gradient_booster"]["model"]["trees"]
    splits = [np.array(tree["left_children"]) >= 0 for tree in trees]
    asked = [np.array(tree["split_indices"], np.intp) for tree in trees]
    read = np.unique(np.concatenate([column[split] for column, split in zip(asked, splits, strict=True)]))
    for tree, column, split in zip(trees, asked, splits, strict=True):
        tree["split_indices"] = np.where(split, np.searchsorted(read, column), column).tolist()
        tree["tree_param"]["num_feature"] = str(len(read))
    learner["learner_model_param"]["num_feature"] = str(len(read))
    learner["feature_names"] = learner["feature_types"] = []
    narrow = xgb.Booster({"nthread": threads})
    narrow.load_model(bytearray(json.dumps(raw).encode()))
    return narrow, read


def margins(booster: xgb.Booster, rows: NDArray[np.float32]) -> NDArray[np.float64]:
    """(n,) log-odds of (n, columns) rows; NaN is missing.

    `Booster.inplace_predict(rows, predict_type="margin")` by the C call underneath, `XGBoosterPredictFromDense`, without the Python
    around it (DECISIONS 56). Raises ValueError when the rows are not float32 of the booster's width.
    """
    if rows.ndim != 2 or rows.dtype != np.float32 or rows.shape[1] != booster.num_features():
        raise ValueError(f"rows are {rows.dtype} {rows.shape}; the booster reads float32 (n, {booster.num_features()}).")
    if not len(rows):
        return np.empty(0)
    rows = np.ascontiguousarray(rows)
    array = b'{"data":[%d,true],"shape":[%d,%d],"typestr":"<f4","version":3}' % (rows.__array_interface__["data"][0], *rows.shape)
    try:
        call: _Call = _thread.call
    except AttributeError:  # the thread's first
        call = _thread.call = _Call()
    call.predict(booster.handle, array)
    if (size := call.shape[0]) != len(rows):
        raise ValueError(f"{size} predictions for {len(rows)} rows.")
    return np.ctypeslib.as_array(call.margins, (size,)).astype(np.float64)  # a copy: the next call overwrites these


class _Call:
    """XGBoost's C call, and what each thread passes to it beside the rows and the booster. proxy: XGBoost's stand-in for a matrix, which
    points at rows where they lie in memory. A call that is given no proxy makes one, and reads the number of processors from the system
    each time."""

    def __init__(self) -> None:
        from xgboost.core import _LIB, _check_call, _ProxyDMatrix

        self._predict, self._check = _LIB.XGBoosterPredictFromDense, _check_call
        self.proxy = _ProxyDMatrix()
        self.shape, self.margins, dims = ctypes.POINTER(ctypes.c_uint64)(), ctypes.POINTER(ctypes.c_float)(), ctypes.c_uint64()
        self.arguments = (self.proxy.handle, ctypes.byref(self.shape), ctypes.byref(dims), ctypes.byref(self.margins))

    def predict(self, handle: ctypes.c_void_p, array: bytes) -> None:
        """Leaves the number of predictions in `shape` and where they stand in `margins`."""
        if failed := self._predict(handle, array, _MARGIN, *self.arguments):
            self._check(failed)


_thread = threading.local()
