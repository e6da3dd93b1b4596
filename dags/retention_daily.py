"""Old days leave the warm tier.

One task, started by the asset `placard_features`, with the same partition key: `placard retention run` moves partitions of events,
features and training sets that are older than the setting `warm_days` to the cold tier, and removes those older than `cold_days`. A day's
partition is copied, read back and only then removed where it was; a run that was killed is ended by the next. `placard retention restore`
brings a day back for a week. Half-written files and folders of any task that was killed a day ago or longer are removed as well.
"""

import sys

from airflow.sdk import PartitionedAssetTimetable, dag, task

sys.path.append(__file__.rpartition("/")[0])  # this folder, which Airflow knows only where it is the dags folder itself
from placard_dags import BUILDING, DAY, FEATURES, RUNS, dag_id, verb


@dag(
    dag_id("retention_daily"),
    schedule=PartitionedAssetTimetable(assets=FEATURES),
    params={"day": DAY},
    doc_md=__doc__,
    tags=["placard", "retention"],
    **RUNS,
)
def retention_daily():
    @task.bash(execution_timeout=BUILDING)
    def run():
        return verb("retention run")

    run()


retention_daily()
