"""A `placard serve` process of our own."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from feature_repo.home import Home
from pipelines.operations.said_consent import given_where_unsaid
from pipelines.operations.verb import COMMAND
from pipelines.operations.waiting import refuse_ended, stop, wait_until
from serving.settings import child_environment, load


@contextmanager
def server(home: Home, keep: bool, say: Callable[[str], None] = lambda word: None) -> Iterator[str]:
    """Gives the URL of a `placard serve` process on a free loopback port, once it answers; ends it on leaving, unless it is to be kept.

    Where the settings do not say what a request without consent means, it is given. Raises PipelineError with its last words when it ends
    before it answers. say: is told that it is waited for.
    """
    folder = home.root / "demo"
    folder.mkdir(parents=True, exist_ok=True)
    ready, log = folder / "ready", folder / "serve.log"
    ready.unlink(missing_ok=True)
    with log.open("w") as output:
        process = subprocess.Popen(
            [COMMAND, "serve", "--port", "0", "--ready-file", str(ready)],
            stdout=output,
            stderr=output,
            env=child_environment(PLACARD_HOME=str(home.root), **given_where_unsaid(load())),
            start_new_session=keep,
        )
    answers = False
    try:
        wait_until(lambda: [] if ready.exists() else ["the API"], lambda: refuse_ended("placard serve", process, log), say)
        answers = True
        yield ready.read_text().strip()
    finally:
        if not (keep and answers):
            stop(process)
