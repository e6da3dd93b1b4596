"""Writes a day's embeddings of users and ads, by matrix factorisation or by two towers, into staging."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd
import pyarrow as pa

from feature_repo.days import end_of
from feature_repo.home import Home
from feature_repo.partition_file import write_partition
from feature_repo.table import FeatureTable, finish
from feature_repo.tables.ad_embedding import AD_EMBEDDING
from feature_repo.tables.user_embedding import USER_EMBEDDING
from pipelines.features.embeddings.embeddings import Embeddings
from pipelines.features.embeddings.factorisation import factorised
from pipelines.features.embeddings.past import Past
from pipelines.features.embeddings.two_tower import TwoTower
from pipelines.operations.training_environment import hand_over
from serving.settings import Settings


def two_towers(home: Home, day: date) -> Embeddings:

    past = Past.of(home, day)
    users, ads = TwoTower().vectors(past)
    return Embeddings(pd.Series(list(users), index=past.users["user_id"]), pd.Series(list(ads), index=past.creatives["creative_id"]))


PRODUCERS: Final[Mapping[str, Callable[[Home, date], Embeddings]]] = {"factorisation": factorised, "two_tower": two_towers}
"""By the setting `embeddings`."""


def embed(home: Home, table: FeatureTable, day: date, producer: str = "factorisation") -> Path:
    """Writes both embedding tables of a day into staging, by way of the training environment where it needs that; returns the path
    of `table`'s."""
    if producer == "two_tower" and find_spec("torch") is None:
        argv = ("features", "build", "--partition", day.isoformat(), "--table", table.name)
        hand_over(Settings(home_path=home.root), *argv, PLACARD_EMBEDDINGS=producer)
        return home.staged(table.name, day)
    found = PRODUCERS[producer](home, day)
    for each, vectors in ((USER_EMBEDDING, found.users), (AD_EMBEDDING, found.ads)):
        entity = pa.array(vectors.index.astype(str), pa.string())
        rows = pa.table({each.entity: entity, each.names[0]: _lists(vectors.to_list())})
        write_partition(finish(each, rows, end_of(day)), home.staged(each.name, day))
    return home.staged(table.name, day)


def _lists(rows: list[np.ndarray]) -> pa.Array:
    return pa.array([r.tolist() for r in rows], pa.list_(pa.float32()))
