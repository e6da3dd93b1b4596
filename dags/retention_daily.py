"""Old days leave the warm tier.

One task, started by the asset `features`, with the same partition key: `placard retention run` moves partitions of events, features and
training sets that are older than the setting `warm_days` to the cold tier, and removes those older than `cold_days`. A day's partition is
copied, read back and only then removed where it was; a run that was killed is ended by the next. `placard retention restore` brings a day
back for a week.
"""

from airflow.sdk import PartitionedAssetTimetable, dag, task
from assets import FEATURES
from verb import DAY, TASKS, verb


@dag(
    schedule=PartitionedAssetTimetable(assets=FEATURES),
    catchup=False,
    max_active_runs=1,
    params={"day": DAY},
    default_args=TASKS,
    doc_md=__doc__,
    tags=["placard", "retention"],
)
def retention_daily():
    @task.bash
    def run():
        return verb("retention run")

    run()


retention_daily()
