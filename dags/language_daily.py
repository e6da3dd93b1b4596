"""The words that people search with, learned anew from a day's searches.

One task, started by the asset `features`, with the same partition key: `placard language train` learns the language model (spelling,
names, related terms, intent, categories) and the text encoder from the searches of the last `history_days` and the catalogue, measures
both on the later ones, and makes what passes its gates champion. New brands and products must be understood the next day, so no person
stands between; `placard rollback language` brings the one before back.

Models know the day that they learned up to: one of an older day never takes the place of a newer one, and the same searches again are the
same version.

A new language model serves within seconds. A new encoder serves from the next publication on: the catalogue's ads and the queries must
be encoded by the same one.
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
    tags=["placard", "language"],
)
def language_daily():
    @task.bash
    def train():
        return verb("language train --alias champion")

    train()


language_daily()
