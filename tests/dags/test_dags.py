from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from airflow.dag_processing.dagbag import DagBag

ROOT = Path(__file__).resolve().parents[2]
HOME = Path(os.environ["AIRFLOW_HOME"])
CALLS = HOME / "calls"

EXPECTED = {
    "features_daily": {
        "ingest": {"build_user_profile", "build_user_embedding", "build_ad_creative", "build_ad_performance"},
        "build_user_profile": {"validate"},
        "build_user_embedding": {"validate"},
        "build_ad_creative": {"validate"},
        "build_ad_performance": {"validate"},
        "validate": {"publish"},
        "publish": set(),
    },
    "rankers_daily": {
        step: {after} if after else set()
        for head in ("click", "conversion")
        for step, after in (
            (f"dataset_{head}", f"train_{head}"),
            (f"train_{head}", f"evaluate_{head}"),
            (f"evaluate_{head}", f"gate_{head}"),
            (f"gate_{head}", f"register_{head}"),
            (f"register_{head}", ""),
        )
    },
    "shadow_daily": {"report": {"decide"}, "decide": set()},
    "quality_daily": {"drift": set(), "calibration": set(), "skew": set()},
}
FILES = sorted(p for p in (ROOT / "dags").glob("*_daily.py"))


@pytest.fixture(scope="module")
def bag() -> DagBag:
    return DagBag(str(ROOT / "dags"))


def test_every_dag_imports_and_is_expected_here(bag: DagBag) -> None:
    assert bag.import_errors == {}
    assert set(bag.dags) == set(EXPECTED), "a new DAG needs its structure written down above"


@pytest.mark.parametrize("name", EXPECTED)
def test_structure(bag: DagBag, name: str) -> None:
    dag = bag.dags[name]
    assert {t.task_id: set(t.downstream_task_ids) for t in dag.tasks} == EXPECTED[name]
    assert dag.doc_md and len(dag.doc_md) > 100
    assert all(t.retries == 0 for t in dag.tasks), "trying again is decided by exit status, in assets.verb"


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.stem)
def test_a_dag_file_imports_fast_and_without_the_platform(path: Path) -> None:
    code = (
        "import sys, time, airflow.sdk\n"
        "for n in ('dag', 'task', 'Asset', 'Param', 'CronPartitionTimetable', 'PartitionedAssetTimetable'): getattr(airflow.sdk, n)\n"
        f"sys.path.insert(0, {str(path.parent)!r})\n"
        f"t = time.perf_counter(); __import__({path.stem!r}); took = time.perf_counter() - t\n"
        "heavy = {'feast', 'mlflow', 'great_expectations', 'xgboost', 'pandas'} & set(sys.modules)\n"
        "print(took, sorted(heavy))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    took, heavy = done.stdout.strip().splitlines()[-1].split(" ", 1)
    assert heavy == "[]"
    assert float(took) < 1.0


def calls() -> list[str]:
    return CALLS.read_text().splitlines() if CALLS.exists() else []


@pytest.mark.parametrize("name", EXPECTED)
def test_a_run_calls_the_verbs_for_its_day(bag: DagBag, name: str) -> None:
    CALLS.unlink(missing_ok=True)
    run = bag.dags[name].test(run_conf={"day": "2026-01-18"})
    assert str(run.state) == "success"
    said = calls()
    assert len(said) == len(EXPECTED[name])
    assert all(line.endswith("--partition 2026-01-18") for line in said)


@pytest.mark.parametrize(("status", "tries"), [(3, 1), (2, 1), (1, 2), (4, 2)])
def test_what_is_refused_is_not_tried_again(bag: DagBag, status: int, tries: int) -> None:
    CALLS.unlink(missing_ok=True)
    (HOME / "exit").write_text(str(status))
    try:
        run = bag.dags["shadow_daily"].test(run_conf={"day": "2026-01-18"})
    finally:
        (HOME / "exit").unlink()
    assert str(run.state) == "failed"
    assert calls() == ["shadow report --partition 2026-01-18"] * tries
