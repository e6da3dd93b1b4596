"""`bench recall`: how many of the next day's clicked ads each source of vectors has among its best, and what the index loses."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, timedelta
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from feature_repo.sources import Home, end_of
from pipelines.build import as_of_table, connect
from pipelines.cli.output import Figure, report
from pipelines.embeddings import PRODUCERS, Embeddings
from pipelines.errors import Missing
from pipelines.run_verb import Progress
from serving.settings import Settings
from serving.snapshot.recall_index import INDEX_FROM, VECTORS, RecallIndex, arranged

KS: Final = (10, 50, 100)
ASKED: Final = 200
"""Users whose nearest are looked for in the index and exactly."""
LEAST_INDEX: Final = 0.9


def clicks_of(home: Home, day: date) -> pd.DataFrame:
    """user_id, creative_id of the clicks that happened on a day."""
    con = connect()
    try:
        done = as_of_table(con, home, "engagements", end_of(day), 1)
        found = (
            done.filter(done.kind == "click").select("user_id", "creative_id", "ts").order_by("ts", "user_id", "creative_id").to_pandas()
        )
    finally:
        con.disconnect()
    return found[(found["ts"].dt.date == day) & found["user_id"].notna()]


def ranks(scores: NDArray[np.float32], clicked: NDArray[np.int64]) -> NDArray[np.int64]:
    """How many ads stand before each clicked one, (n,); of a tie, half. scores: (n, ads)."""
    own = scores[np.arange(len(clicked)), clicked][:, None]
    return np.asarray((scores > own).sum(axis=1) + ((scores == own).sum(axis=1) - 1) // 2)


def scores_of(found: Embeddings, users: pd.Series, ads: pd.Index) -> NDArray[np.float32]:
    """(n, ads): products; nothing for who has no vector."""
    width = len(found.ads.iloc[0])
    place = found.users.index.get_indexer(pd.Index(users))
    table = np.stack([*found.users.to_list(), np.zeros(width, np.float32)])
    return np.asarray(table[place] @ np.stack(found.ads.reindex(ads).to_list()).T)


def index_recall(ads: NDArray[np.float32], users: NDArray[np.float32], k: int = 100) -> float:
    """Share of the exact k best that the index finds, in a catalogue of these ads' likes that is large enough to have one."""
    rng = np.random.default_rng(7)
    copies = -(-INDEX_FROM // len(ads))
    spread = 0.3 * ads.std(axis=0)
    many = (np.tile(ads, (copies, 1)) + rng.normal(size=(copies * len(ads), ads.shape[1])) * spread).astype(np.float32)
    columns = arranged({VECTORS: many, "id.creative_id": np.arange(len(many))})
    index, vectors = RecallIndex.of(columns), columns[VECTORS]
    assert index is not None
    everyone, found = np.ones(len(vectors), bool), 0
    for user in users:
        score = vectors @ user
        found += len(np.intersect1d(index.search(user, everyone, k), np.argpartition(-score, k - 1)[:k]))
    return found / (k * len(users))


def run(settings: Settings, day: date, say: Progress = lambda line: None) -> dict[str, Any]:
    """Vectors of what is known at the end of `day`; clicks of the day after. Raises Missing when there are none."""
    home, after = settings.home, day + timedelta(days=1)
    clicked = clicks_of(home, after)
    known = clicks_of_window(home, day)
    ads = pd.Index(sorted(known))
    clicked = clicked[clicked["creative_id"].isin(ads)]
    if clicked.empty:
        raise Missing("clicks of the day after", str(after), "Take a day that the logs go beyond.")
    wanted = ads.get_indexer(pd.Index(clicked["creative_id"]))
    popular = np.array([known[a] for a in ads], np.float32)
    figures: list[Figure] = []
    by_source: Mapping[str, Callable[[], NDArray[np.float32]]] = {
        "popular": lambda: np.broadcast_to(popular, (len(clicked), len(ads))),
        **{name: (lambda made=make: scores_of(made(home, day), clicked["user_id"], ads)) for name, make in PRODUCERS.items()},
    }
    for name, score in by_source.items():
        say(f"vectors: {name}")
        rank = ranks(score(), wanted)
        figures += [Figure(f"recall_at_{k}_{name}", float(np.mean(rank < k)), "share of clicks") for k in KS]
    return report("recall", {"day": day, "clicks": len(clicked), "ads": len(ads)}, figures)
