"""What a DAG file may be, what each DAG is, and which verbs its tasks call."""

from __future__ import annotations

import ast
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from airflow.dag_processing.dagbag import DagBag
    from conftest import StandIn

DAGS = Path(__file__).resolve().parents[2] / "dags"
FILES = sorted(DAGS.rglob("*.py"))
HEADS = ("click", "conversion")
BUILDS = ("user_profile", "user_actions", "user_embedding", "ad_creative", "ad_performance", "query_performance")

STRUCTURE = {
    "features_daily": {
        "ingest": {f"build_{table}" for table in BUILDS},
        **{f"build_{table}": {"validate"} for table in BUILDS},
        "validate": {"publish"},
        "publish": {"rebuild"},
        "rebuild": {"announce"},
        "announce": set(),
    },
    "rankers_daily": {
        f"{head}.{step}": {f"{head}.{after}"} if after else set()
        for head in HEADS
        for step, after in {"dataset": "train", "train": "evaluate", "evaluate": "gate", "gate": "register", "register": ""}.items()
    },
    "shadow_daily": {"collect": {"report"}, "report": {"decide"}, "decide": set()},
    "quality_daily": {
        "drift": set(),
        "drift_click": set(),
        "drift_conversion": set(),
        "calibration": {"guard_click"},
        "guard_click": set(),
        "guard_conversion": set(),
        "skew": set(),
    },
    "language_daily": {"train": set()},
    "retention_daily": {"run": set()},
}
"""Downstream tasks of each task, of each DAG. A DAG that is not here fails."""

CALLS = {
    "features_daily": [
        "ingest day",
        *(f"features build --table {table}" for table in BUILDS),
        "features validate",
        "features publish",
        "features rebuild --days 0",
        "features announce --when newest",
    ],
    "rankers_daily": [
        call
        for head in HEADS
        for call in (
            f"train --head {head} --step dataset{' --fresh' if head == 'conversion' else ''}",
            f"train --head {head} --ranker auto --step fit",
            f"evaluate --head {head} --ranker auto",
            f"gate --head {head} --ranker auto",
            f"registry register --head {head} --ranker auto --alias challenger",
        )
    ],
    "shadow_daily": ["ingest serving", "shadow report --days 7", "shadow decide --days 7"],
    "quality_daily": [
        "quality drift",
        *(f"quality drift --of {head}" for head in HEADS),
        "quality calibration --days 7",
        *(f"guard --head {head} --days 7" for head in HEADS),
        "quality skew",
    ],
    "language_daily": ["language train --alias champion"],
    "retention_daily": ["retention run"],
}


def test_every_dag_imports_and_has_its_structure_here(bag: DagBag) -> None:
    assert bag.import_errors == {}
    assert set(bag.dags) == set(STRUCTURE) == set(CALLS) == {p.stem for p in DAGS.glob("*_daily.py")}


@pytest.mark.parametrize("name", STRUCTURE)
def test_structure(bag: DagBag, name: str) -> None:
    assert {task.task_id: set(task.downstream_task_ids) for task in bag.dags[name].tasks} == STRUCTURE[name]


@pytest.mark.parametrize("name", STRUCTURE)
def test_the_file_is_the_page_in_the_ui_and_params_explain_themselves(bag: DagBag, name: str) -> None:
    dag = bag.dags[name]
    assert dag.doc_md == ast.get_docstring(ast.parse((DAGS / f"{name}.py").read_text()), clean=False)
    for key in dag.params:
        param = dag.params.get_param(key)
        assert param.description, key
        assert {"type", "enum"} & set(param.schema), f"{key} has no type"


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.stem)
def test_a_file_knows_airflow_sdk_and_the_standard_library_only(path: Path) -> None:
    allowed = sys.stdlib_module_names | {"placard_dags"}
    known = {"airflow.sdk", "airflow.sdk.exceptions", "airflow.providers.smtp.hooks.smtp"}
    for node in ast.walk(ast.parse(path.read_text())):
        names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
        names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        assert [n for n in names if n not in known and n.split(".")[0] not in allowed] == []


def test_all_files_import_in_a_second_without_the_platform() -> None:
    """The processor has airflow.sdk loaded before it comes to a file: the files' own share is what counts."""
    code = (
        f"import sys, time, airflow.sdk; sys.path.insert(0, {str(DAGS)!r}); t = time.process_time()\n"
        f"for name in {[p.stem for p in DAGS.glob('*.py')]!r}: __import__(name)\n"
        "took = time.process_time() - t\n"
        "heavy = {'feast', 'mlflow', 'great_expectations', 'xgboost', 'pandas', 'numpy'} & set(sys.modules)\n"
        "print('took', took, *sorted(heavy))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    _, took, *heavy = done.stdout.strip().splitlines()[-1].split()
    assert heavy == []
    assert float(took) < 1.0


@pytest.mark.parametrize(("name", "lag"), [("features_daily", 1), ("shadow_daily", 2)])
def test_midnight_works_on_a_day_that_has_ended(bag: DagBag, name: str, lag: int) -> None:
    from airflow.serialization.encoders import coerce_to_core_timetable
    from airflow.timetables.base import TimeRestriction

    timetable = coerce_to_core_timetable(bag.dags[name].timetable)
    info = timetable.next_dagrun_info_v2(last_dagrun_info=None, restriction=TimeRestriction(None, None, catchup=False))
    assert info is not None and (info.run_after.hour, info.run_after.minute) == (0, 0)
    assert info.run_after > datetime.now(UTC), "a DAG that is switched on makes up for nothing"
    assert info.partition_key == (info.run_after.date() - timedelta(days=lag)).isoformat()
    # A key written by hand, the scheduler's and a backfill's are one and the same partition.
    assert timetable.resolve_partition_date(info.partition_key) == info.partition_date
    january = {"earliest": datetime(2026, 1, 10, tzinfo=UTC), "latest": datetime(2026, 1, 12, tzinfo=UTC)}
    assert [i.partition_key for i in timetable.iter_partition_dagrun_infos(**january)] == ["2026-01-10", "2026-01-11", "2026-01-12"]


def test_the_features_asset_starts_what_needs_features(bag: DagBag) -> None:
    made = {(dag, task.task_id): [o.name for o in task.outlets] for dag in bag.dags for task in bag.dags[dag].tasks if task.outlets}
    assert made == {
        ("features_daily", "announce"): ["placard_features"],
        **{("rankers_daily", f"{h}.register"): ["placard_rankers"] for h in HEADS},
    }
    for dag in ("rankers_daily", "quality_daily", "language_daily", "retention_daily"):
        assert bag.dags[dag].timetable.asset_condition.name == "placard_features"


def test_days_that_are_backfilled_at_once_publish_and_register_one_after_the_other(bag: DagBag) -> None:
    alone = {task.task_id for dag in bag.dags.values() for task in dag.tasks if task.max_active_tis_per_dag == 1}
    assert alone == {"publish", "rebuild", "decide", *(f"guard_{head}" for head in HEADS), *(f"{head}.register" for head in HEADS)}


@pytest.mark.parametrize("name", CALLS)
def test_a_run_calls_its_verbs_for_its_day(bag: DagBag, stand_in: StandIn, name: str) -> None:
    run = bag.dags[name].test(run_conf={"day": "2026-01-18"})
    assert str(run.state) == "success"
    assert sorted(stand_in.calls) == sorted(f"{call} --partition 2026-01-18" for call in CALLS[name])
    place = {call: i for i, call in enumerate(stand_in.calls)}
    if name == "features_daily":
        first, *builds, check, publish, rebuild, announce = (place[f"{call} --partition 2026-01-18"] for call in CALLS[name])
        assert first < min(builds) <= max(builds) < check < publish < rebuild < announce


def test_typed_params_reach_the_verb(bag: DagBag, stand_in: StandIn) -> None:
    bag.dags["rankers_daily"].test(run_conf={"day": "2026-01-18", "ranker": "logistic"})
    assert sum("--ranker logistic" in call for call in stand_in.calls) == 8


def test_where_no_model_may_follow_the_announcement_is_skipped_and_the_day_is_done(bag: DagBag, stand_in: StandIn) -> None:
    stand_in.fails("features announce --when newest", 99)
    run = bag.dags["features_daily"].test(run_conf={"day": "2026-01-18"})
    states = {i.task_id: str(i.state) for i in run.get_task_instances()}
    assert (states["publish"], states["announce"], str(run.state)) == ("success", "skipped", "success")


def test_a_day_is_a_day_and_never_a_command(bag: DagBag, stand_in: StandIn) -> None:
    from airflow.sdk.exceptions import ParamValidationError

    with pytest.raises(ParamValidationError):
        bag.dags["quality_daily"].test(run_conf={"day": '"; touch /tmp/owned; "'})
    assert stand_in.calls == []


def test_without_a_day_the_verb_is_left_to_say_so(bag: DagBag, stand_in: StandIn) -> None:
    bag.dags["quality_daily"].test()
    assert "quality drift --partition " in stand_in.calls


def test_a_failed_check_stops_what_follows(bag: DagBag, stand_in: StandIn) -> None:
    stand_in.fails("validate", 3)
    run = bag.dags["features_daily"].test(run_conf={"day": "2026-01-18"})
    assert str(run.state) == "failed"
    assert [call for call in stand_in.calls if "validate" in call] == ["features validate --partition 2026-01-18"], "tried once"
    assert not any("publish" in call for call in stand_in.calls)


def test_one_heads_refusal_does_not_hold_the_other(bag: DagBag, stand_in: StandIn) -> None:
    stand_in.fails("gate --head click", 3)
    run = bag.dags["rankers_daily"].test(run_conf={"day": "2026-01-18"})
    states = {i.task_id: str(i.state) for i in run.get_task_instances()}
    assert (states["click.gate"], states["click.register"]) == ("skipped", "skipped"), "a refusal is an answer and no failure"
    assert states["conversion.register"] == "success"
    assert str(run.state) == "success"
    assert not any("register --head click" in call for call in stand_in.calls)


def test_a_gate_that_breaks_is_a_failure(bag: DagBag, stand_in: StandIn) -> None:
    stand_in.fails("gate --head click", 2)
    run = bag.dags["rankers_daily"].test(run_conf={"day": "2026-01-18"})
    states = {i.task_id: str(i.state) for i in run.get_task_instances()}
    assert (states["click.gate"], states["click.register"], str(run.state)) == ("failed", "upstream_failed", "failed")


def test_one_heads_rollback_does_not_hold_the_other_guard(bag: DagBag, stand_in: StandIn) -> None:
    stand_in.fails("guard --head click", 3)
    run = bag.dags["quality_daily"].test(run_conf={"day": "2026-01-18"})
    states = {i.task_id: str(i.state) for i in run.get_task_instances()}
    assert (states["guard_click"], states["guard_conversion"]) == ("failed", "success") and str(run.state) == "failed"
    assert [call for call in stand_in.calls if "guard --head click" in call] == ["guard --head click --days 7 --partition 2026-01-18"]


@pytest.mark.parametrize(("status", "action"), [(2, "fail"), (3, "fail"), (127, "fail"), (1, "default"), (4, "default"), (-9, "default")])
def test_only_what_may_pass_is_tried_again(status: int, action: str) -> None:
    """In the very words of @task.bash, which are all that a policy gets to see."""
    from airflow.providers.standard.operators.bash import BashOperator
    from airflow.sdk.exceptions import AirflowException
    from placard_dags.tasks import RetryUnlessFinal

    command = f"exit {status}" if status >= 0 else f"kill {status} $$"
    operator = BashOperator(task_id="x", bash_command=command)
    with pytest.raises(AirflowException) as failure:
        operator.execute({})
    assert RetryUnlessFinal().evaluate(failure.value, 1, 3).action.value == action


def test_what_took_too_long_is_not_tried_again() -> None:
    from airflow.sdk.exceptions import AirflowTaskTimeout
    from placard_dags.tasks import RetryUnlessFinal

    assert RetryUnlessFinal().evaluate(AirflowTaskTimeout("Timeout"), 1, 3).action.value == "fail"


def test_every_task_has_the_policy_a_time_limit_within_its_runs_and_somebody_to_tell(bag: DagBag) -> None:
    from placard_dags import TASKS
    from placard_dags.told import of_failure, of_late_run

    for dag in bag.dags.values():
        assert dag.on_failure_callback == of_late_run
        for task in dag.tasks:
            assert task.retries == TASKS["retries"] and type(task.retry_policy).__name__ == "RetryUnlessFinal"
            assert list(task.on_failure_callback) == [of_failure]
            assert task.execution_timeout < dag.dagrun_timeout, task.task_id


def test_only_what_takes_long_may_take_long(bag: DagBag) -> None:
    long = {task.task_id for dag in bag.dags.values() for task in dag.tasks if task.execution_timeout > timedelta(minutes=30)}
    learning = {"dataset", "train"}
    assert long == {*(f"build_{t}" for t in BUILDS), "rebuild", "run", "train", *(f"{h}.{step}" for h in HEADS for step in learning)}
