"""Airflow's REST API, as much of it as starting and watching a run takes."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from urllib.parse import quote, urlencode

from pipelines.errors import PipelineError
from pipelines.scheduling.airflow_home import USER, AirflowHome

TIMEOUT_SECONDS: Final = 120
"""Of one call: a machine under load takes long to answer."""
FINISHED: Final = frozenset({"success", "failed", "skipped", "upstream_failed", "removed"})


@dataclass(frozen=True)
class TaskRun:
    """A task of a run. state: Airflow's, "" before it is scheduled. seconds: of its last try, 0 before it starts."""

    task: str
    state: str
    seconds: float
    tries: int

    @property
    def ended(self) -> bool:
        return self.state in FINISHED


@dataclass(frozen=True)
class DagRun:
    """A run of a DAG for a day (its partition key). seconds: from its start to its end, or until now."""

    dag: str
    run: str
    key: str
    state: str
    seconds: float

    @property
    def finished(self) -> bool:
        return self.state in FINISHED


class AirflowApi:
    """Raises OSError while the server is not up, PipelineError when it says no."""

    def __init__(self, airflow: AirflowHome) -> None:
        self._airflow, self._token = airflow, ""

    def call(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        if not self._token:
            login = {"username": USER, "password": self._airflow.password}
            self._token = str(self._send("POST", "/auth/token", login)["access_token"])
        return self._send(method, f"/api/v2{path}", body)

    def _send(self, method: str, path: str, body: dict[str, Any] | None) -> Any:
        request = urllib.request.Request(f"{self._airflow.url}{path}", method=method)
        request.add_header("Accept", "application/json")
        if self._token:
            request.add_header("Authorization", f"Bearer {self._token}")
        data = None
        if body is not None:
            data = json.dumps(body).encode()
            request.add_header("Content-Type", "application/json")
        try:
            with urllib.request.urlopen(request, data, TIMEOUT_SECONDS) as answer:
                text = answer.read()
        except urllib.error.HTTPError as error:
            said = error.read().decode(errors="replace")[:500]
            error.close()
            raise PipelineError(f"Airflow {method} {path}", error.code, said) from None
        return json.loads(text) if text else None

    def unhealthy(self) -> list[str]:
        """Which of the database, the scheduler and the DAG processor do not beat, as far as the API server can tell."""
        found = self.call("GET", "/monitor/health")
        return [part for part in ("metadatabase", "scheduler", "dag_processor") if (found.get(part) or {}).get("status") != "healthy"]

    def dags(self) -> set[str]:
        return {d["dag_id"] for d in self.call("GET", "/dags?limit=100")["dags"]}

    def import_errors(self) -> list[str]:
        return [f"{e['filename']}: {e['stack_trace']}" for e in self.call("GET", "/importErrors")["import_errors"]]

    def unpause(self, dag: str) -> None:
        self.call("PATCH", f"/dags/{dag}", {"is_paused": False})

    def trigger(self, dag: str, key: str) -> str:
        """Starts a run for a partition key and gives its id. Only the API takes a key: `airflow dags trigger` does not."""
        body = {"logical_date": None, "partition_key": key}
        return str(self.call("POST", f"/dags/{dag}/dagRuns", body)["dag_run_id"])

    def runs(self, dag: str, key: str) -> list[DagRun]:
        """The newest runs of a DAG for a partition key, newest first."""
        found = self.call("GET", f"/dags/{dag}/dagRuns?{urlencode({'limit': 50, 'order_by': '-run_after'})}")["dag_runs"]
        return [
            DagRun(dag, r["dag_run_id"], r["partition_key"], r["state"], _seconds(r["start_date"], r["end_date"]))
            for r in found
            if r["partition_key"] == key
        ]

    def tasks(self, run: DagRun) -> list[TaskRun]:
        found = self.call("GET", f"/dags/{run.dag}/dagRuns/{quote(run.run)}/taskInstances?limit=100")["task_instances"]
        return [TaskRun(t["task_id"], t["state"] or "", t["duration"] or 0.0, t["try_number"]) for t in found]

    def log(self, run: DagRun, task: TaskRun) -> list[str]:
        """The lines of a task's last try."""
        path = f"/dags/{run.dag}/dagRuns/{quote(run.run)}/taskInstances/{quote(task.task)}/logs/{max(task.tries, 1)}"
        content = self.call("GET", f"{path}?full_content=true")["content"]
        return [str(line["event"]) if isinstance(line, dict) else str(line) for line in content]


def _seconds(start: str | None, end: str | None) -> float:
    if start is None:
        return 0.0
    first = datetime.fromisoformat(start)
    last = datetime.fromisoformat(end) if end else datetime.now(first.tzinfo)
    return (last - first).total_seconds()
