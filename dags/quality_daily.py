"""Reports on a day, each a page under reports/ and figures in the log.

`drift`, `calibration` and `skew` side by side, and what follows them, started by the asset `placard_features`, with the same partition
key.

- **drift**: how far each published feature moved in a week (population stability index, judged against chance).
- **drift_click**, **drift_conversion**: how far the features that a head's champion reads have moved since its training rows ended. The
  task fails, as an alert, when more of them than its gate allows have; windows that were still filling then do not count. It changes
  nothing.
- **calibration**: predicted over observed clicks of what was served over `days`, by surface, device, region and day.
- **guard_click**, **guard_conversion** hold each head's champion to its band on labels that had matured by the day's end: clicks of ads
  that were seen, conversions of ads that were clicked. One that has drifted is kept out of the auction, the one before comes back, and
  the task fails with the figures. It is not retried, and the other head's goes on.
- **skew**: the feature vectors that serving logged, against the same ones recomputed offline.

Any other figure that does not hold in a report is shown there and does not fail the task: nothing waits for these reports.
"""

import sys

from airflow.sdk import Param, PartitionedAssetTimetable, dag, task

sys.path.append(__file__.rpartition("/")[0])  # this folder, which Airflow knows only where it is the dags folder itself
from placard_dags import DAY, FEATURES, RUNS, dag_id, verb

DAYS = Param(
    7, type="integer", minimum=1, maximum=90, title="Days", description="Days that calibration and guards look at, up to the partition."
)


@dag(
    dag_id("quality_daily"),
    schedule=PartitionedAssetTimetable(assets=FEATURES),
    params={"day": DAY, "days": DAYS},
    doc_md=__doc__,
    tags=["placard", "quality"],
    **RUNS,
)
def quality_daily():
    @task.bash
    def drift():
        return verb("quality drift")

    def drift_of(head):
        @task.bash(task_id=f"drift_{head}")
        def look():
            return verb(f"quality drift --of {head}")

        return look()

    @task.bash
    def calibration():
        return verb("quality calibration --days {{ params.days }}")

    def guard(head):
        @task.bash(task_id=f"guard_{head}", max_active_tis_per_dag=1)  # the registry's aliases have one writer
        def look():
            return verb(f"guard --head {head} --days {{{{ params.days }}}}")

        return look()

    @task.bash
    def skew():
        return verb("quality skew")

    drift()
    drift_of("click")
    drift_of("conversion")
    calibration() >> guard("click")
    guard("conversion")
    skew()


quality_daily()
