"""`bench ope`: how often the intervals of off-policy estimates hold the truth of a simulated market."""

from __future__ import annotations

import time
from typing import Any, Final

from pipelines.cli.output import Figure, report
from pipelines.evaluate.ope import estimators
from pipelines.evaluate.ope.coverage import REQUESTS, coverage
from pipelines.evaluate.ope.logged_market import LoggedMarket
from pipelines.run_verb import Progress

LOW, HIGH = 0.92, 0.98
SHARE: Final = 0.8
"""Of logged slates that are dealt at random: a log that is made to be judged on. A tenth of that needs ten times the rows."""
RUNS, ROUNDS = 200, 40_000
SMALL_RUNS, SMALL_ROUNDS = 40, 10_000


def run(seed: int, runs: int, rounds: int, resamples: int, threads: int, say: Progress) -> dict[str, Any]:
    """Coverage, bias and width by estimator over `runs` seeded logs of `rounds` requests, for a target that did not log them."""
    started = time.perf_counter()
    market = LoggedMarket.of(seed, REQUESTS, SHARE)
    found = coverage(
        market,
        runs,
        rounds,
        resamples,
        seed,
        estimators(None, seed, threads),
        lambda done: say(f"{done} of {runs} runs") if done % 20 == 0 else None,
    )
    figures = [Figure("target_value", market.value, "clicks"), Figure("logged_value", market.logged_value, "clicks")]
    for c in found:
        figures += [
            Figure(f"{c.estimator}_coverage", c.covered, "share", f"{LOW} to {HIGH}", LOW <= c.covered <= HIGH),
            Figure(f"{c.estimator}_bias", c.bias, "share"),
            Figure(f"{c.estimator}_width", c.width, "share"),
            Figure(f"{c.estimator}_effective_sample_size", c.effective_sample_size, "rows"),
            Figure(f"{c.estimator}_leverage", c.leverage, "share"),
        ]
    setup = {"runs": runs, "rounds": rounds, "resamples": resamples, "explored": SHARE, "seed": seed}
    return report("bench ope", {**setup, "seconds": round(time.perf_counter() - started, 1)}, figures)


def as_text(result: dict[str, Any]) -> list[str]:
    """One line a figure."""
    words = {True: "holds", False: "does not hold", None: ""}
    return [f"{f['name']:<38} {f['value']:>12,.4f} {f['unit']:<6} {f['target'] or '':<12} {words[f['holds']]}" for f in result["figures"]]
