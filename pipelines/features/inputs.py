"""The tables that a feature table's expression reads, by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

import pyarrow as pa

from feature_repo.home import Home
from feature_repo.table import FeatureTable
from feature_repo.text import hash_codes, query_key
from pipelines.creatives.images import image_stats

if TYPE_CHECKING:
    import ibis.expr.types as ir
    from ibis import BaseBackend
from pipelines.warehouse.as_of import STATES, as_of_table


def inputs(con: BaseBackend, home: Home, table: FeatureTable, as_of: datetime) -> Mapping[str, ir.Table]:
    """What a table's build reads, by name."""
    import ibis

    found = {}
    for name in table.reads:
        if name == "image_stats":
            pictures = as_of_table(con, home, "creatives", as_of).select("image_path").distinct().to_pyarrow()
            found[name] = ibis.memtable(image_stats(home, sorted(p or "" for p in pictures["image_path"].to_pylist())))
        elif name == "query_keys":
            texts = as_of_table(con, home, "queries", as_of, table.window_days).select("text").distinct().to_pyarrow()
            found[name] = ibis.memtable(keys_of(sorted(t for t in texts["text"].to_pylist() if t)))
        elif name == "thing_codes":
            seen = [
                as_of_table(con, home, t, as_of, table.window_days)[c] for t, c in (("activity", "item_id"), ("engagements", "creative_id"))
            ]
            things = {thing for column in seen for thing in column.as_table().distinct().to_pyarrow()[0].to_pylist() if thing}
            found[name] = ibis.memtable(codes_of(sorted(things)))
        else:
            found[name] = as_of_table(con, home, name, as_of, None if name in STATES else table.window_days)
    return found


def keys_of(texts: Sequence[str]) -> pa.Table:
    """The key that each text is known by in feature tables of queries."""
    return pa.table({"text": pa.array(texts, pa.string()), "query_key": pa.array([query_key(t) for t in texts], pa.string())})


def codes_of(things: Sequence[str]) -> pa.Table:
    """The identity code of each item or creative, as rankers know creatives."""
    return pa.table({"thing_id": pa.array(things, pa.string()), "code": pa.array(hash_codes(list(things)), pa.int32())})
