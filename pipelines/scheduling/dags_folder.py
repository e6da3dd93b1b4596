"""Where the DAGs lie that Airflow is to read."""

from __future__ import annotations

from pathlib import Path
from typing import Final

PACKAGE: Final = Path(__file__).resolve().parents[1]
IN_A_WHEEL: Final = PACKAGE / "dags"
IN_A_CHECKOUT: Final = PACKAGE.parent / "dags"
DAGS: Final = IN_A_WHEEL if IN_A_WHEEL.is_dir() else IN_A_CHECKOUT
"""The folder for Airflow's setting `dags_folder`."""
