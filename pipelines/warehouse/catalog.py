"""The catalogue tables as they were known at the end of a day."""

from __future__ import annotations

from datetime import date

import pyarrow as pa

from feature_repo import catalog
from feature_repo.days import end_of
from feature_repo.home import Home
from pipelines.warehouse.as_of import as_of_table, connect


def catalog_as_of(home: Home, day: date) -> dict[str, pa.Table]:
    """Every catalogue table's state at the end of `day`, in the contract's schema, by key."""
    con = connect()
    try:
        return {
            name: as_of_table(con, home, name, end_of(day)).to_pyarrow().select(schema.names).cast(schema).sort_by(catalog.KEYS[name])
            for name, schema in catalog.CATALOG.items()
        }
    finally:
        con.disconnect()
