"""`placard serve`: the API."""

from __future__ import annotations

import typer

from pipelines.cli.output import guarded, people


@guarded
def serve(
    host: str = typer.Option("", help="Address; anything but loopback needs PLACARD_TOKEN."),
    port: int = typer.Option(-1, help="Port; 0 picks a free one."),
    workers: int = typer.Option(0, help="Processes."),
    ready_file: str = typer.Option("", help="The URL is written here once every worker answers."),
) -> None:
    """Serve ads until Ctrl-C."""
    from serving.http.server import run
    from serving.settings import load

    chosen = {k: v for k, v in (("host", host), ("workers", workers)) if v} | ({"port": port} if port >= 0 else {})
    run(load().changed(**chosen), ready_file, lambda url: people.print(f"serving on {url} (docs: {url}/docs)."))


def register(app: typer.Typer) -> None:
    app.command("serve")(serve)
