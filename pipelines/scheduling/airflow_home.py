"""An AIRFLOW_HOME inside the state folder: database, login, and the environment of Airflow's own programs."""

from __future__ import annotations

import json
import secrets
import socket
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from feature_repo.home import Home
from feature_repo.whole_file import whole_file
from pipelines.errors import Missing, PipelineError
from pipelines.scheduling.dags_folder import DAGS
from serving.settings import child_environment

CHECKOUT: Final = Path(__file__).resolve().parents[2]
PROGRAM: Final = CHECKOUT / ".venv-airflow" / "bin" / "airflow"
USER: Final = "placard"
PARALLEL_TASKS: Final = 2
"""A worker is a process; Airflow's default keeps 32 of them waiting."""
DATABASE: Final = "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"
BUSY_SECONDS: Final = 300
"""How long a program waits for a database that another holds. SQLite's own 5 end the scheduler when a disk is slow."""
CHOSEN: Final = "AIRFLOW_VAR_PLACARD"
"""Airflow's variable `placard`, as a variable of the environment: what the caller chose about the DAGs."""


@dataclass(frozen=True)
class AirflowHome:
    """root: AIRFLOW_HOME. port: of the UI, the API and the task API, on loopback. extra: more variables for the tasks. links: pages, by
    name, that tasks, assets and messages point at."""

    root: Path
    state: Path
    port: int
    extra: Mapping[str, str] = field(default_factory=dict)
    links: Mapping[str, str] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def database(self) -> Path:
        """What Airflow knows of runs and tasks, SQLite."""
        return self.root / "airflow.db"

    @property
    def passwords(self) -> Path:
        """JSON, {user: password}, readable by its owner alone."""
        return self.root / "passwords.json"

    @property
    def password(self) -> str:
        return str(json.loads(self.passwords.read_text())[USER])

    @property
    def environment(self) -> dict[str, str]:
        """Ours wins over what the caller has set: two Airflows must not meet in one folder or port."""
        return child_environment(
            AIRFLOW_HOME=str(self.root),
            AIRFLOW__CORE__DAGS_FOLDER=str(DAGS),
            AIRFLOW__CORE__LOAD_EXAMPLES="False",
            AIRFLOW__CORE__EXECUTOR="LocalExecutor",
            AIRFLOW__CORE__PARALLELISM=str(PARALLEL_TASKS),
            AIRFLOW__CORE__EXECUTION_API_SERVER_URL=f"{self.url}/execution/",
            AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS=f"{USER}:admin",
            AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE=str(self.passwords),
            AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION="True",
            **{DATABASE: address(self.database), CHOSEN: self._chosen()},
            AIRFLOW__LOGGING__BASE_LOG_FOLDER=str(self.root / "logs"),
            AIRFLOW__LOGGING__FILE_TASK_HANDLER_NEW_FOLDER_PERMISSIONS="0o700",  # it sets them by itself, whatever the umask
            AIRFLOW__LOGGING__FILE_TASK_HANDLER_NEW_FILE_PERMISSIONS="0o600",
            AIRFLOW__API__HOST="127.0.0.1",
            AIRFLOW__API__PORT=str(self.port),
            AIRFLOW__API__BASE_URL=self.url,
            AIRFLOW__API__WORKERS="1",
            AIRFLOW__WORKERS__MIN_HEARTBEAT_INTERVAL="1",  # also how long the end of a task may go unnoticed
            SCARF_ANALYTICS="false",
            DO_NOT_TRACK="1",
            PLACARD_HOME=str(self.state),
            **{"PLACARD_COMMAND": str(Path(sys.executable).with_name("placard")), **self.extra},
        )

    def _chosen(self) -> str:
        """What the caller chose, with the platform's pages beside the caller's own and DAG ids as the platform knows them.

        Raises PipelineError for what is no JSON object; what the names in it mean is the DAGs' to say.
        """
        said = child_environment().get(CHOSEN, "{}")
        try:
            found = json.loads(said)
        except ValueError:
            found = None
        if not isinstance(found, dict) or not isinstance(found.get("links", {}), dict):
            raise PipelineError(CHOSEN, said, "Write a JSON object; `links` in it is one, too.")
        return json.dumps({**found, "dag_prefix": "", "links": {**self.links, **found.get("links", {})}})

    @property
    def programs(self) -> dict[str, list[str]]:
        """Scheduler (which runs the tasks), DAG processor, API server. No log server: one disk."""
        return {
            "scheduler": [str(PROGRAM), "scheduler", "--skip-serve-logs"],
            "dag-processor": [str(PROGRAM), "dag-processor"],
            "api-server": [str(PROGRAM), "api-server"],
        }

    @property
    def triggerer(self) -> dict[str, list[str]]:
        """For tasks that defer. None of ours does."""
        return {"triggerer": [str(PROGRAM), "triggerer", "--skip-serve-logs"]}


def address(database: Path) -> str:
    """A SQLite file for SQLAlchemy. What is read as a query in it also reaches Airflow's asynchronous connections."""
    return f"sqlite:///{database}?timeout={BUSY_SECONDS}"


def prepare(home: Home, port: int = 0, extra: Mapping[str, str] | None = None, links: Mapping[str, str] | None = None) -> AirflowHome:
    """Creates or upgrades home.root/airflow. port: wished for; 0, or one that is taken, gives a free one.

    Raises Missing without .venv-airflow, PipelineError with Airflow's words when its database cannot be made.
    """
    if not PROGRAM.exists():
        raise Missing("Airflow's environment", str(PROGRAM), "Run `make install`.")
    state = home.root.absolute()
    airflow = AirflowHome(state / "airflow", state, free_port(port), extra or {}, links or {})
    airflow.root.mkdir(parents=True, exist_ok=True)
    if not airflow.passwords.exists():
        with whole_file(airflow.passwords) as part:
            part.touch(mode=0o600)
            part.write_text(json.dumps({USER: secrets.token_urlsafe(12)}) + "\n")
    if airflow.database.exists():
        _migrate(airflow, airflow.database)
    else:  # aside: a migration that is cut short cannot be taken up again
        with whole_file(airflow.database) as part:
            _migrate(airflow, part)
    return airflow


def _migrate(airflow: AirflowHome, database: Path) -> None:
    """Makes or upgrades a database. Raises PipelineError with Airflow's words."""
    environment = airflow.environment | {DATABASE: address(database)}
    done = subprocess.run([str(PROGRAM), "db", "migrate"], env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise PipelineError("Airflow's database", str(airflow.root), "\n".join((done.stdout + done.stderr).splitlines()[-10:]))


def free_port(wished: int = 0) -> int:
    """`wished` when nothing listens there, else any free loopback port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", wished))
        except OSError:
            probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def listens(port: int) -> bool:
    """Whether something answers on a loopback port."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
