"""A day's training set: made from labels and features, kept in the state folder, read again."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from feature_repo.home import Home
from feature_repo.model_input import ModelInput
from feature_repo.partition_file import write_partition
from feature_repo.services import HEADS, INPUTS
from feature_repo.whole_file import whole_file, write_whole
from pipelines.datasets.dataset import Dataset
from pipelines.datasets.fresh_labels import fresh_labels
from pipelines.datasets.labels import OTHERS, labels
from pipelines.datasets.left_out import LeftOut, logged
from pipelines.datasets.point_in_time import assemble, features_at
from pipelines.datasets.search_rows import search_rows
from pipelines.datasets.split import sample, split
from pipelines.datasets.teachable import refuse_one_class, refuse_unteachable
from pipelines.errors import Missing, PipelineError, Refused
from pipelines.warehouse.label_times import LabelTimes
from serving.settings import Settings

ROWS: Final = "rows.parquet"
MATRIX: Final = "matrix.npy"
INPUT: Final = "input.json"


def folder(home: Home, head: str, day: date) -> Path:
    return home.root / "datasets" / head / f"day={day}"


def make(settings: Settings, head: str, day: date, cuts: tuple[float, float] = (0.64, 0.8), fresh: bool = False) -> Dataset:
    """Builds and keeps the training set of a day. fresh: rows before the test know only what had come when it
    begins (delayed conversions), and rows of the test have seen their whole window. Raises PipelineError for an unknown head, Refused
    when it cannot teach."""
    if head not in HEADS:
        raise PipelineError("head", head, f"Known: {', '.join(HEADS)}.")
    if fresh and head != "conversion":
        raise PipelineError("fresh labels of head", head, "Only conversions come late enough: leave the option out.")
    times = LabelTimes.of(settings.training)
    frame = labels(settings.home, head, day, times.whole if fresh else times)
    older, within = logged(settings.home, head, day, times.history_days + (head == "conversion"))
    unripe = within - len(frame)
    frame["split"] = split(frame, cuts)
    frame = (fresh_labels(frame, times.window) if fresh else frame).drop(columns="happened")
    for name in ("train", "test"):  # told before the features are joined, which takes long
        refuse_one_class(head, name, frame.loc[frame["split"] == name, "label"].to_numpy(bool))
    rate = settings.training.negative_rate if frame["label"].mean() < 0.1 and frame["label"].sum() > 1000 else 1.0
    whole = len(frame)
    frame = sample(frame, rate)
    left_out = LeftOut(older, unripe, whole - len(frame))
    frame["weight_rate"] = np.where(frame["split"] == "test", 1.0, rate)
    search = search_rows(settings, frame["query"].to_list(), frame["creative_id"].to_list(), day, frame["choice"].to_list())
    widest = HEADS[head][-1]
    made = Dataset(head, widest, frame, assemble(widest, frame, features_at(settings, frame), search), OTHERS[head])
    refuse_unteachable(made)
    return replace(keep(settings.home, day, made), left_out=left_out)


def keep(home: Home, day: date, made: Dataset) -> Dataset:
    """Writes a training set to the folder of its head and day, in place of one that is there."""
    place = folder(home, made.head, day)
    for old in place.glob("*.npz"):  # what rankers kept of the rows before
        old.unlink(missing_ok=True)
    write_whole(place / INPUT, json.dumps({"name": made.input.name, "columns": made.input.names}) + "\n")
    with whole_file(place / MATRIX) as part, part.open("wb") as file:
        np.save(file, made.matrix, allow_pickle=False)
    write_partition(pa.Table.from_pandas(made.rows, preserve_index=False), place / ROWS)
    return replace(made, place=place)


def read(home: Home, head: str, day: date) -> Dataset:
    """The kept training set. Raises Missing when it has not been made."""
    place = folder(home, head, day)
    if not (place / ROWS).exists():
        raise Missing(f"{head} dataset", str(day), f"Run `placard train --head {head} --partition {day} --step dataset`.")
    rows = pq.read_table(place / ROWS, partitioning=None).to_pandas()
    matrix, made = np.load(place / MATRIX, allow_pickle=False), _input_of(place)
    if made is None or matrix.shape[1] != len(made.columns):
        fix = "Features have changed: make it again with `--step dataset`."
        raise Refused(f"{head} dataset of {day}", f"{matrix.shape[1]} columns", fix)
    others = tuple(name for name in OTHERS[head] if name in rows)  # an older version's dataset has none
    return Dataset(head, made, rows, matrix, others, place=place)


def _input_of(place: Path) -> ModelInput | None:
    """The input that a kept training set is of; None where it does not serve any more, or has other columns now."""
    try:
        said = json.loads((place / INPUT).read_text())
        found = INPUTS.get(said["name"])
        return found if found is not None and found.names == tuple(said["columns"]) else None
    except (OSError, ValueError, KeyError, TypeError):
        return None
