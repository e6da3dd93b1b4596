"""What users did and what ads are, as codes of tokens: the same for both towers, and as of a moment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from feature_repo.days import end_of
from feature_repo.home import Home
from feature_repo.tables.user_embedding import USER_EMBEDDING
from feature_repo.text import hash_codes, stem, tokenise
from pipelines.warehouse.as_of import as_of_table, connect

Codes = NDArray[np.int64]

BUCKETS: Final = 2**14
HISTORY: Final = 60
"""Tokens of a user's latest actions that are read."""
WORDS: Final = 16
"""Words of an ad's headline and description that are read."""
IDENTITIES: Final = ("creative_id", "campaign_id", "advertiser_id", "category", "language")
ACTED: Final = IDENTITIES[:4]
"""What a click is a click on."""
ABOUT: Final = ("age_band", "gender", "region", "language")


def codes(values: Sequence[str | None] | pd.Series, kind: str) -> Codes:
    """Buckets from 1 of tokens of a kind; 0 for an absent one."""
    which, distinct = pd.factorize(np.asarray(values, dtype=object))
    tokens = [f"{value}|{kind}" for value in distinct]
    found = np.r_[np.asarray(hash_codes(tokens), np.int64) % (BUCKETS - 1) + 1, 0]
    found[:-1][[value == "" for value in distinct]] = 0
    return np.asarray(found[which])


@dataclass(frozen=True)
class Past:
    """Known at a day's end. actions: user, ts, code, a token each, by user and time. clicks: user (row of users), creative (row of
    creatives), ts. creatives, users: by id."""

    users: pd.DataFrame
    creatives: pd.DataFrame
    actions: pd.DataFrame
    clicks: pd.DataFrame

    @classmethod
    def of(cls, home: Home, day: date) -> Past:
        con, as_of = connect(), end_of(day)
        try:
            creatives = as_of_table(con, home, "creatives", as_of).order_by("creative_id").to_pandas()
            engaged = as_of_table(con, home, "engagements", as_of, USER_EMBEDDING.window_days)
            acted = as_of_table(con, home, "activity", as_of, USER_EMBEDDING.window_days)
            people = as_of_table(con, home, "users", as_of).select("user_id", *ABOUT).to_pandas()
            clicks = engaged.filter(engaged.kind == "click").select("user_id", "creative_id", "ts").to_pandas()
            organic = acted.select("user_id", "ts", "category", "item_id").to_pandas()
        finally:
            con.disconnect()
        clicks = clicks[clicks["user_id"].notna() & clicks["creative_id"].isin(creatives["creative_id"])]
        organic = organic[organic["user_id"].notna()]
        names = np.sort(pd.unique(pd.concat([clicks["user_id"], organic["user_id"]])).astype(object))
        users = pd.DataFrame({"user_id": names}).merge(people, on="user_id", how="left")
        of_user, of_ad = pd.Index(names), pd.Index(creatives["creative_id"])
        clicks = clicks.sort_values(["ts", "user_id", "creative_id"], ignore_index=True)
        told = pd.DataFrame({"user": of_user.get_indexer(clicks["user_id"]), "ad": of_ad.get_indexer(clicks["creative_id"])})
        told["ts"] = clicks["ts"]
        parts = [told[["user", "ts"]].assign(code=codes(creatives[n], n)[told["ad"]]) for n in ACTED]
        base = pd.DataFrame({"user": of_user.get_indexer(organic["user_id"]), "ts": organic["ts"].to_numpy()})
        parts += [base.assign(code=codes(organic[n], n)) for n in ("category", "item_id")]
        actions = pd.concat(parts, ignore_index=True)
        actions = actions[actions["code"] > 0].sort_values(["user", "ts", "code"], ignore_index=True)
        return cls(users, creatives, actions, told)

    @cached_property
    def _starts(self) -> Codes:
        return np.searchsorted(self.actions["user"].to_numpy(), np.arange(len(self.users) + 1))

    def history(self, user: Codes, before: NDArray[np.datetime64] | None) -> Codes:
        """The latest tokens of each user's actions before a moment (None: all that are known), (n, HISTORY), 0 where there are fewer."""
        ts, code = self.actions["ts"].to_numpy("datetime64[us]").astype(np.int64), self.actions["code"].to_numpy()
        start, end = self._starts[user], self._starts[user + 1]
        if before is not None:
            key = self.actions["user"].to_numpy() * 2.0**52 + (ts - ts.min(initial=0))
            at = before.astype("datetime64[us]").astype(np.int64) - ts.min(initial=0)
            end = np.searchsorted(key, user * 2.0**52 + at)
        at = end[:, None] - 1 - np.arange(HISTORY)
        return np.where(at >= start[:, None], code[np.maximum(at, 0)] if len(code) else 0, 0)

    def about(self) -> Codes:
        """(users, len(ABOUT))."""
        return np.stack([codes(self.users[n], n) for n in ABOUT], axis=1)

    def identities(self) -> Codes:
        """(creatives, len(IDENTITIES))."""
        return np.stack([codes(self.creatives[n], n) for n in IDENTITIES], axis=1)

    def words(self) -> Codes:
        """(creatives, WORDS): stems of the headline and the description."""
        out = np.zeros((len(self.creatives), WORDS), np.int64)
        for i, text in enumerate(self.creatives["headline"].fillna("") + " " + self.creatives["description"].fillna("")):
            stems = [stem(token) for token in tokenise(text)][:WORDS]
            out[i, : len(stems)] = codes(stems, "word")
        return out
