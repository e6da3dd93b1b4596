"""An open snapshot: read-only columns, memory-mapped, shared by every worker through the page cache."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from feature_repo.request_time import PAIR_READS
from feature_repo.services import INPUTS
from feature_repo.tables import AD_TABLES, QUERY_TABLES
from feature_repo.text import hash_words, query_key
from serving.errors import ServingError, SnapshotMissing
from serving.language.text_encoder import Encoder
from serving.snapshot.columns import TARGETED, columns
from serving.snapshot.keyword_index import KeywordIndex
from serving.snapshot.manifest import (
    SnapshotManifest,
    ad_inputs,
    current_version,
    mapped_columns,
    matrix_name,
    read_manifest,
    write_columns,
)
from serving.snapshot.meaning_index import MeaningIndex
from serving.snapshot.recall_index import ORDER, RecallIndex
from serving.snapshot.target_index import TargetIndex

VECTORS = {f.name for t in AD_TABLES for f in t.features if f.dtype == "vector"}
PAIR_INPUTS = {
    **{name: f"ad.{name}" for name in PAIR_READS if name not in VECTORS},
    **{name: f"vector.{name}" for name in PAIR_READS if name in VECTORS},
}


NAMED = 20
"""Most placements that an error lists."""


@dataclass(frozen=True)
class Placement:
    """slots: most ads it shows; floor_micros: least eCPM, micros per thousand impressions."""

    placement_id: str
    surface: str
    slots: int
    floor_micros: int


ABSENT: Final = {f.name: f.filled(1)[0] for t in AD_TABLES for f in t.features if f.name in PAIR_READS}
"""What stands for a feature that came after a snapshot was published: no input of the snapshot holds what is made of it."""


class PairInputs(dict[str, np.ndarray]):
    """The columns of PAIR_INPUTS at some rows of a snapshot, each gathered when it is first read."""

    def __init__(self, arrays: Mapping[str, np.ndarray], rows: NDArray[np.int64]) -> None:
        super().__init__()
        self._arrays, self._rows = arrays, rows

    def __missing__(self, name: str) -> np.ndarray:
        column = self._arrays.get(PAIR_INPUTS[name])
        found = self[name] = ABSENT[name][None] if column is None else column.take(self._rows, axis=0)
        return found


class Snapshot:
    """Columns by name; rows 0..n-1 are live creatives."""

    def __init__(self, manifest: SnapshotManifest, arrays: Mapping[str, np.ndarray]) -> None:
        self.manifest, self.arrays, self.recall_index = manifest, arrays, RecallIndex.of(arrays)
        self.keywords = KeywordIndex.of(arrays)
        self.meaning = MeaningIndex.of(arrays)
        self.targets = TargetIndex(arrays, TARGETED)

    @property
    def version(self) -> str:
        return self.manifest.version

    @property
    def as_of(self) -> datetime:
        return self.manifest.as_of

    def __len__(self) -> int:
        return self.manifest.ads

    def __getitem__(self, name: str) -> np.ndarray:
        return self.arrays[name]

    def text(self, column: str, row: int) -> str:
        """A string cell, e.g. text("id.creative_id", row)."""
        return bytes(self.arrays[column][row]).decode()

    def pair_inputs(self, rows: NDArray[np.int64]) -> PairInputs:
        """The ad columns that request_time.pair_columns reads, at some rows."""
        return PairInputs(self.arrays, rows)

    def query_features(self, text: str) -> dict[str, np.ndarray]:
        """The features of QUERY_TABLES of what was searched for, shape (1,) each; defaults for what nothing is known of."""
        keys, wanted = self.arrays["query.key"], hash_words([query_key(text)])[0]
        at = int(np.searchsorted(keys, wanted))
        known = at < len(keys) and keys[at] == wanted
        return {
            f.name: np.asarray(self.arrays[f"query.{f.name}"][at : at + 1]) if known and f"query.{f.name}" in self.arrays else f.filled(1)
            for t in QUERY_TABLES
            for f in t.features
        }

    @cached_property
    def placements(self) -> dict[str, Placement]:
        if "placement.id" not in self.arrays:
            return {}
        ids, surfaces = self["placement.id"], self["placement.surface"]
        slots, floors = self["placement.slots"], self["placement.floor_micros"]
        found = (
            Placement(bytes(i).decode(), bytes(s).decode(), int(n), int(f)) for i, s, n, f in zip(ids, surfaces, slots, floors, strict=True)
        )
        return {p.placement_id: p for p in found}

    def placement(self, surface: str, placement_id: str) -> Placement | None:
        """The placement of this id. Without an id, the surface's default: the one named `<surface>-main`, else the one of the highest
        floor; None for a surface without placements. Raises ServingError for an id that is not one of the surface's."""
        own = self._placements_of.get(surface, {})
        if placement_id:
            found = own.get(placement_id)
            if found is None:
                known = ", ".join(sorted(own)[:NAMED]) or "none; leave it out"
                raise ServingError("placement_id", placement_id, f"Placements of {surface}: {known}.")
            return found
        strictest = sorted(own.values(), key=lambda p: (-p.floor_micros, p.slots, p.placement_id))
        return own.get(f"{surface}-main") or (strictest[0] if strictest else None)

    @cached_property
    def _placements_of(self) -> dict[str, dict[str, Placement]]:
        """Placements by surface and id."""
        out: dict[str, dict[str, Placement]] = {}
        for placement in self.placements.values():
            out.setdefault(placement.surface, {})[placement.placement_id] = placement
        return out

    @cached_property
    def campaign_ids(self) -> tuple[str, ...]:
        return tuple(bytes(c).decode() for c in self["campaign.id"])

    @cached_property
    def campaign_place(self) -> dict[str, int]:
        """Each campaign's row in the campaign columns."""
        return {c: i for i, c in enumerate(self.campaign_ids)}

    def check_campaign(self, campaign_id: str) -> None:
        """Raises ServingError for a campaign that the catalogue does not have."""
        if campaign_id not in self.campaign_place:
            raise ServingError(
                "campaign", campaign_id, f"It is not among the {len(self.campaign_place)} campaigns of catalogue {self.version}."
            )

    @cached_property
    def campaign_advertiser(self) -> NDArray[np.int64]:
        """A number for each campaign's advertiser, by campaign row; a campaign without a creative has -1."""
        out = np.full(len(self["campaign.id"]), -1, np.int64)
        campaign, first = np.unique(self["campaign"], return_index=True)
        out[campaign] = np.unique(self["id.advertiser_id"][first], return_inverse=True)[1]
        return out

    @cached_property
    def adjusted_regions(self) -> dict[str, int]:
        """The column of `adjust.region` of each region that some campaign adjusts its bid for."""
        return {bytes(w).decode(): i for i, w in enumerate(self["words.adjusted_regions"])}

    @cached_property
    def adjusted(self) -> frozenset[str]:
        """What some campaign adjusts its bid for: `device`, `hour`, `region`."""
        return frozenset(kind for kind in ("device", "hour", "region") if (self[f"campaign.adjust.{kind}"] != 1).any())

    @cached_property
    def brands(self) -> frozenset[str]:
        """Every trademark of the catalogue's advertisers, its words a space apart."""
        return frozenset(bytes(b).decode() for b in np.unique(self["campaign.brand"])) - {""}

    @cached_property
    def brand_words(self) -> int:
        """How many words the longest trademark has."""
        return max((len(brand.split()) for brand in self.brands), default=0)

    @cached_property
    def encoder_version(self) -> str:
        """Of the text encoder that `meaning.vectors` and `page.vectors` were made with; "" without one."""
        return bytes(self["words.encoder"][0]).decode() if "words.encoder" in self.arrays else ""

    def brand_of(self, row: int) -> str:
        """The trademark of an ad's advertiser; "" without one."""
        return bytes(self["campaign.brand"][self["campaign"][row]]).decode()

    @cached_property
    def everyone(self) -> NDArray[np.bool_]:
        """A mask of all ads; not to be written to."""
        mask = np.ones(len(self), bool)
        mask.flags.writeable = False
        return mask

    def prepare(self) -> None:
        """Computes what requests share, before the first of them asks."""
        _ = self.everyone, self._placements_of, self.campaign_place, self.campaign_advertiser
        _ = self.brand_words, self.adjusted_regions, self.adjusted

    def budget_of(self, campaign_id: str) -> int:
        """Daily budget, micros; 0 for a campaign that is not in the catalogue."""
        place = self.campaign_place.get(campaign_id)
        return 0 if place is None else int(self["campaign.budget_micros"][place])

    def rows_of(self, creative_ids: Sequence[str]) -> list[int]:
        """Rows of those of the creatives that are in the snapshot, in the order asked."""
        ids, order = self["id.creative_id"], self.arrays.get(ORDER)
        wanted = [c.encode() for c in creative_ids]
        places = [int(np.searchsorted(ids, c, sorter=order)) for c in wanted]
        rows = [(p if order is None else int(order[p]), c) for p, c in zip(places, wanted, strict=True) if p < len(ids)]
        return [row for row, c in rows if bytes(ids[row]) == c]


def write_snapshot(
    snapshots: Path, as_of: datetime, catalog: Mapping[str, pa.Table], features: Mapping[str, pa.Table], encoder: Encoder | None = None
) -> str:
    """Writes the catalogue as of `as_of` with its ad features, and with the vectors of its texts where there is an encoder;
    returns the version. Does not point serving at it."""
    arrays, ads = columns(catalog, features, as_of, encoder)
    return write_columns(snapshots, as_of, arrays, ads)


def open_snapshot(folder: Path) -> Snapshot:
    """Maps a snapshot's columns. Raises SnapshotMissing naming what cannot be read, or does not fit the present features."""
    manifest = read_manifest(folder)
    _refuse_other_features(manifest)
    try:
        arrays = mapped_columns(folder)
    except (OSError, ValueError) as error:
        raise SnapshotMissing("snapshot", str(folder), f"A column cannot be read ({error}); publish again.") from None
    _refuse_torn(manifest, arrays)
    try:
        return Snapshot(manifest, arrays)
    except KeyError as error:
        raise SnapshotMissing("snapshot column", error.args[0], "It is absent; publish again.") from None


def _refuse_other_features(manifest: SnapshotManifest) -> None:
    """Raises SnapshotMissing when no version of the inputs that the snapshot was published with serves any more, or one of them is made of
    other ad columns now. The matrix holds numbers without names, so a model would score wrong columns without an error."""
    inputs = ad_inputs()
    if not inputs.keys() & manifest.inputs.keys():
        held = ", ".join(manifest.inputs) or "no inputs"
        raise SnapshotMissing("snapshot inputs", held, f"These serve: {', '.join(inputs)}. Publish again.")
    for name in inputs.keys() & manifest.inputs.keys():
        wanted, have = inputs[name], manifest.inputs[name]
        for i, (old, new) in enumerate(zip(have, wanted, strict=False)):
            if old != new:
                raise SnapshotMissing(f"snapshot column {i} of {name}", old, f"Expected {new}: the features have changed; publish again.")
        if len(have) != len(wanted):
            fix = f"Expected {len(wanted)} columns: the features have changed; publish again."
            raise SnapshotMissing(f"snapshot input {name}", f"{len(have)} columns", fix)


def _refuse_torn(manifest: SnapshotManifest, arrays: Mapping[str, np.ndarray]) -> None:
    """Every column that a request reads must be there, with a row for every ad, or for every query."""
    published = [INPUTS[name] for name in manifest.inputs if name in INPUTS]
    shapes = {matrix_name(model): (manifest.ads, len(model.of("ad"))) for model in published}
    newest = max(model.version for model in published)
    later = {f.name for t in AD_TABLES for f in t.features if f.since > newest}
    pairs = (column for name, column in PAIR_INPUTS.items() if name not in later)
    of_ads = (*shapes, *pairs, "id.creative_id", "campaign", "bid_micros", "policy", "sensitive", "recall.vectors")
    of_queries = ("query.key", *(f"query.{f.name}" for t in QUERY_TABLES for f in t.features if f.since <= newest))
    for name in (*of_ads, *of_queries, "keyword.groups"):  # without keywords an ad might be shown that a negative keeps out
        if name not in arrays:
            raise SnapshotMissing("snapshot column", name, "It is absent; publish again.")
    for name in of_ads:
        seen = arrays[name].shape
        if seen[0] != manifest.ads or seen != shapes.get(name, seen):
            raise SnapshotMissing(
                f"snapshot column {name}", seen, f"{manifest.ads} ads need {shapes.get(name, manifest.ads)}; publish again."
            )
    for name in of_queries:
        if len(arrays[name]) != len(arrays["query.key"]):
            raise SnapshotMissing(f"snapshot column {name}", len(arrays[name]), f"{len(arrays['query.key'])} queries; publish again.")


def open_current(snapshots: Path) -> Snapshot:
    """The snapshot that CURRENT names."""
    return open_snapshot(snapshots / current_version(snapshots))
