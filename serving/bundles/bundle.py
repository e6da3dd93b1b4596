"""A trained ranker on disk and in memory: manifest, UBJ weights, encoder and calibrator tables. No pickle, ever."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import numpy as np
import xgboost as xgb
from numpy.typing import NDArray

from feature_repo.model_input import ModelInput
from feature_repo.services import SURFACE
from serving.bundles.calibrator import Calibrator
from serving.bundles.encoder import Encoding, encode
from serving.bundles.manifest import FORMAT, Manifest
from serving.bundles.sealed import MANIFEST, read_manifest, verify, write_manifest_file, write_sealed
from serving.errors import BundleRefused

WEIGHTS: Final = "model.ubj"
ENCODER: Final = "encoder.json"
CALIBRATOR: Final = "calibrator.json"


class Bundle:
    """A ranker ready to score. Thread-safe: nothing in it changes after load."""

    def __init__(
        self, manifest: Manifest, booster: xgb.Booster, encodings: tuple[Encoding, ...], calibrator: Calibrator,
        by_surface: Mapping[int, Calibrator] | None = None,
    ) -> None:  # fmt: skip
        self.manifest, self.booster, self.encodings, self.calibrator = manifest, booster, encodings, calibrator
        self.by_surface = dict(by_surface or {})
        """Tables of the surfaces (by number) that have one of their own."""
        self._surface = manifest.columns.index(SURFACE) if SURFACE in manifest.columns else -1
        # Keeping a share r of the negatives adds -log(r) to the log-odds; this takes it off again.
        self._correction = float(np.log(manifest.negative_rate))

    @property
    def name(self) -> str:
        return f"{self.manifest.head}@{self.manifest.version}"

    def margin(self, matrix: NDArray[np.float32], offset: float | NDArray[np.float64] = 0.0) -> NDArray[np.float64]:
        """Uncalibrated log-odds, shape (n,), corrected for down-sampling; offset: of the position, 0 at the first."""
        raw = self.booster.inplace_predict(encode(matrix, self.encodings), predict_type="margin")
        return np.asarray(raw, np.float64) + self._correction + offset

    def predict(self, matrix: NDArray[np.float32], offset: float | NDArray[np.float64] = 0.0) -> NDArray[np.float64]:
        """Calibrated probabilities, shape (n,), for a (n, k) float32 matrix in the manifest's column order."""
        margin = self.margin(matrix, offset)
        out = self.calibrator.apply(margin)
        if self.by_surface and self._surface >= 0:
            for surface, table in self.by_surface.items():
                rows = matrix[:, self._surface] == surface
                if rows.any():
                    out[rows] = table.apply(margin[rows])
        return out

    def contributions(self, matrix: NDArray[np.float32]) -> NDArray[np.float32]:
        """Each column's share of the log-odds (TreeSHAP, Lundberg et al. 2020), shape (n, k + 1); the last is the bias."""
        data = xgb.DMatrix(encode(matrix, self.encodings))
        return np.asarray(self.booster.predict(data, pred_contribs=True), np.float32)

    def offset(self, surface: str, position: NDArray[np.integer]) -> NDArray[np.float64]:
        """Log-odds of being further down than the first position."""
        table = np.array(self.manifest.position_offset.get(surface, (0.0,)))
        return np.asarray(table[np.clip(position - 1, 0, len(table) - 1)])

    @classmethod
    def load(cls, folder: Path, expected: ModelInput | None = None, threads: int = 1) -> Bundle:
        """Reads and verifies a bundle. Raises BundleRefused naming the file or the column that does not fit."""
        manifest = _read_manifest(folder)
        verify(folder, manifest.files, WEIGHTS, ENCODER, CALIBRATOR)
        if expected is not None:
            _compare(manifest, expected)
        try:
            booster = xgb.Booster({"nthread": threads})
            booster.load_model(folder / WEIGHTS)
            encodings = tuple(
                Encoding(e["column"], np.array(e["codes"], np.int64), np.array(e["values"], np.float32), e["other"])
                for e in json.loads((folder / ENCODER).read_text())
            )
            table = json.loads((folder / CALIBRATOR).read_text())
            calibrator, by_surface = _table(table), {int(code): _table(t) for code, t in table["by_surface"].items()}
        except (xgb.core.XGBoostError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise BundleRefused("bundle", str(folder), f"It cannot be read: {error}") from None
        if booster.num_features() != len(manifest.columns):
            raise BundleRefused("bundle weights", f"{booster.num_features()} columns", f"{len(manifest.columns)} are declared.")
        if any(not 0 <= e.column < len(manifest.columns) for e in encodings):
            raise BundleRefused("bundle encoder", [e.column for e in encodings], "It names columns that the bundle does not have.")
        return cls(manifest, booster, encodings, calibrator, by_surface)


def _read_manifest(folder: Path) -> Manifest:
    raw = read_manifest(folder, format=FORMAT, dtype="float32")
    try:
        for name in ("columns", "kinds"):
            raw[name] = tuple(raw[name])
        raw["position_offset"] = {k: tuple(v) for k, v in raw["position_offset"].items()}
        manifest = Manifest(**raw)
        sound = 0 < manifest.negative_rate <= 1 and len(manifest.columns) == len(manifest.kinds) and isinstance(manifest.files, dict)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BundleRefused("bundle manifest", str(folder / MANIFEST), f"It cannot be read: {error}") from None
    if not sound:
        raise BundleRefused("bundle manifest", str(folder / MANIFEST), "Its sampling rate, columns or files make no sense; train again.")
    return manifest


def _compare(manifest: Manifest, expected: ModelInput) -> None:
    if manifest.input != expected.name:
        raise BundleRefused("bundle input", manifest.input, f"This head reads {expected.name}.")
    kinds = tuple(c.kind for c in expected.columns)
    for i, (have, want) in enumerate(zip(manifest.columns, expected.names, strict=False)):
        if have != want:
            raise BundleRefused(f"bundle column {i}", have, f"Expected {want}; train again with the present features.")
    if len(manifest.columns) != len(expected.names) or manifest.kinds != kinds:
        raise BundleRefused("bundle columns", len(manifest.columns), f"Expected {len(expected.names)}; train again.")


def _table(raw: Mapping[str, Any]) -> Calibrator:
    return Calibrator(np.array(raw["margins"]), np.array(raw["probabilities"]))


def _raw(table: Calibrator) -> dict[str, Any]:
    return {"margins": table.margins.tolist(), "probabilities": table.probabilities.tolist()}


def write_bundle(
    folder: Path, manifest: Manifest, booster: xgb.Booster, encodings: tuple[Encoding, ...], calibrator: Calibrator,
    by_surface: Mapping[int, Calibrator] | None = None,
) -> Bundle:  # fmt: skip
    """Writes a bundle by atomic rename, replacing one that is there, and reads it back verified."""
    tables: Mapping[str, Any] = {
        ENCODER: [
            {"column": e.column, "codes": e.codes.tolist(), "values": [float(v) for v in e.values], "other": e.other} for e in encodings
        ],
        CALIBRATOR: {**_raw(calibrator), "by_surface": {str(s): _raw(t) for s, t in sorted((by_surface or {}).items())}},
    }

    def write(part: Path) -> None:
        booster.save_model(part / WEIGHTS)
        for name, table in tables.items():
            (part / name).write_text(json.dumps(table))

    write_sealed(folder, asdict(manifest), write)
    return Bundle.load(folder)


def write_manifest(folder: Path, manifest: Manifest) -> None:
    write_manifest_file(folder, asdict(manifest))
