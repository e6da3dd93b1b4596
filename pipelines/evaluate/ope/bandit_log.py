"""An Open Bandit log, read for off-policy evaluation: each row a round of its own, with the propensity it was logged with."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from pipelines.errors import PipelineError
from pipelines.evaluate.ope.feedback import Feedback, Ints
from pipelines.ingest.chunk import Fault
from pipelines.ingest.format import TS, LogFile
from pipelines.ingest.lines import read_chunks, read_header
from pipelines.ingest.open_bandit import AFFINITY, CAMPAIGNS, POLICIES, OpenBandit
from pipelines.ingest.well_formed import wanted_columns, well_formed

NUMBER: Final = "row"
WHERE: Final = "Name the folder of one campaign, like open_bandit/random/men, which holds men.csv and item_context.csv."


@dataclass(frozen=True)
class BanditLog:
    """n rows in order of time. part: `<policy>/<campaign>`. action, position: items and slots (1 to 3); row: numbers in the
    log's file, from 0. affinity: (n, items) of user and item; item_feature: (items,), the one that is a number; the others (n,)."""

    part: str
    row: Ints
    action: Ints
    position: Ints
    reward: NDArray[np.float64]
    propensity: NDArray[np.float64]
    affinity: NDArray[np.float32]
    item_feature: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.action)

    @property
    def items(self) -> int:
        return len(self.item_feature)

    def later(self, share: float) -> BanditLog:
        """Without the first `share` of the rows, which a policy was learned from."""
        cut = round(len(self) * share)
        rows = {name: getattr(self, name)[cut:] for name in ("row", "action", "position", "reward", "propensity", "affinity")}
        return replace(self, **rows)

    def context(self, rows: Ints, item: Ints) -> NDArray[np.float32]:
        """What an outcome model reads of some rows, had `item` been shown: position, item, affinity to it and to all, (k, 4)."""
        own, every = self.affinity[rows, item], self.affinity[rows].sum(axis=1)
        return np.column_stack([self.position[rows], self.item_feature[item], own, every]).astype(np.float32)

    @property
    def feedback(self) -> Feedback:
        """Raises PipelineError when no row is left."""
        n = len(self)
        rows = np.arange(n)
        return Feedback(n, rows, self.action, self.position, self.reward, self.propensity, self.context(rows, self.action))


def read_bandit_log(path: Path) -> BanditLog:
    """The log of one campaign under one policy: DIR/<policy>/<campaign>, or a folder above that holds no other.

    Raises PipelineError, or IngestError as `placard ingest open-bandit` would, for a folder or a row that is not as it should be: a
    row left out would change what the others stand for.
    """
    log, items = _files(path)
    rows = _rows(log)
    rows = rows.append_column(NUMBER, pa.array(np.arange(len(rows)))).sort_by(TS)
    features = _rows(items)
    known = {i: float(x) for i, x in zip(features["item_id"].to_pylist(), features["item_feature_0"].to_pylist(), strict=True)}
    affinities = [name for name in rows.column_names if name.startswith(AFFINITY)]
    missing = [i for i in range(len(affinities)) if str(i) not in known]
    if missing:
        raise PipelineError("item", missing[0], f"{items.path} has no row for it, though the log has {len(affinities)} items.")
    return BanditLog(
        part=log.part,
        row=_numbers(rows[NUMBER]),
        action=_numbers(rows["item_id"]),
        position=_numbers(rows["position"]),
        reward=_numbers(rows["click"]).astype(np.float64),
        propensity=rows["propensity"].to_numpy(),
        affinity=np.stack([rows[name].to_numpy() for name in affinities], axis=1).astype(np.float32),
        item_feature=np.array([known[str(i)] for i in range(len(affinities))], np.float32),
    )


def log_column(path: Path, name: str) -> pd.DataFrame:
    """A further column of the log, as text, beside the numbers of its rows. Raises PipelineError where the log does not have it, once."""
    log, _ = _files(path)
    header = read_header(log.path, log.separator)
    if header.count(name) != 1:
        raise PipelineError("column of the log", name, f"{log.path} has, each once: {', '.join(n for n in header if n)}.")
    cells = [chunk.cells[name].to_pandas() for chunk in read_chunks(log.path, header, (name,), log.separator)]
    column = pd.concat(cells, ignore_index=True) if cells else pd.Series([], dtype=object)
    return pd.DataFrame({NUMBER: np.arange(len(column)), name: column})


def _files(path: Path) -> tuple[LogFile, LogFile]:
    """The log and its items."""
    path = path.absolute()
    if not path.is_dir():
        raise PipelineError("log folder", str(path), f"There is no such folder. {WHERE}")
    one = path.name in CAMPAIGNS and path.parent.name in POLICIES
    part = f"{path.parent.name}/{path.name}" if one else ""
    if one and not (path / f"{path.name}.csv").is_file():
        raise PipelineError("log file", str(path / f"{path.name}.csv"), f"It is not there. {WHERE}")
    found = [f for f in OpenBandit().files(path.parent.parent if one else path) if part in ("", f.part)]
    parts = sorted({f.part for f in found})
    if len(parts) > 1:
        raise PipelineError("log folder", str(path), f"It holds several logs: {', '.join(parts)}. {WHERE}")
    return next(f for f in found if f.role == "log"), next(f for f in found if f.role == "catalogue")


def _rows(file: LogFile) -> pa.Table:
    form, faults = OpenBandit(), list[Fault]()
    with TemporaryDirectory() as scratch:
        tables = list(well_formed(form, file, wanted_columns(form, file), faults, Path(scratch)))
    if faults:
        first = min(faults, key=lambda f: f.line)
        raise PipelineError(f"{file.path} line {first.line}", first.reason, f"Correct it or take it out ({len(faults)} such lines).")
    if not tables:
        raise PipelineError("log", str(file.path), "It has a header and no rows; there is nothing to estimate from.")
    return pa.concat_tables(tables).combine_chunks()


def _numbers(column: pa.ChunkedArray) -> Ints:
    return np.asarray(pc.cast(column, pa.int64()).to_numpy())
