"""The DAGs in an Airflow that has others: in a subfolder, beside modules and DAGs of other people, as that installation chose."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

DAGS = Path(__file__).resolve().parents[2] / "dags"
FOREIGN = '''"""Somebody else's. It speaks of airflow and a dag, so Airflow reads it."""
from airflow.sdk import Asset, dag, task
from assets import THEIRS

@dag(schedule=None)
def their_dag():
    @task(outlets=[THEIRS, Asset("features")])
    def work(): ...
    work()

their_dag()
'''


def parsed(folder: Path, chosen: str) -> dict[str, object]:
    """What Airflow makes of a dags folder: its errors, and of each DAG owners, pools and assets that it waits for."""
    code = (
        "import json, sys; from airflow.dag_processing.dagbag import DagBag\n"
        f"sys.path.append({str(folder)!r}); bag = DagBag({str(folder)!r})\n"
        "said = {'errors': bag.import_errors, 'dags': sorted(bag.dags),\n"
        " 'owners': sorted({t.owner for d in bag.dags.values() for t in d.tasks}),\n"
        " 'pools': sorted({t.pool for d in bag.dags.values() for t in d.tasks}),\n"
        " 'outlets': sorted({o.name for d in bag.dags.values() for t in d.tasks for o in t.outlets}),\n"
        " 'notes': sorted({t.doc_md or '' for d in bag.dags.values() for t in d.tasks}),\n"
        " 'modules': sorted({'assets', 'daily', 'tasks', 'verb', 'placard_dags'} & set(sys.modules))}\n"
        "print(json.dumps(said))"
    )
    environment = {**os.environ, "AIRFLOW_VAR_PLACARD": chosen, "AIRFLOW__CORE__DAGS_FOLDER": str(folder)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    return dict(json.loads(done.stdout.strip().splitlines()[-1]))


@pytest.fixture
def others(tmp_path: Path) -> Path:
    """A dags folder with a foreign DAG and its module `assets`, and ours two folders below it."""
    (tmp_path / "assets.py").write_text('from airflow.sdk import Asset\nTHEIRS = Asset("rankers")\n')
    (tmp_path / "their_dag.py").write_text(FOREIGN)
    shutil.copytree(DAGS, tmp_path / "ads" / "placard", ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def test_in_a_subfolder_beside_others_they_parse_and_clash_with_nothing(others: Path) -> None:
    found = parsed(others, "{}")
    assert found["errors"] == {}
    assert found["dags"] == sorted([*(p.stem for p in DAGS.glob("*_daily.py")), "their_dag"])
    assert found["outlets"] == ["features", "placard_features", "placard_rankers", "rankers"]
    assert found["modules"] == ["assets", "placard_dags"], "the foreign assets and nothing of ours but one name"


def test_an_installation_chooses_names_owner_pool_and_links(others: Path) -> None:
    chosen = {
        "dag_prefix": "ads_", "asset_prefix": "ads_", "owner": "ads-team", "pool": "ads", "links": {"mlflow": "https://mlflow.example"},
    }  # fmt: skip
    (others / "their_dag.py").unlink()
    found = parsed(others, json.dumps(chosen))
    assert found["errors"] == {}
    assert found["dags"] == [f"ads_{p.stem}" for p in sorted(DAGS.glob("*_daily.py"))]
    assert (found["owners"], found["pools"], found["outlets"]) == (["ads-team"], ["ads"], ["ads_features", "ads_rankers"])
    assert found["notes"] == ["- [mlflow](https://mlflow.example)"]


@pytest.mark.parametrize(
    ("said", "named"),
    [
        ({"ower": "x"}, "'ower' is unknown"),
        ({"owner": 3}, "owner is 3"),
        ({"run_hours": 0}, "run_hours is 0"),
        ({"links": {"mlflow": "javascript:alert(1)"}}, "links.mlflow"),
        ([], "JSON object"),
    ],
)
def test_what_it_cannot_mean_is_named(said: object, named: str) -> None:
    from placard_dags.chosen import chosen

    with pytest.raises(ValueError, match="Airflow variable placard") as error:
        chosen(said)
    assert named in str(error.value)
