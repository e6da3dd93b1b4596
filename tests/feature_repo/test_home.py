"""The state folder knows every table by name, and no other."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from feature_repo.catalog import CATALOG
from feature_repo.errors import FeatureError
from feature_repo.events import EVENTS
from feature_repo.home import Home
from feature_repo.table_names import CATALOG_TABLES, EVENT_TABLES


def test_every_table_with_columns_has_a_name_and_a_folder(tmp_path: Path) -> None:
    assert tuple(EVENTS) == EVENT_TABLES and tuple(CATALOG) == CATALOG_TABLES
    home = Home(tmp_path)
    assert {home.table(name).relative_to(tmp_path).as_posix() for name in (*EVENTS, *CATALOG)} == {
        *(f"events/{name}" for name in EVENTS),
        *(f"catalog/{name}" for name in CATALOG),
    }
    with pytest.raises(FeatureError, match="clicks"):
        home.table("clicks")


def test_a_path_costs_no_heavy_import() -> None:
    """Every verb and every worker asks for one."""
    code = "import sys, feature_repo.home; sys.exit(bool({'pyarrow', 'numpy', 'pandas'} & sys.modules.keys()))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
