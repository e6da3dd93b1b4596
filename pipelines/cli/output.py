"""How every verb speaks: a rich line for people, one JSON object for machines, a stable exit status for scripts."""

from __future__ import annotations

import functools
import inspect
import json
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, is_dataclass
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar, get_type_hints

from rich.console import Console
from rich.markup import escape

from feature_repo.errors import PlacardError
from pipelines.cli.debug import debug
from pipelines.operations.extras import extras_named

if TYPE_CHECKING:
    from rich.progress import TaskID

    from serving.settings import Settings

P = ParamSpec("P")
R = TypeVar("R")

people = Console(stderr=True, highlight=False)
"""Progress and prose go here; standard output is for results."""


def tell(line: str) -> None:
    """A line of prose (rich markup) for a person, on standard error, whole: names, paths and commands in it are not broken."""
    people.print(line, soft_wrap=True)


@contextmanager
def bars(shown: bool) -> Iterator[None]:
    """Within, long fits draw a bar each on standard error, when it is a terminal."""
    from rich.progress import Progress, TextColumn

    from pipelines.reporting.progress import showing

    if not shown:
        yield
        return
    with Progress(*Progress.get_default_columns(), TextColumn("{task.fields[note]}"), console=people, transient=True) as progress:
        tasks: dict[str, TaskID] = {}

        def draw(what: str, done: int, total: int, note: str) -> None:
            if what not in tasks:
                tasks[what] = progress.add_task(what, note="")
            progress.update(tasks[what], completed=done, total=total, note=note)

        with showing(draw):
            yield


def _plain(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, Path):
        return str(value)
    if hasattr(value, "tolist"):  # NumPy's scalars and arrays
        return value.tolist()
    raise TypeError(f"{type(value).__name__} has no JSON form")


def emit(result: Mapping[str, Any], as_json: bool, lines: str | list[str]) -> None:
    """The result of a verb: `result` as JSON, or `lines` (rich markup) for a person."""
    if as_json:
        sys.stdout.write(json.dumps(result, default=_plain, allow_nan=False) + "\n")
    else:
        out = Console(highlight=False)
        for line in [lines] if isinstance(lines, str) else lines:
            out.print(line, soft_wrap=True)  # a terminal wraps; a file keeps paths whole


def guarded(command: Callable[P, R]) -> Callable[P, R]:
    """Turns a PlacardError into its message and exit status, anything else into one line and status 1."""

    @functools.wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            with extras_named():
                return command(*args, **kwargs)
        except PlacardError as error:
            if debug.on:
                traceback.print_exc()
            tell(f"[bold red]{escape(error.thing)}[/]: {escape(repr(error.value))}. {escape(error.fix)}")
            raise SystemExit(error.exit_code) from None
        except (KeyboardInterrupt, SystemExit):
            raise
        except Exception as error:
            if debug.on:
                raise
            tell(f"[bold red]{type(error).__name__}[/]: {escape(str(error))}. Run again with `placard --debug`.")
            raise SystemExit(1) from None

    return run


def prepared(command: Callable[Concatenate[Settings, P], R]) -> Callable[P, R]:
    """A guarded verb that is given the settings in force as its first argument, `settings`, which is no option of the command line."""

    @guarded
    @functools.wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        from serving.settings import load

        return command(load(), *args, **kwargs)

    run.__annotations__ = {name: kind for name, kind in command.__annotations__.items() if name != "settings"}
    kinds = get_type_hints(run, include_extras=True)  # Settings is a name for type checkers alone, and must not be looked up
    signature = inspect.signature(command)
    rest = [p.replace(annotation=kinds[p.name]) for p in list(signature.parameters.values())[1:]]
    run.__signature__ = signature.replace(parameters=rest)  # type: ignore[attr-defined]
    return run
