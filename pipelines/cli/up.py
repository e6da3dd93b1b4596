"""`placard up`: Airflow, MLflow, the API and its guards on loopback, until Ctrl-C."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from pipelines.cli.options import Json, example
from pipelines.cli.output import emit, people, prepared, tell

if TYPE_CHECKING:
    from rich.status import Status

    from serving.settings import Settings


@prepared
def up(
    settings: Settings,
    airflow_port: Annotated[
        int, typer.Option("--airflow-port", min=0, max=65535, help="Airflow's UI; 0, or a port that is taken: a free one.")
    ] = 8090,
    mlflow_port: Annotated[int, typer.Option("--mlflow-port", min=0, max=65535, help="MLflow's UI; likewise.")] = 5000,
    paused: Annotated[bool, typer.Option("--paused", help="Leave the DAGs' schedules as they are in Airflow; at first, paused.")] = False,
    guard: Annotated[bool, typer.Option("--guard/--no-guard", help="Hold champions to their live guardrails while they serve.")] = True,
    as_json: Json = False,
) -> None:
    """Start Airflow (real scheduler), MLflow, the API and its guards on loopback; end all of them on Ctrl-C.

    Over a demo's state folder a request without consent counts as given; over any other the setting consent_when_absent must say.
    """
    import sys
    import time
    from functools import partial

    from pipelines.operations.platform_programs import platform_programs
    from pipelines.operations.said_consent import of_platform
    from pipelines.operations.waiting import wait_until
    from pipelines.registry.mlflow_store import make_database
    from pipelines.scheduling.airflow_home import free_port, listens
    from pipelines.scheduling.scheduler import running
    from serving.settings import child_environment

    home, ready = settings.home, settings.home.root / "airflow" / "run" / "api.url"
    quiet = {"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true", "GX_ANALYTICS_ENABLED": "false"}
    environment = child_environment(PLACARD_HOME=str(home.root), **quiet, **of_platform(settings))
    elsewhere = settings.stores.mlflow_uri.startswith("http")
    port = free_port(mlflow_port)
    models = settings.stores.mlflow_uri if elsewhere else f"http://127.0.0.1:{port}"
    with (
        people.status("Starting") as status,
        running(home, airflow_port, say=partial(_progress, status), links={"mlflow": models}) as airflow,
    ):
        ready.unlink(missing_ok=True)
        make_database(settings)
        programs = platform_programs(settings, free_port(settings.http.port), ready, None if elsewhere else port, guard)
        for name, argv in programs.items():
            airflow.processes.start(name, argv, environment)

        def late() -> list[str]:
            parts = {"the API": ready.exists(), "MLflow": elsewhere or listens(port)}
            return [name for name, there in parts.items() if not there]

        wait_until(late, airflow.processes.check, partial(_progress, status))
        for dag in [] if paused else airflow.api.dags():
            airflow.api.unpause(dag)
        status.stop()
        urls = {"airflow": airflow.airflow.url, "mlflow": models, "api": ready.read_text().strip()}
        login = {"user": "placard", "password_file": airflow.airflow.passwords}
        watched = [str(airflow.processes.log(name)) for name in programs if name.startswith("guard")]
        lines = [
            f"Airflow  {urls['airflow']}  (user placard, password in {airflow.airflow.passwords})",
            f"MLflow   {models}",
            f"API      {urls['api']}/docs",
            f"Guards   {', '.join(watched) or 'none'}",
            f"Data Docs {home.data_docs / 'index.html'}",
            "Ctrl-C ends all of them.",
        ]
        emit({"urls": urls, "login": login, "guard_logs": watched, "data_docs": home.data_docs / "index.html"}, as_json, lines)
        sys.stdout.flush()
        try:
            while True:
                airflow.processes.check()
                time.sleep(1)
        except KeyboardInterrupt:
            tell("ending all of them.")


def _progress(status: Status, word: str) -> None:
    """What is done or waited for just now: beside the spinner, or as a line where nobody sits at a terminal."""
    status.update(escape(word))
    if not people.is_terminal:
        tell(escape(word))


def register(app: typer.Typer) -> None:
    app.command("up", epilog=example("placard up --airflow-port 0 --no-guard"))(up)
