"""`bench ope`: how often the intervals of off-policy estimates hold the truth of a simulated market."""

from __future__ import annotations

import time
from typing import Any, Final

from pipelines.errors import PipelineError
from pipelines.evaluate.ope import estimators
from pipelines.evaluate.ope.coverage import REQUESTS, coverage
from pipelines.evaluate.ope.logged_market import CANDIDATES, LoggedMarket
from pipelines.operations.verb import Progress
from pipelines.reporting.figure import Figure, report

LOW, HIGH = 0.92, 0.98
ANSWERED: Final = 0.5
"""Share of the runs that must be answered for coverage to be judged; below it the setting is one that is refused."""
SHARE: Final = 0.1
"""Of logged slates that are dealt at random: what a platform that means to learn from its log can afford."""
RUNS, ROUNDS = 200, 40_000
SMALL_RUNS, SMALL_ROUNDS = 40, 10_000


def run(
    seed: int, runs: int, rounds: int, resamples: int, threads: int, say: Progress, share: float = SHARE, candidates: int = CANDIDATES
) -> dict[str, Any]:
    """By estimator, for a target that did not log: how many of `runs` seeded logs of `rounds` requests are answered, and how many of
    those answers' intervals hold the truth. share: of slates dealt at random, in (0, 1]; candidates: ads found for a request."""
    if not 0 < share <= 1:
        raise PipelineError("explored share", share, "It must be above 0, or no log tells of another policy, and at most 1.")
    started = time.perf_counter()
    market = LoggedMarket.of(seed, REQUESTS, share, candidates)

    def told(done: int) -> None:
        if done % 20 == 0:
            say(f"{done} of {runs} runs")

    found = coverage(market, runs, rounds, resamples, seed, estimators(None, seed, threads), told)
    figures = [Figure("target_value", market.value, "clicks"), Figure("logged_value", market.logged_value, "clicks")]
    for c in found:
        judged = c.answered >= ANSWERED
        figures += [
            Figure(f"{c.estimator}_answered", c.answered, "share"),
            Figure(
                f"{c.estimator}_coverage",
                c.covered if c.answered else None,
                "share",
                f"{LOW} to {HIGH}",
                LOW <= c.covered <= HIGH if judged else None,
            ),
            Figure(f"{c.estimator}_bias", c.bias, "share"),
            Figure(f"{c.estimator}_width", c.width, "share"),
            Figure(f"{c.estimator}_effective_sample_size", c.effective_sample_size, "rows"),
            Figure(f"{c.estimator}_expected_rewards", c.expected_rewards, "clicks"),
            Figure(f"{c.estimator}_carrying_rewards", c.carrying_rewards, "clicks"),
        ]
    setup = {"runs": runs, "rounds": rounds, "resamples": resamples, "explored": share, "candidates": candidates, "seed": seed}
    return report("bench ope", {**setup, "seconds": round(time.perf_counter() - started, 1)}, figures)


def as_text(result: dict[str, Any]) -> list[str]:
    """One line a figure."""
    words = {True: "holds", False: "does not hold", None: ""}
    return [
        f"{f['name']:<38} {'none' if f['value'] is None else format(f['value'], ',.4f'):>12} {f['unit']:<6} {f['target'] or '':<12} "
        f"{words[f['holds']]}"
        for f in result["figures"]
    ]
