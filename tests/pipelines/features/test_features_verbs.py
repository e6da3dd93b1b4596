"""`placard features build` and `features publish`, as a person or a scheduler calls them: the gate stands between the two."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from feature_repo.tables import TABLES
from feature_repo.tables.user_profile import USER_PROFILE
from serving.snapshot import open_current

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")  # Ibis's and Feast's own


def call(placard: Path, platform: Any, *words: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PLACARD_HOME": str(platform.home.root)}
    return subprocess.run([placard, *words], env=environment, capture_output=True, text=True, check=False)


def test_build_and_publish_are_enough(copy: Any, placard: Path, spoil: Callable[..., list[str]]) -> None:
    """Publish checks what has not been checked: a few bad rows are set aside on the way."""
    day = copy.waiting
    built = call(placard, copy, "features", "build", "--partition", str(day), "--json")
    assert built.returncode == 0, built.stderr
    rows = json.loads(built.stdout)["rows"]
    assert set(rows) == {t.name for t in TABLES} and all(n > 0 for n in rows.values())

    spoil(copy, USER_PROFILE, day, rows[USER_PROFILE.name] // 100)
    done = call(placard, copy, "features", "publish", "--partition", str(day), "--json")
    assert done.returncode == 0, done.stderr
    published = json.loads(done.stdout)["published"]
    assert published["live"] == str(day)
    assert open_current(copy.home.snapshots).version == published["snapshot"]
    assert len(copy.rows(USER_PROFILE, day)) == rows[USER_PROFILE.name] - rows[USER_PROFILE.name] // 100


def test_a_bad_batch_exits_with_3_and_changes_nothing_that_serves(copy: Any, placard: Path, spoil: Callable[..., list[str]]) -> None:
    spoil(copy, USER_PROFILE, copy.waiting, 100)
    before = copy.served_bytes()
    done = call(placard, copy, "features", "publish", "--partition", str(copy.waiting))
    assert done.returncode == 3
    assert USER_PROFILE.name in done.stderr and "Traceback" not in done.stderr
    assert copy.served_bytes() == before


def test_a_day_that_was_never_built_is_named_with_the_fix(copy: Any, placard: Path) -> None:
    done = call(placard, copy, "features", "publish", "--partition", "2025-01-01")
    assert done.returncode == 4
    assert "2025-01-01" in done.stderr and "features build" in done.stderr.replace("\n", " ")
