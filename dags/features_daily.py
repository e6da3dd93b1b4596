"""A day's logs in, a day's features live.

`ingest → build (a task per table) → validate → publish`, every day at 00:00 UTC. The partition key is the day that has just ended.

- **ingest** collects the day from every source in the setting `sources`; rows that are there already are counted, not repeated.
- **build** computes each feature table as of the day's end, into staging.
- **validate** checks each table with Great Expectations. Bad rows go to quarantine with their reasons; above 5 % the task is refused,
  is not retried, and nothing that is live has changed.
- **publish** brings the day into the offline store, the online store and the catalogue snapshot, one day at a time.

Run it twice, out of order, or again after a crash: the same content comes out, and an older day never moves live values back.
Publishing updates the asset `features` with the same partition key, which starts `rankers_daily` and `quality_daily`.

For another day, trigger it with that day as partition key, or backfill a range: see docs/how-to/schedule-with-airflow.md.
"""

from airflow.sdk import dag, task
from assets import FEATURES
from daily import at_midnight
from verb import DAY, TASKS, verb

BUILDS = ("user_profile", "user_actions", "user_embedding", "ad_creative", "ad_performance", "query_performance")
"""A table a task. One factorisation gives both embeddings, so building user_embedding writes ad_embedding too."""


@dag(
    schedule=at_midnight(1),
    catchup=False,
    max_active_runs=1,
    params={"day": DAY},
    default_args=TASKS,
    doc_md=__doc__,
    tags=["placard", "features"],
)
def features_daily():
    @task.bash
    def ingest():
        return verb("ingest day")

    @task.bash
    def validate():
        return verb("features validate")

    @task.bash(outlets=[FEATURES], max_active_tis_per_dag=1)  # backfill runs pass max_active_runs by
    def publish():
        return verb("features publish")

    def build(table):
        @task.bash(task_id=f"build_{table}")
        def command():
            return verb(f"features build --table {table}")

        return command()

    ingest() >> [build(table) for table in BUILDS] >> validate() >> publish()


features_daily()
