"""Starts a real Airflow (scheduler, DAG processor, API) on free loopback ports, runs days under it, and ends all of it.

Airflow lives in its own environment; this module only starts processes and speaks HTTP to them.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final

from feature_repo.sources import Home
from pipelines.errors import Missing, PipelineError
from serving.settings import child_environment

ROOT: Final = Path(__file__).resolve().parents[1]
AIRFLOW: Final = ROOT / ".venv-airflow" / "bin" / "airflow"
START_SECONDS: Final = 120
POLL_SECONDS: Final = 1.0
FINISHED: Final = ("success", "failed")


@dataclass(frozen=True)
class DagRun:
    """One run that was waited for; tasks: state by task."""

    dag: str
    key: str
    state: str
    tasks: dict[str, str]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Scheduler:
    """A running Airflow; `url` is its API and UI."""

    def __init__(self, url: str, process: subprocess.Popen[bytes], log: Path) -> None:
        self.url, self.process, self.log = url, process, log
        self._token = ""

    def call(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """One API call. Raises PipelineError with Airflow's own words."""
        headers = {"content-type": "application/json", "authorization": f"Bearer {self._token}"}
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.url}{path}", data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return dict(json.loads(answer.read() or b"{}"))
        except urllib.error.HTTPError as error:
            raise PipelineError(f"airflow {method} {path}", error.code, error.read().decode()[:300]) from None

    def wait_until_ready(self, dags: tuple[str, ...]) -> None:
        """Until the API answers, the scheduler beats and every DAG has been read. Raises PipelineError with the log's place."""
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                break
            try:
                health = self.call("GET", "/api/v2/monitor/health")
                if health["scheduler"]["status"] == "healthy":
                    self._token = self.call("GET", "/auth/token")["access_token"]
                    known = {d["dag_id"] for d in self.call("GET", "/api/v2/dags?limit=100")["dags"]}
                    if set(dags) <= known:
                        return
            except (OSError, PipelineError, KeyError, ValueError):
                pass
            time.sleep(POLL_SECONDS)
        raise PipelineError("airflow", self.process.poll(), f"It did not get ready in {START_SECONDS} s; read {self.log}.")

    def trigger(self, dag: str, key: str) -> None:
        """Starts a run for a partition key; does nothing when there is one already that has not failed."""
        for run in self._runs(dag, key):
            if run["state"] != "failed":
                return
        self.call("POST", f"/api/v2/dags/{dag}/dagRuns", {"logical_date": None, "partition_key": key})

    def _runs(self, dag: str, key: str) -> list[dict[str, Any]]:
        runs = self.call("GET", f"/api/v2/dags/{dag}/dagRuns?limit=100&order_by=-run_after")["dag_runs"]
        return [r for r in runs if r.get("partition_key") == key]

    def wait_for(self, dag: str, key: str, seconds: float, say: Callable[[str], None]) -> DagRun:
        """The newest run of a partition key, once it has ended. Raises PipelineError when it fails or takes too long."""
        deadline, word = time.monotonic() + seconds, ""
        while time.monotonic() < deadline:
            runs = self._runs(dag, key)
            if runs:
                run_id = urllib.request.quote(runs[0]["run_id"], safe="")  # type: ignore[attr-defined]
                tasks = self.call("GET", f"/api/v2/dags/{dag}/dagRuns/{run_id}/taskInstances")["task_instances"]
                states = {t["task_id"]: str(t["state"]) for t in tasks}
                now = ", ".join(t for t, s in states.items() if s == "running")
                if now and now != word:
                    word = now
                    say(f"{dag}: {now}")
                if runs[0]["state"] in FINISHED:
                    found = DagRun(dag, key, runs[0]["state"], states)
                    if found.state == "failed":
                        bad = ", ".join(t for t, s in states.items() if s == "failed")
                        raise PipelineError(f"{dag} of {key}", f"failed at {bad}", f"Its tasks' logs: {self.log.parent / 'logs'}")
                    return found
            time.sleep(POLL_SECONDS)
        raise PipelineError(f"{dag} of {key}", f"not finished in {seconds:.0f} s", f"Its tasks' logs: {self.log.parent / 'logs'}")


def environment(home: Home, port: int) -> dict[str, str]:
    """Airflow's settings: its own home under the state folder, LocalExecutor on SQLite, loopback, few workers, all ports free."""
    folder = home.root / "airflow"
    return child_environment(
        AIRFLOW_HOME=str(folder),
        AIRFLOW__CORE__DAGS_FOLDER=str(ROOT / "dags"),
        AIRFLOW__CORE__LOAD_EXAMPLES="False",
        AIRFLOW__CORE__EXECUTOR="LocalExecutor",
        AIRFLOW__CORE__PARALLELISM="2",
        AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION="False",
        AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS="True",
        AIRFLOW__CORE__EXECUTION_API_SERVER_URL=f"http://127.0.0.1:{port}/execution/",
        AIRFLOW__API__HOST="127.0.0.1",
        AIRFLOW__API__PORT=str(port),
        AIRFLOW__API__BASE_URL=f"http://127.0.0.1:{port}",
        AIRFLOW__LOGGING__WORKER_LOG_SERVER_PORT=str(_free_port()),
        AIRFLOW__LOGGING__TRIGGER_LOG_SERVER_PORT=str(_free_port()),
        AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL="30",
        AIRFLOW__USAGE_DATA_COLLECTION__ENABLED="False",
        PLACARD_HOME=str(home.root),
        PATH=f"{AIRFLOW.parent}:{os.defpath}",
    )


@contextmanager
def airflow(home: Home) -> Iterator[Scheduler]:
    """A running Airflow, ended with its whole process group on leaving. Raises Missing without its environment."""
    if not AIRFLOW.exists():
        raise Missing("airflow", str(AIRFLOW), "Run `make install`.")
    folder = home.root / "airflow"
    folder.mkdir(parents=True, exist_ok=True)
    port, log = _free_port(), folder / "standalone.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [str(AIRFLOW), "standalone"], stdout=output, stderr=output, env=environment(home, port), start_new_session=True
        )
    try:
        yield Scheduler(f"http://127.0.0.1:{port}", process, log)
    finally:
        _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    """A plain kill of standalone leaves its children behind: the group goes, first asked, then made to."""
    for kind in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, kind)
        except ProcessLookupError:
            return
        deadline = time.monotonic() + 8
        while time.monotonic() < deadline:
            process.poll()
            try:
                os.killpg(process.pid, 0)
            except ProcessLookupError:
                return
            time.sleep(0.1)


def run_day(home: Home, day: date, say: Callable[[str], None], seconds: float = 600) -> list[DagRun]:
    """Triggers features_daily for a day and waits for it and for rankers_daily, which its asset triggers."""
    key = day.isoformat()
    with airflow(home) as scheduler:
        say("waiting for the scheduler")
        scheduler.wait_until_ready(("features_daily", "rankers_daily"))
        scheduler.trigger("features_daily", key)
        return [scheduler.wait_for(dag, key, seconds, say) for dag in ("features_daily", "rankers_daily")]
