"""A day's logs in, a day's features live.

`ingest → build (a task per table) → validate → publish → rebuild → announce`, every day at 00:00 UTC. The partition key is the day that
has just ended.

- **ingest** collects the day from the sources in the setting `sources`, each row once; where declared inputs have not come it fails (4).
- **build** computes each feature table as of the day's end, into staging.
- **validate** checks each table with Great Expectations. Bad rows go to quarantine with their reasons; above 5 % the task is refused,
  is not retried, and nothing that is live has changed.
- **publish** brings the day into the offline store, the online store and the catalogue snapshot, one day at a time.
- **rebuild** builds again, in order, the days that came late or read one that did, as many days back as `rebuild_days` says; 0: none.
- **announce** starts what follows, by the parameter `models`: for the newest published day alone, unless it says `always`; so a backfill,
  or an old day that is cleared, leaves every model alone. Where nothing follows the task is skipped.

Run it twice, out of order, or again after a crash: the same content comes out, and an older day never moves live values back.
Announcing updates the asset of the features with the same partition key, which starts the rankers', language and quality DAGs.
For another day, trigger it with that day as partition key, or backfill a range: see docs/how-to/schedule-with-airflow.md.
"""

import sys

from airflow.sdk import Param, dag, task

sys.path.append(__file__.rpartition("/")[0])  # this folder, which Airflow knows only where it is the dags folder itself
from placard_dags import BUILDING, DAY, FEATURES, RUNS, at_midnight, dag_id, verb

BUILDS = ("user_profile", "user_actions", "user_embedding", "ad_creative", "ad_performance", "query_performance")
"""A table a task. One factorisation gives both embeddings, so building user_embedding writes ad_embedding too."""

REBUILD_DAYS = Param(
    0, type="integer", minimum=0, maximum=3660, title="Rebuild days",
    description="Days up to the partition of which those that are due (they came late, or their inputs changed) are built again; 0: none.",
)  # fmt: skip
MODELS = Param(
    "newest", enum=["newest", "always", "never"], title="Models",
    description="Whether models and reports follow: newest: if the day is the newest published one; a backfill leaves them alone so.",
)  # fmt: skip


@dag(
    dag_id("features_daily"),
    schedule=at_midnight(1),
    params={"day": DAY, "rebuild_days": REBUILD_DAYS, "models": MODELS},
    doc_md=__doc__,
    tags=["placard", "features"],
    **RUNS,
)
def features_daily():
    @task.bash
    def ingest():
        return verb("ingest day")

    @task.bash
    def validate():
        return verb("features validate")

    @task.bash(max_active_tis_per_dag=1)  # backfill runs pass max_active_runs by
    def publish():
        return verb("features publish")

    @task.bash(max_active_tis_per_dag=1, execution_timeout=4 * BUILDING)
    def rebuild():
        return verb("features rebuild --days {{ params.rebuild_days }}")

    @task.bash(outlets=[FEATURES])  # exit status 99 skips it, and the asset is not updated
    def announce():
        return verb("features announce --when {{ params.models }}")

    def build(table):
        @task.bash(task_id=f"build_{table}", execution_timeout=BUILDING)
        def command():
            return verb(f"features build --table {table}")

        return command()

    ingest() >> [build(table) for table in BUILDS] >> validate() >> publish() >> rebuild() >> announce()


features_daily()
