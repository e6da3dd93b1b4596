"""`bench ope`: how often the intervals of off-policy estimates hold the truth of simulated markets."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, Final

from pipelines.bench.seeds import seeds_setup
from pipelines.errors import PipelineError
from pipelines.evaluate.ope import estimators
from pipelines.evaluate.ope.coverage import REQUESTS, Coverage, coverage, pooled
from pipelines.evaluate.ope.logged_market import CANDIDATES, LoggedMarket
from pipelines.operations.verb import Progress
from pipelines.reporting.figure import Figure, report
from pipelines.statistics.exact_intervals import share_interval

LOW, HIGH = 0.92, 0.98
ANSWERED: Final = 0.5
"""Share of the runs that must be answered for coverage to be judged; below it the setting is one that is refused."""
SHARE: Final = 0.1
"""Of logged slates that are dealt at random: what a platform that means to learn from its log can afford."""
RUNS, ROUNDS = 40, 40_000
SMALL_RUNS, SMALL_ROUNDS = 14, 10_000


def run(
    seeds: Sequence[int],
    runs: int,
    rounds: int,
    resamples: int,
    threads: int,
    say: Progress,
    share: float = SHARE,
    candidates: int = CANDIDATES,
) -> dict[str, Any]:
    """By estimator, for a target that did not log: how many of `runs` logs of `rounds` requests of each seed's market are answered, and how
    many of those answers' intervals hold the truth. share: of slates dealt at random, in (0, 1]; candidates: ads found for a request.

    Raises PipelineError for a share that tells nothing."""
    if not 0 < share <= 1:
        raise PipelineError("explored share", share, "It must be above 0, or no log tells of another policy, and at most 1.")
    started, found, figures = time.perf_counter(), dict[int, list[Coverage]](), list[Figure]()
    for seed in seeds:
        market = LoggedMarket.of(seed, REQUESTS, share, candidates)
        found[seed] = coverage(market, runs, rounds, resamples, seed, estimators(None, seed, threads))
        figures += [
            Figure(f"seed_{seed}.target_value", market.value, "clicks"),
            Figure(f"seed_{seed}.logged_value", market.logged_value, "clicks"),
        ]
        figures += [Figure(f"seed_{seed}.{c.estimator}_coverage", c.covered if c.answers else None, "share") for c in found[seed]]
        say(f"seed {seed}: {runs} runs")
    for each in zip(*found.values(), strict=True):
        figures += _figures(pooled(each))
    setup = {
        "runs": runs, "rounds": rounds, "resamples": resamples, "explored": share, "candidates": candidates,
        **seeds_setup(seeds),
    }  # fmt: skip
    return report("bench ope", {**setup, "seconds": round(time.perf_counter() - started, 1)}, figures)


def _figures(c: Coverage) -> list[Figure]:
    """Of an estimator over all seeds. Coverage has the exact interval of as many answers."""
    judged, target = c.answered >= ANSWERED, f"{LOW} to {HIGH}"
    low, high = share_interval(c.held, c.answers) if c.answers else (None, None)
    return [
        Figure(f"{c.estimator}_answered", c.answered, "share"),
        Figure(f"{c.estimator}_coverage", c.covered if c.answers else None, "share", target, LOW <= c.covered <= HIGH if judged else None),
        Figure(f"{c.estimator}_coverage_low", low, "share"),
        Figure(f"{c.estimator}_coverage_high", high, "share"),
        Figure(f"{c.estimator}_bias", c.bias, "share"),
        Figure(f"{c.estimator}_width", c.width, "share"),
        Figure(f"{c.estimator}_effective_sample_size", c.effective_sample_size, "rows"),
        Figure(f"{c.estimator}_expected_rewards", c.expected_rewards, "clicks"),
        Figure(f"{c.estimator}_carrying_rewards", c.carrying_rewards, "clicks"),
    ]


def as_text(result: dict[str, Any]) -> list[str]:
    """The seeds, then one line a figure."""
    words = {True: "holds", False: "does not hold", None: ""}
    setup = result["setup"]
    head = f"reported on seeds {setup['reporting_seeds']}; bounds were tuned on {setup['tuning_seeds']}"
    return [
        head,
        *(
            f"{f['name']:<40} {'none' if f['value'] is None else format(f['value'], ',.4f'):>12} {f['unit']:<6} {f['target'] or '':<12} "
            f"{words[f['holds']]}"
            for f in result["figures"]
        ),
    ]
