"""A program: publishes snapshots, killed at every step, and prints what each death and the same publication after it left, as JSON.

Its argument is an empty folder.
"""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np

from feature_repo.errors import PlacardError
from pipelines.bench.serving.synthetic import AS_OF, catalogue
from serving.snapshot import current_version, open_current, set_current, verified_snapshot
from serving.snapshot.manifest import write_columns
from tests.killed import apart


def served(snapshots: Path) -> str:
    """The version that a worker that starts now would serve, verified; "" for none."""
    try:
        return verified_snapshot(snapshots / current_version(snapshots)).version
    except PlacardError as error:
        return "" if "Publish features" in error.fix else f"broken: {error}"


def main() -> None:
    """See the module."""
    root, out = Path(sys.argv[1]), dict[str, Any]()
    catalogue(root / "made", 30)
    arrays = {name: np.array(a) for name, a in open_current(root / "made").arrays.items()}
    (root / "nothing yet").mkdir()
    shutil.copytree(root / "made", root / "another before it")
    more = {**arrays, "bid_micros": arrays["bid_micros"] + 1}
    for start in ("nothing yet", "another before it"):
        place = root / "trial"

        def work(place: Path = place) -> None:
            set_current(place, write_columns(place, AS_OF, more, 30))

        def again(start: str = start, place: Path = place) -> None:
            shutil.rmtree(place, ignore_errors=True)
            shutil.copytree(root / start, place)

        again()
        old = served(place)
        steps = apart(work, place)
        new, deaths = served(place), []
        for step in [*range(0, steps - 12, 40), *range(steps - 12, steps)]:  # its hundred columns are written alike
            again()
            assert apart(work, place, step) == -1
            after = served(place)
            apart(work, place)
            deaths.append([after, served(place)])
        out[start] = {"old": old, "new": new, "deaths": deaths}
    print(json.dumps(out))


if __name__ == "__main__":
    main()
