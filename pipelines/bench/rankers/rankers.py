"""`bench rankers`: our families and what a user would pick instead, as figures and as one HTML page."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any, Final

from feature_repo.home import Home
from pipelines.bench.rankers.data import Task, kept, simulated, talkingdata
from pipelines.bench.rankers.figures import as_text, whole
from pipelines.bench.rankers.page import render
from pipelines.bench.rankers.peers import PEERS
from pipelines.bench.rankers.trial import AT_ONCE, SEED, Result, measure
from pipelines.bench.search.search_market import Market, market_setup
from pipelines.bench.seeds import seeds_setup
from pipelines.errors import Missing, PipelineError
from pipelines.operations.verb import Progress
from pipelines.rankers import RANKERS
from pipelines.reporting.page import write_page
from pipelines.statistics.bootstrap import RESAMPLES

__all__ = ["as_text", "run"]
DATA: Final = {"simulator": (True, False), "talkingdata": (False, True), "both": (True, True)}


def require_log(data: str, log: Path) -> None:
    """Raises PipelineError for unknown data, Missing where the data needs TalkingData's log and it is not there."""
    if data not in DATA:
        raise PipelineError("data", data, f"Known: {', '.join(DATA)}.")
    if DATA[data][1] and not log.is_file():
        raise Missing("TalkingData log", str(log), "Say where it lies with --talkingdata, or take --data simulator.")


def run(
    data: str, market: Market, seeds: Sequence[int], log: Path, day: tuple[Home, str, date] | None, page: Path,
    say: Progress = lambda line: None,
) -> tuple[dict[str, Any], list[Result]]:  # fmt: skip
    """The bench's one object, and its results, one a market and log; the page is written. seeds: of the markets. day: a kept training set
    (home, head, day) in place of the markets. Raises PipelineError for unknown data, Missing without the log."""
    require_log(data, log)
    simulator, real = DATA[data]
    setup: dict[str, Any] = {"threads": 2, "scored_at_once": AT_ONCE, "resamples": RESAMPLES, "seed": SEED}
    results = []

    def enter(task: Task) -> None:
        say(f"{task.title}: {len(task.dataset.rows):,} rows")
        results.append(measure(task, RANKERS.values(), PEERS, say))

    with tempfile.TemporaryDirectory() as place:
        if day is not None:
            enter(kept(*day))
        elif simulator:
            setup |= market_setup(market) | seeds_setup(seeds)
            for seed in seeds:
                task = simulated(Home(Path(place) / f"market{seed}"), replace(market, seed=seed), say)
                enter(replace(task, name=f"seed_{seed}", title=f"{task.title}, seed {seed}", seed=seed))
        if real:
            enter(talkingdata(Home(Path(place) / "real"), log, say))
    write_page(page, render(results))
    return whole(results, {**setup, "report": page}), results
