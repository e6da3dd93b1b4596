"""What the DAG files share. The name is Placard's own, so that modules of other DAGs in the same Airflow do not clash with it."""

from placard_dags.assets import FEATURES, RANKERS
from placard_dags.chosen import dag_id
from placard_dags.daily import at_midnight
from placard_dags.tasks import BUILDING, DAY, LEARNING, REFUSED, RUNS, TASKS, verb

__all__ = ["BUILDING", "DAY", "FEATURES", "LEARNING", "RANKERS", "REFUSED", "RUNS", "TASKS", "at_midnight", "dag_id", "verb"]
