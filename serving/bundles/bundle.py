"""A trained ranker on disk and in memory: manifest, weights (UBJ or ONNX), encoder and calibrator tables. No pickle, ever.

A further head (a hide beside the click) has weights of its own, HEAD.ubj, which read what the members read.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from feature_repo.json_text import parsed
from feature_repo.services import INPUTS, OLDEST, SURFACE, inputs_of, is_retired
from serving.bundles.calibrator import Calibrator, probability
from serving.bundles.encoder import Encoding, encode, evidence
from serving.bundles.manifest import FORMAT, Manifest
from serving.bundles.model import Model
from serving.bundles.network import Network
from serving.bundles.sealed import MANIFEST, read_manifest, verify, write_manifest_file, write_sealed
from serving.bundles.trees import Trees
from serving.errors import BundleRefused

ENCODER: Final = "encoder.json"
CALIBRATOR: Final = "calibrator.json"
TYPICAL: Final = "typical.npy"
"""Of bundles with a network: see network.Network."""


@dataclass(frozen=True)
class Tables:
    """The tables of a bundle that turn the members' margins (uncalibrated log-odds) into probabilities. by_surface: tables of the surfaces
    that have one of their own, by the surface's number. heads: tables of the further heads."""

    overall: Calibrator
    by_surface: Mapping[int, Calibrator]
    heads: Mapping[str, Calibrator]


class Bundle:
    """A ranker ready to score. Thread-safe: nothing in it changes after load."""

    def __init__(
        self, manifest: Manifest, members: tuple[Model, ...], encodings: tuple[Encoding, ...], tables: Tables,
        others: Mapping[str, Model] | None = None,
    ) -> None:  # fmt: skip
        """others: the weights of the further heads, by head."""
        self.manifest, self.members, self.encodings, self.tables, self.others = manifest, members, encodings, tables, others or {}
        self._shares = np.array([share for _, share in manifest.members])
        self._surface = manifest.columns.index(SURFACE) if SURFACE in manifest.columns else -1
        # Keeping a share r of the negatives adds -log(r) to the log-odds; this takes it off again.
        self._correction = float(np.log(manifest.negative_rate))

    @property
    def name(self) -> str:
        return f"{self.manifest.head}@{self.manifest.version}"

    def encoded(self, matrix: NDArray[np.float32]) -> NDArray[np.float32]:
        """The matrix as the members read it: the evidence of each identity in its place."""
        return encode(matrix, self.encodings)

    def margin(self, matrix: NDArray[np.float32], offset: float | NDArray[np.float64] = 0.0) -> NDArray[np.float64]:
        """Uncalibrated log-odds, shape (n,), corrected for down-sampling; offset: of the position, 0 at the first."""
        encoded = self.encoded(matrix)
        logits = [member.logits(matrix, encoded)[:, 0] for member in self.members]
        mean = logits[0] if len(logits) == 1 else np.asarray(sum(share * each for share, each in zip(self._shares, logits, strict=True)))
        return mean + evidence(encoded, self.encodings) + self._correction + offset

    def predict(self, matrix: NDArray[np.float32], offset: float | NDArray[np.float64] = 0.0) -> NDArray[np.float64]:
        """Calibrated probabilities, shape (n,), for a (n, k) float32 matrix in the manifest's column order."""
        return self._calibrated(matrix, self.margin(matrix, offset))

    def further(self, head: str, matrix: NDArray[np.float32]) -> NDArray[np.float64] | None:
        """Calibrated probabilities of a further head, shape (n,), given an impression; None where the bundle has not learned it. Raises
        BundleRefused for scores that are not finite."""
        if head not in self.others:
            return None
        p = self.tables.heads[head].apply(self.others[head].logits(matrix, self.encoded(matrix))[:, 0])
        if not np.isfinite(p).all():
            raise BundleRefused(f"{head} scores of bundle", self.name, "They are not finite; train again.")
        return p

    def _calibrated(self, matrix: NDArray[np.float32], margin: NDArray[np.float64]) -> NDArray[np.float64]:
        if self._surface < 0 or not self.tables.by_surface:
            return self.tables.overall.apply(margin)
        of = matrix[:, self._surface].copy()
        if len(of) and (of == of[0]).all():  # of one request: all are of its surface
            return self.tables.by_surface.get(of[0].item(), self.tables.overall).apply(margin)
        log_odds, known = np.empty_like(margin), 0
        for surface, table in self.tables.by_surface.items():
            rows = np.flatnonzero(of == surface)
            log_odds[rows], known = table.calibrated(margin.take(rows)), known + len(rows)
        if known < len(margin):
            other = ~np.isin(of, list(self.tables.by_surface))
            log_odds[other] = self.tables.overall.calibrated(margin[other])
        return probability(log_odds)

    def contributions(self, matrix: NDArray[np.float32]) -> NDArray[np.float64]:
        """Each column's share of the margin, shape (n, k + 1); the last is what no column explains. Rows add up to the margin."""
        encoded = self.encoded(matrix)
        out = np.zeros((len(matrix), matrix.shape[1] + 1))
        for share, member in zip(self._shares, self.members, strict=True):
            out += share * member.contributions(matrix, encoded)
        columns = [encoding.column for encoding in self.encodings]
        out[:, columns] += np.diff(encoded[:, columns].astype(np.float64), axis=1, prepend=0.0)
        out[:, -1] += self._correction
        return out

    def offset(self, surface: str, position: NDArray[np.integer]) -> NDArray[np.float64]:
        """Log-odds of being further down than the first position."""
        table = np.array(self.manifest.position_offset.get(surface, (0.0,)))
        return np.asarray(table[np.clip(position - 1, 0, len(table) - 1)])

    @classmethod
    def inspect(cls, folder: Path, head: str = "") -> Manifest:
        """The manifest of a bundle, after the files have been compared with the hashes in it. The files are not parsed yet, so this is safe
        on files that would crash a library. Raises BundleRefused as `load` does."""
        manifest = _read_manifest(folder)
        names = [*(name for name, _ in manifest.members), *map(_weights_of, manifest.heads[1:])]
        verify(folder, manifest.files, *names, ENCODER, CALIBRATOR, *([TYPICAL] if _has_networks(manifest) else []))
        if head:
            _compare(manifest, head)
        return manifest

    @classmethod
    def load(cls, folder: Path, head: str = "", threads: int = 1) -> Bundle:
        """Reads and verifies a bundle. head: what it must predict, from an input that is known now; not checked when empty.
        Raises BundleRefused naming the file or the column that does not fit."""
        manifest = cls.inspect(folder, head)
        try:
            encodings, tables, typical = _read_encodings(folder), _read_tables(folder), _read_typical(folder, manifest)
        except (ValueError, KeyError, TypeError, AttributeError, EOFError) as error:
            raise BundleRefused("bundle", str(folder), f"It cannot be read: {error}") from None
        members = _read_members(folder, manifest, typical, threads)
        others = {name: Trees.load(folder / _weights_of(name), len(manifest.columns), threads) for name in manifest.heads[1:]}
        _fit_together(manifest, encodings, tables)
        return cls(manifest, members, encodings, tables, others)


def _weights_of(head: str) -> str:
    """The file of a further head."""
    return f"{head}.ubj"


def _has_networks(manifest: Manifest) -> bool:
    return any(name.endswith(".onnx") for name, _ in manifest.members)


def _read_encodings(folder: Path) -> tuple[Encoding, ...]:
    return tuple(
        Encoding(e["column"], np.array(e["codes"], np.int64), np.array(e["values"], np.float32), e["other"])
        for e in parsed((folder / ENCODER).read_text())
    )


def _read_tables(folder: Path) -> Tables:
    raw = parsed((folder / CALIBRATOR).read_text())
    by_surface = {int(code): _table(t) for code, t in raw["by_surface"].items()}
    return Tables(_table(raw), by_surface, {name: _table(t) for name, t in raw["heads"].items()})


def _read_typical(folder: Path, manifest: Manifest) -> NDArray[np.float32]:
    """See network.Network, (2, k); (2, 0) where no member is a network."""
    return np.load(folder / TYPICAL, allow_pickle=False) if _has_networks(manifest) else np.zeros((2, 0), np.float32)


def _read_members(folder: Path, manifest: Manifest, typical: NDArray[np.float32], threads: int) -> tuple[Model, ...]:
    """The members' weights. Raises BundleRefused where `typical` is not what networks need."""
    columns = len(manifest.columns)
    if _has_networks(manifest) and (typical.shape != (2, columns) or typical.dtype != np.float32 or not np.isfinite(typical).all()):
        raise BundleRefused(f"bundle file {TYPICAL}", f"{typical.dtype} {typical.shape}", f"Finite float32 (2, {columns}) is needed.")
    return tuple(
        Network.load(folder / name, typical, threads) if name.endswith(".onnx") else Trees.load(folder / name, columns, threads)
        for name, _ in manifest.members
    )


def _fit_together(manifest: Manifest, encodings: Sequence[Encoding], tables: Tables) -> None:
    """Raises BundleRefused where the encoder reads other columns than the identities, or a head lacks a table."""
    identities = [i for i, kind in enumerate(manifest.kinds) if kind == "category"]
    if [e.column for e in encodings] != identities:
        raise BundleRefused("bundle encoder", [e.column for e in encodings], f"Its identities are the columns {identities}.")
    if not set(manifest.heads[1:]) <= set(tables.heads):
        raise BundleRefused("bundle heads", ", ".join(manifest.heads), "Its calibrator does not have them all.")


def _read_manifest(folder: Path) -> Manifest:
    raw = read_manifest(folder, format=FORMAT, dtype="float32")
    try:
        for name in ("columns", "kinds", "heads"):
            raw[name] = tuple(raw[name])
        raw["position_offset"] = {k: tuple(v) for k, v in raw["position_offset"].items()}
        raw["members"] = tuple((str(name), float(share)) for name, share in raw["members"])
        manifest = Manifest(**raw)
        sound = 0 < manifest.negative_rate <= 1 and len(manifest.columns) == len(manifest.kinds) and isinstance(manifest.files, dict)
        sound &= len(manifest.members) > 0 and abs(sum(share for _, share in manifest.members) - 1) < 1e-6
        sound &= all(share > 0 and Path(n).name == n and Path(n).suffix in (".ubj", ".onnx") for n, share in manifest.members)
        sound &= manifest.heads[:1] == (manifest.head,) and all(name.isidentifier() for name in manifest.heads)
        weights = [*(name for name, _ in manifest.members), *map(_weights_of, manifest.heads[1:])]
        sound &= len(set(weights)) == len(weights)
        sound &= all(np.isfinite(np.array(v, np.float64)).all() and len(v) > 0 for v in manifest.position_offset.values())
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BundleRefused("bundle manifest", str(folder / MANIFEST), f"It cannot be read: {error}") from None
    if not sound:
        raise BundleRefused("bundle manifest", str(folder / MANIFEST), "Its sampling rate, columns, members or files make no sense.")
    return manifest


def _compare(manifest: Manifest, head: str) -> None:
    """Refuses a bundle of another head, of a version that does not serve any more, or one that reads other columns than its input has."""
    if manifest.head != head:
        raise BundleRefused("bundle head", manifest.head, f"{head} is needed.")
    known = inputs_of(head)
    if manifest.input not in known:
        fix = f"Version {OLDEST} is the oldest that still serves: train and promote again." if is_retired(manifest.input) else ""
        raise BundleRefused("bundle input", manifest.input, fix or f"This head reads {', '.join(known)}.")
    expected = INPUTS[manifest.input]
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
    folder: Path, manifest: Manifest, members: Mapping[str, tuple[float, bytes]], encodings: tuple[Encoding, ...], tables: Tables,
    typical: NDArray[np.float32] | None = None, others: Mapping[str, bytes] | None = None,
) -> Bundle:  # fmt: skip
    """Writes a bundle by atomic rename, replacing one that is there, and reads it back verified.

    members: weights by file name, with the share of each. typical: see network.Network; needed where a member is a network. others: weights
    (UBJ) of the further heads, by head, each with a table of `tables.heads`.
    """
    others = others or {}
    written: Mapping[str, Any] = {
        ENCODER: [
            {"column": e.column, "codes": e.codes.tolist(), "values": [float(v) for v in e.values], "other": e.other} for e in encodings
        ],
        CALIBRATOR: {
            **_raw(tables.overall), "by_surface": {str(s): _raw(t) for s, t in sorted(tables.by_surface.items())},
            "heads": {name: _raw(t) for name, t in sorted(tables.heads.items())},
        },
    }  # fmt: skip

    def write(part: Path) -> None:
        for name, (_, weights) in members.items():
            (part / name).write_bytes(weights)
        for head, weights in others.items():
            (part / _weights_of(head)).write_bytes(weights)
        for name, table in written.items():
            (part / name).write_text(json.dumps(table))
        if typical is not None:
            np.save(part / TYPICAL, np.ascontiguousarray(typical, np.float32), allow_pickle=False)

    shares = tuple((name, share) for name, (share, _) in members.items())
    said = replace(manifest, members=shares, heads=(manifest.head, *others))
    write_sealed(folder, asdict(said), write)
    return Bundle.load(folder)


def write_manifest(folder: Path, manifest: Manifest) -> None:
    write_manifest_file(folder, asdict(manifest))
