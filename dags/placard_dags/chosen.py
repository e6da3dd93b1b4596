"""What an installation chooses about its DAGs: the Airflow variable `placard`, a JSON object in which every name may be left out."""

from datetime import timedelta
from typing import Any

from airflow.sdk import Variable

DEFAULTS: dict[str, Any] = {
    "dag_prefix": "",  # before the id of each DAG
    "asset_prefix": "placard_",  # before the name of each asset
    "owner": "placard",  # of every task
    "pool": "default_pool",  # of every task; it must exist
    "webhook_connection": "",  # id of an HTTP connection that is told of failures; "": none
    "mail_to": [],  # addresses that are told of failures
    "mail_connection": "smtp_default",  # id of the SMTP connection that mail goes through
    "run_hours": 12,  # a run that has not ended by then is ended, and told
    "catchup": False,  # true: days passed while a DAG was off are made up, every one, once it has run before
    "links": {},  # name: URL of pages that tasks, assets and messages point at, such as data_docs, reports, mlflow
}
"""Every name with the value that stands where the variable leaves it out."""


def chosen(found: object) -> dict[str, Any]:
    """DEFAULTS with what `found` says instead. Raises ValueError naming what is unknown or of the wrong kind."""
    if not isinstance(found, dict):
        raise ValueError(f"Airflow variable placard: {found!r}. Write a JSON object.")
    for name, value in found.items():
        if name not in DEFAULTS:
            raise ValueError(f"Airflow variable placard: {name!r} is unknown. Known are {', '.join(DEFAULTS)}.")
        wanted = type(DEFAULTS[name])
        if type(value) is not wanted and not (name == "run_hours" and isinstance(value, float)):
            raise ValueError(f"Airflow variable placard: {name} is {value!r}. Write a value like {DEFAULTS[name]!r}.")
    if not 0 < found.get("run_hours", 1) <= 240:
        raise ValueError(f"Airflow variable placard: run_hours is {found['run_hours']!r}. Write hours above 0, at most 240.")
    for name, url in found.get("links", {}).items():
        if not (isinstance(url, str) and url.startswith(("http://", "https://"))):
            raise ValueError(f"Airflow variable placard: links.{name} is {url!r}. Write an address with http:// or https://.")
    return {**DEFAULTS, **found}


CHOSEN = chosen(Variable.get("placard", default={}, deserialize_json=True))
"""Read once when a DAG file is read: one look-up, none where AIRFLOW_VAR_PLACARD is in the environment."""

LINKS = "\n".join(f"- [{name.replace('_', ' ')}]({url})" for name, url in CHOSEN["links"].items())
"""The pages as Markdown, for the notes of a task."""

RUN_LIMIT = timedelta(hours=CHOSEN["run_hours"])
"""How long a run may take."""


def dag_id(name: str) -> str:
    """A DAG's id in this Airflow."""
    return f"{CHOSEN['dag_prefix']}{name}"
