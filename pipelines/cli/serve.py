"""`placard serve`: the API."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.cli import arguments
from pipelines.cli.options import example
from pipelines.cli.output import prepared, tell

if TYPE_CHECKING:
    from serving.settings import Settings


@prepared
def serve(
    settings: Settings,
    host: Annotated[str, typer.Option("--host", help="Address; anything but loopback needs PLACARD_TOKEN.")] = "",
    port: Annotated[int | None, typer.Option("--port", min=0, max=65535, help="Port; 0 picks a free one.")] = None,
    workers: Annotated[int | None, typer.Option("--workers", min=1, max=1024, help="Processes.")] = None,
    ready_file: Annotated[
        Path | None,
        typer.Option(
            "--ready-file", parser=arguments.file_to_write, metavar="FILE", help="The URL is written here once every worker answers."
        ),
    ] = None,
) -> None:
    """Serve ads until Ctrl-C. What is not said here is as the settings have it."""
    from serving.http.server import run

    chosen = {name: value for name, value in (("host", host or None), ("workers", workers), ("port", port)) if value is not None}
    run(settings.changed(**chosen), ready_file, lambda url: tell(f"serving on {url} (docs: {url}/docs)."))


def register(app: typer.Typer) -> None:
    app.command("serve", epilog=example("placard serve --port 0 --workers 2 --ready-file url"))(serve)
