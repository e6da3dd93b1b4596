"""A program: publishes a day with Feast, killed at every step, and prints what each death and the same publication after it left, as JSON.

Its arguments are a state folder in which the day is built and checked, an empty folder, the day, how many steps there are from one death
to the next, and which of the publications.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
import sys
import warnings
from collections.abc import Callable
from contextlib import closing
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from feature_repo.days import end_of
from feature_repo.errors import PlacardError
from feature_repo.feast_store import PROJECT, OnlineProfiles, open_store
from feature_repo.home import Home
from feature_repo.tables import TABLES, USER_TABLES
from pipelines.features.content import content_hash
from pipelines.features.publish import publish
from serving.settings import Settings
from serving.snapshot import current_version, verified_snapshot
from tests.killed import apart


def served(home: Home) -> str:
    """The snapshot that a worker which starts now would serve, verified; "" for none."""
    try:
        return verified_snapshot(home.snapshots / current_version(home.snapshots)).version
    except PlacardError as error:
        return "" if "Publish features" in error.fix else f"broken: {error}"


def halves(home: Home) -> list[str]:
    """Users of whom the online store has some values of a view and not others, or values of different moments."""
    path = home.feast / "online.db"
    if not path.exists():
        return []
    with closing(sqlite3.connect(path)) as database:
        known = {row[0] for row in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        return [
            f"{table.name}: {seen}"
            for table in USER_TABLES
            if (name := f"{PROJECT}_{table.name}") in known
            for seen in database.execute(
                f'SELECT hex(entity_key), count(*), count(DISTINCT event_ts) FROM "{name}" GROUP BY 1 HAVING count(*) <> ? '
                "OR count(DISTINCT event_ts) <> 1", (len(table.names),),
            )
        ]  # fmt: skip


def state(home: Home, day: date) -> dict[str, Any]:
    """What serving reads, and whether what is published of the day is whole."""
    rows = {t.name: home.feature_partition(t.name, day) for t in TABLES}
    user = pq.read_table(home.staged(USER_TABLES[0].name, day), partitioning=None)["user_id"][0].as_py()
    try:
        flags = list(OnlineProfiles(open_store(home)).read(user, end_of(day) + timedelta(hours=1)).flags)
    except Exception as error:  # of Feast, which has no view yet
        flags = [type(error).__name__]
    return {
        "snapshot": served(home), "halves": halves(home), "user": flags,
        "published": {name: pq.read_table(path, partitioning=None).num_rows for name, path in rows.items() if path.exists()},
    }  # fmt: skip


def main() -> None:
    """See the module."""
    made, root, day, every = Path(sys.argv[1]), Path(sys.argv[2]), date.fromisoformat(sys.argv[3]), int(sys.argv[4])
    warnings.simplefilter("ignore")
    out, place, said = dict[str, Any](), root / "placard", root / "said.json"
    home = Home(place)
    open_store(Home(root / "imported"))  # which takes seconds, and is done once for all

    def work() -> None:
        publish(Settings(PLACARD_HOME=place), [day])

    def told(whole: bool = False) -> dict[str, Any]:
        """Of a process of its own: what has used Feast, Arrow and DuckDB must not be forked."""

        def tell() -> None:
            found = state(home, day)
            said.write_text(json.dumps({**found, "content": content_hash(home)} if whole else found))

        apart(tell, root)
        return dict(json.loads(said.read_text()))

    def begin(fresh: bool) -> Callable[[], None]:
        def again() -> None:
            shutil.rmtree(place, ignore_errors=True)
            shutil.copytree(made, place, ignore=shutil.ignore_patterns("truth"))
            if fresh:
                for folder in (home.feast, home.snapshots, *(home.features(t.name) for t in TABLES)):
                    shutil.rmtree(folder, ignore_errors=True)

        return again

    starts = {"the first publication ever": begin(True), "a publication after another": begin(False)}
    for name in sys.argv[5:]:
        again = starts[name]
        again()
        old = told()
        steps = apart(work, place)
        new, deaths = told(whole=True), []
        for step in range(every - 1, steps, every):
            again()
            assert apart(work, place, step) == -1
            after = told()
            apart(work, place)
            deaths.append({"step": step, "after": after, "again": told(whole=True)})
        out[name] = {"old": old, "new": new, "steps": steps, "deaths": deaths}
    print(json.dumps(out))


if __name__ == "__main__":
    main()
