"""The `placard` command: one verb per file of pipelines/cli, every DAG task is one of them."""

from __future__ import annotations

import warnings
from typing import Annotated

import typer

from pipelines.cli.debug import debug
from pipelines.cli.options import example
from pipelines.cli.verbs import VERBS, Verbs

__all__ = ["VERBS", "app", "main"]

app = typer.Typer(
    cls=Verbs,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # plain help and usage errors: cheap to start, and not broken into boxes where they are piped
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=example("placard simulate --days 10", "placard train --help"),
)


def _version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        typer.echo(f"placard {version('placard')}")
        raise typer.Exit


@app.callback()
def options(
    trace: Annotated[bool, typer.Option("--debug", help="Show tracebacks.")] = False,
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")] = False,
) -> None:
    """Placard: raw ad logs in, a priced and explained ad out."""
    from feature_repo.private_files import keep_private
    from serving.settings import silence_telemetry, yield_cores

    keep_private()  # logs, tables, models and records tell of people; what is started from here inherits it
    silence_telemetry()  # of the libraries underneath, always; and
    yield_cores()  # their threads leave the cores to others while they wait. Both before any of them is loaded.
    debug.on = trace
    if not trace:
        warnings.showwarning = _unsaid


def _unsaid(*_: object, **__: object) -> None:
    """Warnings of the libraries underneath are for us. A filter would not do: Feast's import turns them on again."""


def main() -> None:
    app()


if __name__ == "__main__":
    main()
