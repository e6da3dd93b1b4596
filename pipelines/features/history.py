"""Builds and checks the feature tables of many days: each day is built from the logs alone, so days are done side by side."""

from __future__ import annotations

import multiprocessing
import warnings
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from datetime import date
from functools import partial
from typing import Final

from feature_repo.home import Home
from feature_repo.tables import TABLES
from pipelines.features.beside_last import LEAST_ROWS
from pipelines.features.build import build_each
from pipelines.features.validate import validate

FEWEST_DAYS: Final = 4
"""For fewer, the start of another process costs more than it saves."""


def build_days(
    home: Home,
    days: Sequence[date],
    threads: int,
    embeddings: str,
    done: Callable[[str], None] = lambda what: None,
    least_rows: float = LEAST_ROWS,
) -> int:
    """Builds and checks every table of the days, in as many processes as there are threads; gives the number of rows set aside.

    This process is one of them: another one would load all libraries once more. It takes days from the end, the others from the start.
    done: is told each table and day once it is finished, from more than one thread. Raises Refused for a day whose rows are too bad, after
    the days that were begun have ended.
    """
    if threads < 2 or len(days) < FEWEST_DAYS:
        return sum(build_day(home, day, threads, embeddings, done, least_rows) for day in days)
    spawn = multiprocessing.get_context("spawn")  # a fork would copy the locks of DuckDB's and Arrow's threads, held for ever
    with ProcessPoolExecutor(min(threads, len(days)) - 1, mp_context=spawn, initializer=_quiet) as pool:
        begun = [pool.submit(build_day, home, day, 1, embeddings, least_rows=least_rows) for day in days]
        for day, theirs in zip(days, begun, strict=True):
            theirs.add_done_callback(partial(_tell, day, done))
        try:
            bad = 0
            for i in reversed(range(len(days))):
                if any(one.done() and one.exception() for one in begun[:i]):
                    break
                if begun[i].cancel():
                    bad += build_day(home, days[i], 1, embeddings, done, least_rows)
            return bad + sum(theirs.result() for theirs in begun if not theirs.cancelled())
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)
            raise


def _tell(day: date, done: Callable[[str], None], theirs: Future[int]) -> None:
    """Tells the tables of a day that another process has finished."""
    if not theirs.cancelled() and theirs.exception() is None:
        for table in TABLES:
            done(f"{day} {table.name}")


def _quiet() -> None:
    """Warnings of the libraries underneath are for us, not for whoever builds."""
    warnings.simplefilter("ignore")


def build_day(
    home: Home,
    day: date,
    threads: int,
    embeddings: str,
    done: Callable[[str], None] = lambda what: None,
    least_rows: float = LEAST_ROWS,
) -> int:
    """Builds and checks every table of one day; gives the number of rows set aside."""
    bad = 0
    for table, _ in build_each(home, TABLES, day, threads, embeddings):
        bad += validate(home, table, day, least_rows).bad
        done(f"{day} {table.name}")
    return bad
