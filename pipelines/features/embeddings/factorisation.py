"""Embeddings by matrix factorisation of users × tokens (implicit's ALS; Hu, Koren and Volinsky 2008).

An ad's tokens are itself, its campaign, its advertiser and its category; a click counts for all of them, an organic action for
the category and the item. The ad's embedding is the mean of its tokens' factors (as in LightFM, Kula 2015), so a new ad has one.
"""

from __future__ import annotations

from datetime import date
from typing import Final

import numpy as np
import pandas as pd
from scipy.sparse import csr_matrix

from feature_repo.days import end_of
from feature_repo.home import Home
from feature_repo.tables.user_embedding import USER_EMBEDDING, WIDTH
from pipelines.features.embeddings.embeddings import Embeddings
from pipelines.warehouse.as_of import as_of_table, connect

ITERATIONS: Final = 6
REGULARISATION: Final = 2.0
CLICK_WEIGHT: Final = 5.0
SEED: Final = 7
TOKENS: Final = ("creative_id", "campaign_id", "advertiser_id", "category")


def _interactions(home: Home, day: date) -> tuple[pd.DataFrame, pd.DataFrame]:
    """(user_id, token, weight) sorted and summed, and the creatives known as of the day's end."""
    con = connect()
    try:
        as_of = end_of(day)
        creatives = as_of_table(con, home, "creatives", as_of)
        engagements = as_of_table(con, home, "engagements", as_of, USER_EMBEDDING.window_days)
        activity = as_of_table(con, home, "activity", as_of, USER_EMBEDDING.window_days)
        clicks = engagements.filter(engagements.kind == "click").inner_join(creatives.select("creative_id", "category"), "creative_id")
        parts = [clicks.select("user_id", token=clicks[t].concat(f"|{t}")).mutate(weight=CLICK_WEIGHT) for t in TOKENS]
        parts.append(activity.select("user_id", token=activity.category.concat("|category")).mutate(weight=1.0))
        parts.append(activity.select("user_id", token=activity.item_id.concat("|item")).mutate(weight=1.0))
        told = parts[0].union(*parts[1:]).filter(lambda t: t.user_id.notnull() & t.token.notnull())  # logs need not name an item
        pairs = told.group_by("user_id", "token").aggregate(weight=lambda t: t.weight.sum())
        frame = pairs.order_by("user_id", "token").to_pandas()
        return frame, creatives.select(*TOKENS).order_by("creative_id").to_pandas()
    finally:
        con.disconnect()


def factors(pairs: pd.DataFrame) -> tuple[pd.Series, pd.Series]:
    """Factor vectors of users and of tokens, indexed by name. Deterministic: one thread, one seed, sorted input."""
    from implicit.als import AlternatingLeastSquares
    from threadpoolctl import threadpool_limits

    users, tokens = pd.Categorical(pairs["user_id"]), pd.Categorical(pairs["token"])
    shape = (len(users.categories), len(tokens.categories))
    if min(shape) == 0:
        empty = pd.Series([], dtype=object)
        return empty, empty
    confidence = 1.0 + np.log1p(pairs["weight"].to_numpy(np.float32))
    matrix = csr_matrix((confidence, (users.codes, tokens.codes)), shape=shape)
    with threadpool_limits(1):
        model = AlternatingLeastSquares(
            factors=WIDTH, iterations=ITERATIONS, regularization=REGULARISATION, random_state=SEED, num_threads=1, use_gpu=False
        )
        model.fit(matrix, show_progress=False)
    return (
        pd.Series(list(model.user_factors.astype(np.float32)), index=users.categories),
        pd.Series(list(model.item_factors.astype(np.float32)), index=tokens.categories),
    )


def _mean_of_tokens(creatives: pd.DataFrame, tokens: pd.Series) -> np.ndarray:
    """(creatives, WIDTH): the mean over an ad's known tokens, zero when it has none."""
    total, known = np.zeros((len(creatives), WIDTH), np.float32), np.zeros((len(creatives), 1), np.float32)
    table = np.stack(tokens.to_list()) if len(tokens) else np.zeros((1, WIDTH), np.float32)
    for name in TOKENS:
        rows = tokens.index.get_indexer(pd.Index(creatives[name] + f"|{name}")) if len(tokens) else np.full(len(creatives), -1)
        found = (rows >= 0)[:, None]
        total += np.where(found, table[rows], 0)
        known += found
    return total / np.maximum(known, 1)


def factorised(home: Home, day: date) -> Embeddings:
    pairs, creatives = _interactions(home, day)
    users, tokens = factors(pairs)
    return Embeddings(users, pd.Series(list(_mean_of_tokens(creatives, tokens)), index=creatives["creative_id"]))
