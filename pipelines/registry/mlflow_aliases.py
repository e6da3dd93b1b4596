"""Reads MLflow's aliases and versions without MLflow's client, whose import takes seconds."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from feature_repo.addresses import without_password
from feature_repo.literal_path import read_only_database
from pipelines.errors import PipelineError
from serving.bundles.aliases import Aliases
from serving.settings import Settings

WAIT_SECONDS: Final = 5
SQLITE: Final = "sqlite:///"


def sqlite_path(uri: str) -> Path | None:
    """The file of a SQLite address; None of another."""
    return Path(uri.removeprefix(SQLITE).partition("?")[0]) if uri.startswith(SQLITE) else None


class MlflowUnread(PipelineError):
    """MLflow's store could not be read."""


@dataclass(frozen=True)
class Asked:
    """query: of a database. kind: of a server, whose path and list are named after it; rows: what each of its entries says."""

    query: str
    kind: str
    rows: Callable[[Mapping[str, Any]], Iterable[tuple[Any, ...]]]


ALIASES: Final = Asked(
    "SELECT name, alias, version FROM registered_model_aliases", "registered models",
    lambda model: [(model["name"], alias["alias"], alias["version"]) for alias in model.get("aliases", ())],
)  # fmt: skip
VERSIONS: Final = Asked(
    "SELECT name, version FROM model_versions WHERE current_stage <> 'Deleted_Internal'", "model versions",
    lambda version: [(version["name"], version["version"])],
)  # fmt: skip


def mlflow_aliases(settings: Settings) -> Aliases:
    """head → alias → version as MLflow has them; empty while nothing has been registered. Raises MlflowUnread."""
    found: Aliases = {}
    for head, alias, version in _asked(settings, ALIASES):
        found.setdefault(head, {})[alias] = str(version)
    return found


def mlflow_versions(settings: Settings) -> list[tuple[str, str]]:
    """Head and version of every one that MLflow knows. Raises MlflowUnread."""
    return sorted((head, str(version)) for head, version in _asked(settings, VERSIONS))


def _asked(settings: Settings, asked: Asked) -> list[tuple[Any, ...]]:
    """From MLflow's database, or from its server where PLACARD_MLFLOW_URI is of one. Raises MlflowUnread, after WAIT_SECONDS where a
    server does not answer."""
    uri = settings.stores.mlflow_uri
    try:
        if path := sqlite_path(uri) if uri else settings.home.mlflow / "mlflow.db":
            return _of_sqlite(path, asked)
        return list(_of_server(uri, asked)) if uri.startswith(("http://", "https://")) else _of_database(uri, asked)
    except Exception as error:  # drivers and servers fail with errors that share no base
        said = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise MlflowUnread("MLflow", without_password(uri) or str(settings.home.mlflow), f"It cannot be read: {said}") from None


def _of_sqlite(path: Path, asked: Asked) -> list[tuple[Any, ...]]:
    if not path.exists():
        return []
    with closing(sqlite3.connect(read_only_database(path), timeout=WAIT_SECONDS, uri=True)) as database:
        return list(database.execute(asked.query))


def _of_database(uri: str, asked: Asked) -> list[tuple[Any, ...]]:
    from sqlalchemy import create_engine, text
    from sqlalchemy.pool import NullPool

    engine = create_engine(uri, poolclass=NullPool, connect_args={"connect_timeout": WAIT_SECONDS})
    with engine.connect() as database:
        return [tuple(row) for row in database.execute(text(asked.query))]


def _of_server(uri: str, asked: Asked) -> Iterator[tuple[Any, ...]]:
    import requests

    address = f"{uri.rstrip('/')}/api/2.0/mlflow/{asked.kind.replace(' ', '-')}/search"
    page = {"max_results": "1000"}
    while True:
        answer = requests.get(address, params=page, timeout=WAIT_SECONDS)
        answer.raise_for_status()
        found = answer.json()
        for entry in found.get(asked.kind.replace(" ", "_"), ()):
            yield from asked.rows(entry)
        if not found.get("next_page_token"):
            return
        page["page_token"] = found["next_page_token"]
