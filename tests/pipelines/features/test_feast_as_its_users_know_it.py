"""Feast's own command line and client find what a publication registered."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

import pyarrow.parquet as pq

from feature_repo.feast_store import open_store, register_views
from feature_repo.home import Home
from feature_repo.services import INPUTS
from feature_repo.tables import TABLES, USER_TABLES
from feature_repo.views import OWNER, PROFILES
from tests.pipelines.small_platform import Platform

ROOT = Path(__file__).parents[3]


def test_feast_plans_no_change_of_what_publications_registered(tmp_path: Path) -> None:
    home = Home(tmp_path / "placard")
    feast = [sys.executable, "-m", "feast.cli.cli", "-c", "feature_repo", "plan"]
    environment = {**os.environ, "PLACARD_HOME": str(home.root), "PYTHONPATH": str(ROOT)}
    with redirect_stdout(StringIO()):
        for _ in range(2):
            register_views(open_store(home), home)
    said = subprocess.run(feast, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert said.returncode == 0 and "No changes to registry" in said.stdout, said.stdout + said.stderr


def test_the_service_that_is_online_answers_and_the_others_say_that_they_are_not(copy: Platform) -> None:
    store = open_store(copy.home)
    services = {service.name: service for service in store.list_feature_services()}
    assert {name for name, service in services.items() if service.tags["online"] == "yes"} == {PROFILES}
    assert {name for name, service in services.items() if service.tags["online"] == "no"} == {*INPUTS}
    user = pq.read_table(copy.home.feature_partition("user_profile", copy.live), partitioning=None)["user_id"][0].as_py()
    found = store.get_online_features(features=services[PROFILES], entity_rows=[{"user_id": user}]).to_dict()
    assert {*found} == {"user_id", *(name for table in USER_TABLES for name in table.names)} and found["user_age_code"][0] is not None


def test_every_view_says_whose_it_is_and_what_it_holds(copy: Platform) -> None:
    views = {view.name: view for view in open_store(copy.home).list_feature_views()}
    for table in TABLES:
        view = views[table.name]
        assert view.owner == OWNER and f"{table.window_days} days" in view.description and view.tags["entity"] == table.entity


def test_a_service_of_a_version_that_serves_no_more_goes(copy: Platform) -> None:
    from feast import FeatureService

    store = open_store(copy.home)
    views = store.list_feature_views()
    with redirect_stdout(StringIO()):
        store.apply([FeatureService(name="click_v0", features=views, owner=OWNER), FeatureService(name="theirs", features=views)])
        register_views(store, copy.home)
    left = {service.name for service in store.list_feature_services()}
    assert "click_v0" not in left and {"theirs", PROFILES, *INPUTS} <= left, "what somebody else registered stays"
