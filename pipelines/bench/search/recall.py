"""`bench recall`: how many of the next day's clicked ads each source of vectors has among its best, and what the index loses."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from feature_repo.days import end_of
from feature_repo.home import Home
from feature_repo.tables.user_embedding import USER_EMBEDDING
from pipelines.bench.serving.serve import VERDICT
from pipelines.errors import Missing
from pipelines.features.embeddings.embed import PRODUCERS
from pipelines.features.embeddings.embeddings import Embeddings
from pipelines.operations.verb import Progress
from pipelines.reporting.figure import Figure, report
from pipelines.warehouse.as_of import as_of_table, connect
from serving.settings import Settings
from serving.snapshot.recall_index import INDEX_FROM, VECTORS, RecallIndex, arranged

KS: Final = (10, 50, 100)
ASKED: Final = 200
"""Users whose nearest are looked for in the index and exactly."""
LEAST_INDEX: Final = 0.9


def clicks_known(home: Home, day: date) -> pd.DataFrame:
    """user_id, creative_id and ts of the clicks of the last weeks that are known at a day's end, ascending in time."""
    con = connect()
    try:
        done = as_of_table(con, home, "engagements", end_of(day), USER_EMBEDDING.window_days)
        found = done.filter((done.kind == "click") & done.user_id.notnull()).select("user_id", "creative_id", "ts")
        frame: pd.DataFrame = found.order_by("ts", "user_id", "creative_id").to_pandas()
        return frame
    finally:
        con.disconnect()


def ranks(scores: NDArray[np.float32], clicked: NDArray[np.int64]) -> NDArray[np.int64]:
    """How many ads stand before each clicked one, (n,); of a tie, half. scores: (n, ads)."""
    own = scores[np.arange(len(clicked)), clicked][:, None]
    return np.asarray((scores > own).sum(axis=1) + ((scores == own).sum(axis=1) - 1) // 2)


def scores_of(found: Embeddings, users: pd.Series) -> NDArray[np.float32]:
    """(n, ads): products; nothing for who has no vector."""
    ads = np.stack(found.ads.to_list())
    place = found.users.index.get_indexer(pd.Index(users))
    table = np.stack([*found.users.to_list(), np.zeros(ads.shape[1], np.float32)])
    return np.asarray(table[place] @ ads.T)


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
    known, later = clicks_known(home, day), clicks_known(home, after)
    clicked = later[later["ts"].dt.date == after]
    if clicked.empty:
        raise Missing("clicks of the day after", str(after), "Take a day that the logs go beyond.")
    figures: list[Figure] = []
    setup: dict[str, Any] = {"day": day}
    for name, make in PRODUCERS.items():
        say(f"vectors: {name}")
        made = make(home, day)
        ads = made.ads.index
        old = clicked[clicked["creative_id"].isin(ads)]
        wanted = ads.get_indexer(pd.Index(old["creative_id"]))
        if not figures:
            often = known["creative_id"].value_counts().reindex(ads).fillna(0).to_numpy(np.float32)
            figures += _recalled("popular", ranks(np.broadcast_to(often, (len(old), len(ads))), wanted))
            setup |= {"clicks": len(old), "ads": len(ads), "users": len(made.users)}
        figures += _recalled(name, ranks(scores_of(made, old["user_id"]), wanted))
        share = index_recall(np.stack(made.ads.to_list()), np.stack(made.users.to_list()[:ASKED]))
        figures.append(Figure(f"index_recall_{name}", share, "share of the exact best", f">= {LEAST_INDEX}", share >= LEAST_INDEX))
    return report("recall", setup, figures)


def _recalled(name: str, rank: NDArray[np.int64]) -> list[Figure]:
    return [Figure(f"recall_at_{k}_{name}", float(np.mean(rank < k)), "share of clicks") for k in KS]


def as_text(result: dict[str, Any]) -> list[str]:
    return [f"{f['name']:<32} {f['value']:.3f} {f['unit']} {VERDICT[f['holds']]}" for f in result["figures"]]
