"""Publishing is atomic: killed at any point, the old or the new is served whole, and the next run ends where none was killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from datetime import timedelta
from typing import Any

import pytest

from feature_repo.days import end_of
from feature_repo.feast_store import OnlineProfiles, open_store
from feature_repo.tables import USER_TABLES
from pipelines.features.content import content_hash
from pipelines.features.publish import publish
from pipelines.features.published import published_days
from serving.snapshot import open_current

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")

KILLED = """
import os, signal, sys
where = sys.argv[1]
def die(*args, **kwargs):
    os.kill(os.getpid(), signal.SIGKILL)
real = os.replace
def replace(source, target, **kwargs):
    if where in str(target):
        die()
    return real(source, target, **kwargs)
os.replace = replace
if where == "online":
    from feast.infra.online_stores.sqlite import SqliteOnlineStore
    write, calls = SqliteOnlineStore.online_write_batch, []
    def half(self, config, table, data, progress):
        write(self, config, table, data[: len(data) // 2], progress)
        die()
    SqliteOnlineStore.online_write_batch = half
sys.argv[1:] = sys.argv[2:]
from pipelines.__main__ import main
main()
"""
"""The command, killed before the rename onto a path with a word in it, or half-way through the online store's rows."""


@pytest.fixture(scope="module")
def whole(platform: Any, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """Content hash and snapshot of a publish that nothing disturbs."""
    import shutil

    home = type(platform.home)(tmp_path_factory.mktemp("whole") / "placard")
    shutil.copytree(platform.home.root, home.root)
    done = publish(type(platform)(home).settings, [platform.waiting])
    return done.content, done.snapshot


@pytest.mark.parametrize(
    "where",
    [
        pytest.param("features/ad_creative", marks=pytest.mark.slow),
        "online",
        pytest.param("snapshots/2026", marks=pytest.mark.slow),
        pytest.param("CURRENT", marks=pytest.mark.slow),
    ],
)
def test_kill_9_leaves_the_old_or_the_new_and_a_rerun_ends_the_same(copy: Any, whole: tuple[str, str], where: str) -> None:
    old = open_current(copy.home.snapshots).version
    argv = [sys.executable, "-W", "ignore", "-c", KILLED, where, "features", "publish", "--partition", str(copy.waiting)]
    done = subprocess.run(argv, env={**os.environ, "PLACARD_HOME": str(copy.home.root)}, capture_output=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()

    left = open_current(copy.home.snapshots)
    assert left.version == old and len(left) > 0
    user = copy.rows(USER_TABLES[0], copy.live)["user_id"][0].as_py()
    row = OnlineProfiles(open_store(copy.home)).read(user, end_of(copy.waiting) + timedelta(hours=1))
    assert all(len(row.columns[f.name]) == 1 for t in USER_TABLES for f in t.features)

    again = publish(copy.settings, [copy.waiting])
    assert (again.content, again.snapshot) == whole
    assert open_current(copy.home.snapshots).version == whole[1] != old


def test_publishing_twice_changes_nothing(copy: Any, whole: tuple[str, str]) -> None:
    assert publish(copy.settings, [copy.waiting]).content == whole[0]
    assert publish(copy.settings, [copy.waiting]).content == whole[0] == content_hash(copy.home)


def test_an_older_day_never_moves_what_is_live_back(copy: Any) -> None:
    before = content_hash(copy.home)
    done = publish(copy.settings, [copy.days[0]])
    assert (done.live, done.content) == (copy.live, before)
    assert published_days(copy.home) == [*copy.days[:3]]


def test_a_snapshot_that_is_being_read_outlives_the_next_publish(copy: Any) -> None:
    """Workers map the old one until they swap."""
    old = open_current(copy.home.snapshots)
    before = {name: values.tobytes() for name, values in old.arrays.items()}
    publish(copy.settings, [copy.waiting])
    assert open_current(copy.home.snapshots).version != old.version
    assert {name: values.tobytes() for name, values in old.arrays.items()} == before


def test_a_platform_publishes_its_share_of_every_budget(copy: Any) -> None:
    """Where each region has a ledger of its own, all together spend no budget twice."""
    publish(copy.settings, [copy.waiting])
    whole = open_current(copy.home.snapshots)["campaign.budget_micros"].copy()
    own = [copy.settings.model_copy(update={"features": copy.settings.features.model_copy(update={"budget_share": s})}) for s in (0.3, 0.7)]
    parts = []
    for settings in own:
        publish(settings, [copy.waiting])
        parts.append(open_current(copy.home.snapshots)["campaign.budget_micros"].copy())
    assert len(whole) > 10 and (whole > 0).all()
    assert (parts[0] + parts[1] <= whole).all() and (parts[0] + parts[1] >= whole - 2).all()
