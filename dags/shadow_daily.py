"""What the shadow would have said, against what happened: promote it, or hold.

`collect → report → decide`, every day at 00:00 UTC for the day before yesterday: by then that day's labels have matured.
The partition key is that day; the report looks back from it over `days`.

- **collect** brings what was served and scored on the day, and the engagements that followed, into the event tables.
- **report** compares champion and shadow on the same ads, with paired intervals; it changes nothing.
- **decide** promotes the shadow when every gate holds, and holds with its reasons otherwise. Holding is a success.
"""

import sys

from airflow.sdk import Param, dag, task

sys.path.append(__file__.rpartition("/")[0])  # this folder, which Airflow knows only where it is the dags folder itself
from placard_dags import DAY, RUNS, at_midnight, dag_id, verb

DAYS = Param(7, type="integer", minimum=1, maximum=90, title="Days", description="Days that are looked at, up to the partition.")


@dag(
    dag_id("shadow_daily"),
    schedule=at_midnight(2),
    params={"day": DAY, "days": DAYS},
    doc_md=__doc__,
    tags=["placard", "rankers"],
    **RUNS,
)
def shadow_daily():
    @task.bash
    def collect():
        return verb("ingest serving")

    @task.bash
    def report():
        return verb("shadow report --days {{ params.days }}")

    @task.bash(max_active_tis_per_dag=1)
    def decide():
        return verb("shadow decide --days {{ params.days }}")

    collect() >> report() >> decide()


shadow_daily()
