"""A program: registers models with MLflow, killed at every step, and prints what each death and the same command after it left, as JSON.

Its arguments are an empty folder, how many steps there are from one death to the next, and which of the registrations.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
import sys
import warnings
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any, Final

import mlflow.pyfunc  # noqa: F401  # each death has a process of its own, which finds what takes seconds to import
import numpy as np

from pipelines.bench.serving.synthetic import ranker
from pipelines.language.train import LearnedLanguage
from pipelines.language.train import register as register_language
from pipelines.registry import listing
from pipelines.registry.again import registered_before
from pipelines.registry.mlflow_store import make_database, mlflow_client
from pipelines.registry.register import register
from pipelines.registry.roles import finish, set_alias
from serving.bundles import Bundle
from serving.bundles.aliases import read_aliases
from serving.language.dictionary import Dictionary
from serving.language.language import LANGUAGE, KnownWords, write_language
from serving.language.query_classifier import OUTPUTS
from serving.language.text_encoder import BUCKETS
from serving.settings import Settings
from tests.killed import apart
from tests.made import written_again

DAY: Final = date(2026, 1, 9)
CLICK: Final = "click"


def learned(root: Path, to: str) -> LearnedLanguage:
    """A small language model that passed its gates, learned to a moment."""
    said = {"trained_from": "2026-01-01", "trained_to": to, "ranker": "linear", "metrics": {}}
    words = KnownWords({"shoe": 3}, {"shoe"}, Dictionary.of([{"shoe": 3}]))
    weights = np.random.default_rng(1).normal(size=(BUCKETS, OUTPUTS)).astype(np.float32)
    write_language(root / to, "0", words, [], {}, weights, np.zeros(OUTPUTS, np.float32), said)
    return LearnedLanguage(LANGUAGE, root / to, {"commercial_auc": 0.6}, [])


def candidate(root: Path) -> Bundle:
    made = ranker(root / "made", trees=3, rows=500)
    return written_again(made, root / "candidate", replace(made.manifest, trained_from="2026-01-01", trained_to="2026-01-09"))


def register_ranker(settings: Settings, folder: Path) -> None:
    """What `registry register` does once the gates are passed."""
    finish(settings)
    version = registered_before(settings, CLICK, folder)
    if version is None:
        rows = np.zeros((2, len(Bundle.load(folder).manifest.columns)), np.float32)
        version = register(settings, folder, "", "trained", {"roc_auc": 0.7}, [], rows, True)
    if not version.aliases:
        set_alias(settings, CLICK, "challenger", version.version, "trained")


def state(settings: Settings, head: str) -> dict[str, Any]:
    """What serving reads of a head, what people are told, and what MLflow has."""
    told = [[c.alias, c.version, c.before, c.why] for c in listing.history(settings, head)]
    known = {v.version: [v.refused, v.metrics] for v in listing.versions(settings, head)}
    return {"aliases": read_aliases(settings.home.bundles).get(head, {}), "versions": known, "history": told, "mlflow": of_mlflow(settings)}


def of_mlflow(settings: Settings) -> dict[str, Any]:
    """Read without MLflow, which keeps connections open: what has them must not be forked."""
    path = settings.home.mlflow / "mlflow.db"
    if not path.exists():
        return {}
    with closing(sqlite3.connect(path)) as database:
        return {
            "versions": database.execute("SELECT name, version FROM model_versions ORDER BY 1, 2").fetchall(),
            "aliases": database.execute("SELECT name, alias, version FROM registered_model_aliases ORDER BY 1, 2").fetchall(),
            "runs": database.execute("SELECT status, count(*) FROM runs GROUP BY 1").fetchall(),
            "files": sorted(f"{p.parent.name}/{p.name}" for p in settings.home.mlflow.rglob("bundle/*")),
        }


def in_order(settings: Settings, work: Callable[[Settings], object], head: str, every: int, again: Callable[[], None]) -> dict[str, Any]:
    """The state before, after, and of each death and the same work after it."""
    again()
    old = state(settings, head)
    steps = apart(lambda: work(settings), settings.home.root)
    new, deaths = state(settings, head), []
    for step in range(every - 1, steps, every):
        again()
        assert apart(lambda: work(settings), settings.home.root, step) == -1
        after = state(settings, head)
        apart(lambda: work(settings), settings.home.root)
        deaths.append({"step": step, "after": after, "again": state(settings, head)})
    return {"old": old, "new": new, "steps": steps, "deaths": deaths}


def main() -> None:
    """See the module."""
    root, every, out = Path(sys.argv[1]), int(sys.argv[2]), dict[str, Any]()
    warnings.simplefilter("ignore")
    first, second, click = learned(root, "2026-01-09T00:00:00"), learned(root, "2026-01-10T00:00:00"), candidate(root)
    settings = Settings(PLACARD_HOME=root / "placard")
    place, folder = settings.home.root, root / "candidate"
    assert click.manifest.head == CLICK

    def begin(name: str, work: Callable[[], object]) -> Callable[[], None]:
        """Keeps what the work makes of an empty place; gives what brings it back."""
        shutil.rmtree(place, ignore_errors=True)
        apart(work, root)
        shutil.copytree(place, root / name)

        def again() -> None:
            shutil.rmtree(place, ignore_errors=True)
            shutil.copytree(root / name, place)

        return again

    def a_database() -> None:
        make_database(settings)
        with mlflow_client(settings):
            pass

    works: dict[str, tuple[str, Callable[[], object], Callable[[Settings], object]]] = {
        "the first registration ever": (LANGUAGE, a_database, lambda s: register_language(s, first, "champion", DAY)),
        "a registration beside a champion": (
            LANGUAGE, lambda: register_language(settings, first, "champion", DAY), lambda s: register_language(s, second, "champion", DAY),
        ),
        "a ranker's registration": (CLICK, a_database, lambda s: register_ranker(s, folder)),
    }  # fmt: skip
    for name in sys.argv[3:]:
        head, start, work = works[name]
        out[name] = in_order(settings, work, head, every, begin(name, start))
    print(json.dumps(out))


if __name__ == "__main__":
    main()
