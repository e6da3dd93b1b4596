"""Reads MLflow's aliases without MLflow's client, whose import takes seconds."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Final

from feature_repo.addresses import without_password
from feature_repo.literal_path import read_only_database
from pipelines.errors import PipelineError
from serving.bundles.aliases import Aliases
from serving.settings import Settings

WAIT_SECONDS: Final = 5
QUERY: Final = "SELECT name, alias, version FROM registered_model_aliases"
SQLITE: Final = "sqlite:///"


def sqlite_path(uri: str) -> Path | None:
    """The file of a SQLite address; None of another."""
    return Path(uri.removeprefix(SQLITE).partition("?")[0]) if uri.startswith(SQLITE) else None


class MlflowUnread(PipelineError):
    """MLflow's store could not be read."""


def mlflow_aliases(settings: Settings) -> Aliases:
    """head → alias → version as MLflow has them: from its database, or from its server where PLACARD_MLFLOW_URI is of one; empty while
    nothing has been registered. Raises MlflowUnread, after WAIT_SECONDS where a server does not answer."""
    uri = settings.stores.mlflow_uri
    try:
        if path := sqlite_path(uri) if uri else settings.home.mlflow / "mlflow.db":
            return _by_head(_of_sqlite(path))
        return _by_head(_of_server(uri) if uri.startswith(("http://", "https://")) else _of_database(uri))
    except Exception as error:  # drivers and servers fail with errors that share no base
        said = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise MlflowUnread("MLflow", without_password(uri) or str(settings.home.mlflow), f"It cannot be read: {said}") from None


def _by_head(rows: Iterable[tuple[str, str, Any]]) -> Aliases:
    found: Aliases = {}
    for head, alias, version in rows:
        found.setdefault(head, {})[alias] = str(version)
    return found


def _of_sqlite(path: Path) -> list[tuple[str, str, Any]]:
    if not path.exists():
        return []
    with closing(sqlite3.connect(read_only_database(path), timeout=WAIT_SECONDS, uri=True)) as database:
        return list(database.execute(QUERY))


def _of_database(uri: str) -> list[tuple[str, str, Any]]:
    from sqlalchemy import create_engine, text
    from sqlalchemy.pool import NullPool

    engine = create_engine(uri, poolclass=NullPool, connect_args={"connect_timeout": WAIT_SECONDS})
    with engine.connect() as database:
        return [(name, alias, version) for name, alias, version in database.execute(text(QUERY))]


def _of_server(uri: str) -> Iterator[tuple[str, str, Any]]:
    import requests

    page = {"max_results": "1000"}
    while True:
        answer = requests.get(f"{uri.rstrip('/')}/api/2.0/mlflow/registered-models/search", params=page, timeout=WAIT_SECONDS)
        answer.raise_for_status()
        found = answer.json()
        for model in found.get("registered_models", ()):
            for alias in model.get("aliases", ()):
                yield model["name"], alias["alias"], alias["version"]
        if not found.get("next_page_token"):
            return
        page["page_token"] = found["next_page_token"]
