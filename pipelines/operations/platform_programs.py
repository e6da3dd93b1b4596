"""What `placard up` runs beside Airflow, each program by its name."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

from pipelines.gates.guardrails import NOW
from pipelines.registry.mlflow_store import address
from serving.settings import Settings

GUARD_SECONDS: Final = 5
"""Between two looks of a guard."""
RECONCILE_SECONDS: Final = 5
"""Between two looks at what was moved on MLflow's page."""


def platform_programs(settings: Settings, api_port: int, ready: Path, mlflow_port: int | None, guard: bool) -> dict[str, list[str]]:
    """Name → command line. ready: the file in which the API says where it answers. mlflow_port: None where MLflow runs elsewhere."""
    beside = Path(sys.executable).parent
    placard = str(beside / "placard")
    programs = {"api": [placard, "serve", "--port", str(api_port), "--ready-file", str(ready)]}
    if mlflow_port is not None:
        store = address(settings)
        at = ["--host", "127.0.0.1", "--port", str(mlflow_port), "--artifacts-destination", str(settings.home.mlflow / "artifacts")]
        programs["mlflow"] = [str(beside / "mlflow"), "server", *at, "--backend-store-uri", store, "--workers", "1"]
    if guard:
        programs |= {f"guard_{head}": [placard, "guard", "--head", head, "--watch", str(GUARD_SECONDS)] for head in NOW}
    programs["aliases"] = [placard, "registry", "reconcile", "--watch", str(RECONCILE_SECONDS)]
    return programs
