"""Where MLflow's files lie: its database names them by absolute addresses, which follow a state folder that was copied or moved."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final

PLACES: Final = (
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("logged_models", "artifact_location"),
    ("model_versions", "source"),
    ("model_versions", "storage_location"),
)
"""Tables and columns of MLflow's database that hold the address of a file or a folder."""
ENDING: Final = "/mlflow/artifacts"
"""What the address of a state folder's artifacts ends with, wherever the state folder lies."""
NOWHERE: Final = "%/mlruns/0"
"""Where MLflow puts the artifacts of its experiment `Default` when it first opens a database: below the current folder of a process."""


def follow(database: Path, artifacts: Path) -> None:
    """Makes the database of a state folder name the folder's own artifacts: where it names those of another place, that is the one that the
    state folder was copied or moved from. Done again, it changes nothing. Needs no MLflow; waits for whoever writes."""
    here = artifacts.as_uri()
    with closing(sqlite3.connect(database, timeout=60)) as connection, connection:
        known = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        if "experiments" not in known:
            return
        rows = connection.execute("SELECT DISTINCT artifact_location FROM experiments").fetchall()
        for there in {str(place) for (place,) in rows if str(place).endswith(ENDING) and place != here}:
            for table, column in PLACES:
                if table in known:
                    connection.execute(
                        f"UPDATE {table} SET {column} = ? || substr({column}, ?) WHERE {column} = ? OR substr({column}, 1, ?) = ?",
                        (here, len(there) + 1, there, len(there) + 1, f"{there}/"),
                    )
        if any(str(place).endswith(NOWHERE.removeprefix("%")) for (place,) in rows):
            connection.execute("UPDATE experiments SET artifact_location = ? WHERE artifact_location LIKE ?", (here, NOWHERE))
