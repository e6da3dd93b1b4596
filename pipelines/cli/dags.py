"""`placard dags`: the DAGs that come with this installation."""

from __future__ import annotations

import typer

from pipelines.cli.options import Json, example
from pipelines.cli.output import emit, guarded

EXAMPLE = example("placard dags path")
group = typer.Typer(no_args_is_help=True, epilog=EXAMPLE, help="The DAGs that come with this installation.")


@group.command("path", epilog=EXAMPLE)
@guarded
def path(as_json: Json = False) -> None:
    """The folder of the DAGs, for Airflow's setting `dags_folder`: AIRFLOW__CORE__DAGS_FOLDER="$(placard dags path)"."""
    from rich.markup import escape

    from pipelines.scheduling.dags_folder import DAGS

    emit({"path": DAGS}, as_json, escape(str(DAGS)))


def register(app: typer.Typer) -> None:
    app.add_typer(group, name="dags")
