"""A feature is added to a platform that serves, as `docs/how-to/add-a-feature.md` says: in one file, and serving goes on throughout."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from shutil import copytree, ignore_patterns
from typing import Any

import pyarrow.parquet as pq
import pytest

from feature_repo.home import Home
from feature_repo.services import CLICK, NEWEST
from pipelines.simulator.config import MarketConfig
from serving.bundles import Bundle, aliases
from serving.snapshot.manifest import current_version, read_manifest
from tests.worlds.content import ROOT
from tests.worlds.copied import copied

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]
FIRST = date(2026, 1, 17)
DAYS = 6
LAST = FIRST + timedelta(days=DAYS - 1)
DAY = ("--partition", str(LAST))
SMALL = MarketConfig(start=str(FIRST), users=1_500, creatives=200, impressions_per_day=8_000, images=False)
TABLE = "feature_repo/tables/ad_performance.py"
ADDED = "ad_conversions_30d"
EDITS = {
    '        "ad_clicks_30d": t.c_30,\n': f'        "ad_clicks_30d": t.c_30,\n        "{ADDED}": t.v,\n',
    '        Feature("ad_clicks_30d", "float32", low=0, unit="clicks"),\n': (
        '        Feature("ad_clicks_30d", "float32", low=0, unit="clicks"),\n'
        f'        Feature("{ADDED}", "float32", low=0, unit="conversions", since={NEWEST + 1}),\n'
    ),
}
"""What a person writes, in TABLE alone."""
NEXT = f"click_v{NEWEST + 1}"

Say = Callable[..., Any]


def speaker(tree: Path, home: Home) -> Say:
    """Runs the verbs of a tree on a platform; gives their JSON."""
    environment = {**os.environ, "PLACARD_HOME": str(home.root), "PLACARD_LABEL_MATURITY_HOURS": "24", "PYTHONPATH": str(tree)}

    def say(*words: str) -> Any:
        done = subprocess.run(
            [sys.executable, "-m", "pipelines", *words, "--json"],
            env=environment, cwd=tree, capture_output=True, text=True, timeout=900, check=False,
        )  # fmt: skip
        assert done.returncode == 0, (words, done.stdout, done.stderr)
        return json.loads(done.stdout)

    return say


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A platform whose champion of clicks was trained before the feature."""
    home = Home(copied("tests.worlds.simulated", tmp_path_factory.mktemp("platform") / "placard", SMALL, DAYS))
    say = speaker(ROOT, home)
    for n in range(DAYS):
        say("ingest", "day", "--partition", str(FIRST + timedelta(days=n)))
    say("features", "history", "--from", str(FIRST), "--to", str(LAST))
    promoted(say)
    return home


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The code with the feature added."""
    tree = tmp_path_factory.mktemp("tree")
    for name in ("feature_repo", "serving", "pipelines"):
        copytree(ROOT / name, tree / name, ignore=ignore_patterns("__pycache__"))
    text = (tree / TABLE).read_text()
    for old, new in EDITS.items():
        assert text.count(old) == 1
        text = text.replace(old, new)
    (tree / TABLE).write_text(text)
    return tree


def promoted(say: Say) -> Any:
    """Trains the day's ranker of clicks and makes it champion; gives what training said."""
    trained = say("train", *DAY)
    for step in (("evaluate",), ("registry", "register")):
        say(*step, *DAY)
    say("promote", "click")
    return trained


def served(say: Say, home: Home) -> Any:
    """What a search of the next day, by a known person whom a campaign of the keyword wants, is answered with now."""
    campaigns = {row["campaign_id"]: row for row in rows(home, "campaigns")}
    anybody = (k for k in rows(home, "keywords") if not k["negative"] and wants_anybody(campaigns[k["campaign_id"]]))
    keyword = next(anybody)
    wanted = campaigns[keyword["campaign_id"]]
    where = [word for name in ("region", "language", "device") if wanted[f"{name}s"] for word in (f"--{name}", wanted[f"{name}s"][0])]
    user = pq.read_table(home.feature_partition("user_profile", LAST), partitioning=None)["user_id"][0].as_py()
    return say("explain", keyword["text"], "--user", user, "--at", f"{LAST + timedelta(days=1)}T12:00:00Z", *where)["why"]


def rows(home: Home, name: str) -> list[dict[str, Any]]:
    """The first day's rows of a table of the catalogue."""
    return pq.read_table(home.partition(name, FIRST), partitioning=None).to_pylist()


def wants_anybody(campaign: dict[str, Any]) -> bool:
    return campaign["status"] == "active" and not campaign["age_bands"] and not campaign["genders"]


def published(say: Say) -> list[Any]:
    return [d for d in say("features", "days", "--since", str(FIRST))["days"] if d["published"]]


def champion(home: Home) -> Bundle:
    return Bundle.load(home.bundles / "click" / aliases.read_aliases(home.bundles)["click"]["champion"])


def inputs(home: Home) -> set[str]:
    """What the catalogue that serves was published with."""
    return {*read_manifest(home.snapshots / current_version(home.snapshots)).inputs}


def test_what_serves_goes_on_while_the_next_version_is_built_and_trained(home: Home, tree: Path) -> None:
    before, after = speaker(ROOT, home), speaker(tree, home)
    old = served(before, home)
    assert old["rung"] == "full" and champion(home).manifest.input == CLICK.name and NEXT not in inputs(home)

    now = served(after, home)  # the new code on the old champion, catalogue and online store
    assert (now["rung"], now["policy"], now["snapshot"]) == ("full", old["policy"], old["snapshot"]) and not now["refused"]
    days = published(after)
    assert len(days) == DAYS and {d["state"] for d in days} == {"older"} and all(f"ad_performance.{ADDED}" in d["why"] for d in days)

    assert ADDED in after("train", *DAY)["back_fill"], "days from before the feature are read with its default, and training says so"
    after("features", "rebuild", *DAY, "--days", str(DAYS))
    assert {d["state"] for d in published(after)} == {"published", "live"} and inputs(home) >= {CLICK.name, NEXT}
    now = served(after, home)
    assert (now["rung"], now["policy"]) == ("full", old["policy"]) and not now["refused"], "the old champion, on the new catalogue"

    assert "back_fill" not in promoted(after)
    now = served(after, home)
    assert now["rung"] == "full" and now["policy"] != old["policy"] and not now["refused"]
    manifest = json.loads((home.bundles / "click" / now["policy"].partition("@")[2] / "manifest.json").read_text())
    assert manifest["input"] == NEXT and ADDED in manifest["columns"]
