"""A day's features in, a challenger per head registered.

`dataset → train → evaluate → gate → register` for the click head and the conversion head side by side, started by the asset
`placard_features`, with the same partition key.

- **dataset** joins labels that had matured by the day's end with the features known at their time. Conversions come late: clicks whose
  window is open when the test begins teach too, by how long conversions take (`train --fresh`).
- **train** chooses the family that so many positives are worth and says which and why (`auto`; a run may name another), fits it and
  calibrates it; **evaluate** measures it on later rows beside the champion and writes the report.
- **gate** compares the figures with the gates. A candidate that does not hold is refused, which is an answer and no failure: the log has
  each gate's values, the task and `register` are skipped, the champion stays, and the other head goes on.
- **register** records the bundle and points `@challenger` at it. People (or `shadow_daily`) promote; this DAG never does.
"""

import sys

from airflow.sdk import Param, PartitionedAssetTimetable, dag, task, task_group

sys.path.append(__file__.rpartition("/")[0])  # this folder, which Airflow knows only where it is the dags folder itself
from placard_dags import BUILDING, DAY, FEATURES, LEARNING, RANKERS, REFUSED, RUNS, dag_id, verb

HEADS = ("click", "conversion")
FRESH = {"conversion": " --fresh"}
"""The newest clicks teach before their window has passed: what has not come yet is left to the law of the delays. Clicks come at once."""
NAMES = [
    "auto", "xgboost", "logistic", "xgboost_slim", "lightgbm", "catboost", "early_fusion", "intermediate_fusion", "intermediate_fusion_dcn",
    "late_fusion", "late_fusion_meta", "behaviour_transformer", "deep_ensemble",
]  # fmt: skip
RANKER = Param(
    "auto",
    enum=NAMES,
    title="Ranker",
    description="Which ranker to fit. auto: the family that the log's size is worth. All but the first four need `make train-env`.",
)


@dag(
    dag_id("rankers_daily"),
    schedule=PartitionedAssetTimetable(assets=FEATURES),
    params={"day": DAY, "ranker": RANKER},
    doc_md=__doc__,
    tags=["placard", "rankers"],
    **RUNS,
)
def rankers_daily():
    def challenger(head):
        candidate = f"--head {head} --ranker {{{{ params.ranker }}}}"

        @task.bash(execution_timeout=BUILDING)
        def dataset():
            return verb(f"train --head {head} --step dataset{FRESH.get(head, '')}")

        @task.bash(execution_timeout=LEARNING)
        def train():
            return verb(f"train {candidate} --step fit")

        @task.bash
        def evaluate():
            return verb(f"evaluate {candidate}")

        @task.bash(skip_on_exit_code=REFUSED)
        def gate():
            return verb(f"gate {candidate}")

        @task.bash(outlets=[RANKERS], max_active_tis_per_dag=1)  # the registry's aliases have one writer
        def register():
            return verb(f"registry register {candidate} --alias challenger")

        @task_group(group_id=head)
        def steps():
            dataset() >> train() >> evaluate() >> gate() >> register()

        return steps()

    for head in HEADS:
        challenger(head)


rankers_daily()
