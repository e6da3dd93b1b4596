"""The data that the DAGs hand to each other. A DAG that makes an asset names it as an outlet; one that needs it waits for it."""

from airflow.sdk import Asset

from placard_dags.chosen import CHOSEN

FEATURES = Asset(f"{CHOSEN['asset_prefix']}features", group="placard", extra=CHOSEN["links"])
"""A day's feature tables: validated, in the offline and online store, and in the catalogue snapshot that serving maps."""

RANKERS = Asset(f"{CHOSEN['asset_prefix']}rankers", group="placard", extra=CHOSEN["links"])
"""A day's rankers: trained, gated and registered as challengers."""
