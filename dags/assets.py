"""The data that the DAGs hand to each other. A DAG that makes an asset names it as an outlet; one that needs it waits for it."""

from airflow.sdk import Asset

FEATURES = Asset("features", group="placard")
"""A day's feature tables: validated, in the offline and online store, and in the catalogue snapshot that serving maps."""

RANKERS = Asset("rankers", group="placard")
"""A day's rankers: trained, gated and registered as challengers."""
