"""The words that people search with, learned anew from a day's searches.

One task, started by the asset `placard_features`, with the same partition key: `placard language train` learns the language model
(spelling, names, related terms, intent, categories) and the text encoder from the searches of the last `history_days` and the catalogue,
measures both on the later ones, and makes what passes its gates champion. New brands and products must be understood the next day, so no
person stands between; where a gate refuses, the task is skipped. `placard rollback language` brings the one before back.

Models know the day that they learned up to: one of an older day never takes the place of a newer one, and the same searches again are the
same version.

A new language model serves within seconds. A new encoder serves from the next publication on: the catalogue's ads and the queries must
be encoded by the same one.
"""

import sys

from airflow.sdk import PartitionedAssetTimetable, dag, task

sys.path.append(__file__.rpartition("/")[0])  # this folder, which Airflow knows only where it is the dags folder itself
from placard_dags import DAY, FEATURES, LEARNING, REFUSED, RUNS, dag_id, verb


@dag(
    dag_id("language_daily"),
    schedule=PartitionedAssetTimetable(assets=FEATURES),
    params={"day": DAY},
    doc_md=__doc__,
    tags=["placard", "language"],
    **RUNS,
)
def language_daily():
    @task.bash(execution_timeout=LEARNING, skip_on_exit_code=REFUSED)
    def train():
        return verb("language train --alias champion")

    train()


language_daily()
