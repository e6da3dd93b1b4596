"""The `placard` command: one verb per file of pipelines/cli, every DAG task is one of them."""

from __future__ import annotations

import warnings
from importlib import import_module

import typer

from pipelines.cli.output import debug
from serving.settings import silence_telemetry, yield_cores

VERBS = ("simulate", "ingest", "features", "language", "train", "tune", "evaluate", "ope", "gate", "registry", "promote",
         "rollback", "shadow", "quality", "guard", "serve", "explain", "bench", "demo", "up", "dags", "doctor", "config")  # fmt: skip
"""Modules of pipelines/cli, in the order of `placard --help`; each has register(app)."""

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Placard: raw ad logs in, a priced and explained ad out.",
)


@app.callback()
def options(trace: bool = typer.Option(False, "--debug", help="Show tracebacks.")) -> None:
    """Placard: raw ad logs in, a priced and explained ad out."""
    debug.on = trace
    if not trace:
        warnings.showwarning = _unsaid


def _unsaid(*_: object, **__: object) -> None:
    """Warnings of the libraries underneath are for us. A filter would not do: Feast's import turns them on again."""


for verb in VERBS:
    import_module(f"pipelines.cli.{verb}").register(app)


def main() -> None:
    """Telemetry of the libraries underneath is off, always; their threads leave the cores to others while they wait."""
    silence_telemetry()
    yield_cores()
    app()


if __name__ == "__main__":
    main()
