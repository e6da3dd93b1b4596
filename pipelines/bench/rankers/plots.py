"""The pictures of `bench rankers`, as PNG bytes."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from pipelines.bench.rankers.figures import MOST_DECILE_ERROR
from pipelines.bench.rankers.trial import Result
from pipelines.evaluate.contest import BOUND, OURS, PEER, TRUTH
from pipelines.reporting.picture import png

COLOURS: Final = {OURS: "#1f5fa8", PEER: "#d9822b", BOUND: "#8a97a6"}
NE: Final = "normalised_entropy"


def pictures(result: Result) -> dict[str, bytes]:
    """By what they show."""
    return {
        "NE by contender": entropy(result),
        "training cost against NE": cost(result),
        "calibration by decile": calibration(result),
    }


def label(result: Result, name: str) -> str:
    """As people read it."""
    return result.titles.get(name, name.replace("_", " "))


def entropy(result: Result) -> bytes:
    """A dot a contender with its 95 % interval, the best on top; the truth is the line that nobody can pass."""
    held = result.contest
    shown = sorted((s for s in held.standings if s.side != BOUND), key=lambda s: -s.metrics[NE])

    def draw(axes: Any) -> None:
        for at, s in enumerate(shown):
            interval = s.interval(NE)
            if interval is not None:
                axes.plot([interval.low, interval.high], [at, at], color=COLOURS[s.side], linewidth=1.5, alpha=0.5)
            axes.plot(s.metrics[NE], at, "o", color=COLOURS[s.side], markersize=6)
            axes.annotate(f"{s.metrics[NE]:.4f}", (s.metrics[NE], at), xytext=(0, 6), textcoords="offset points", ha="center", fontsize=7)
        truth = held.of(TRUTH)
        if truth is not None:
            axes.axvline(truth.metrics[NE], color=COLOURS[BOUND], linestyle=":", linewidth=1.2)
            axes.annotate(
                " truth", (truth.metrics[NE], -0.6), color=COLOURS[BOUND], fontsize=8, va="center"
            )  # fmt: skip
        axes.set_yticks(range(len(shown)), [label(result, s.name) for s in shown])
        axes.set_ylim(-0.8, len(shown) - 0.3)
        axes.set(xlabel="normalised entropy (lower is better), 95 % interval over users")
        _plain(axes)
        axes.grid(axis="x", color="#e3e8ee")

    return png(draw, (7.6, 1.2 + 0.42 * max(len(shown), 2)))


def cost(result: Result) -> bytes:
    """Each contender's NE over its training seconds, on a logarithmic scale; named are those that nothing cheaper is better than."""

    def draw(axes: Any) -> None:
        placed = [(result.costs[s.name].training_cpu_s, s) for s in result.contest.standings if s.name in result.costs]
        best, named = np.inf, 0
        for seconds, s in sorted(placed, key=lambda one: (one[0], one[1].metrics[NE])):
            axes.plot(seconds, s.metrics[NE], "o", color=COLOURS[s.side], markersize=6)
            if s.metrics[NE] < best:
                best, named = s.metrics[NE], named + 1
                x, y, side = ((6, -3, "left"), (-4, -12, "right"))[named % 2]
                axes.annotate(label(result, s.name), (seconds, best), xytext=(x, y), textcoords="offset points", fontsize=8, ha=side)
        axes.set_xscale("log")
        axes.margins(x=0.25, y=0.12)
        axes.set(xlabel="training, CPU seconds; named: nothing cheaper is better", ylabel="normalised entropy")
        _plain(axes)
        axes.grid(color="#e3e8ee")

    return png(draw, (5.6, 4.4))


def calibration(result: Result) -> bytes:
    """Predicted over seen by decile of prediction, of the best of each side, with the 95 % interval that the number of positives
    leaves; the band is what the target allows."""
    best = [s for s in (result.contest.best(OURS), result.contest.best(PEER)) if s is not None]

    def draw(axes: Any) -> None:
        axes.axhspan(1 - MOST_DECILE_ERROR, 1 + MOST_DECILE_ERROR, color="#eef2f6")
        axes.axhline(1, color=COLOURS[BOUND], linewidth=1)
        for at, s in enumerate(best):
            known = [(i + 1 + 0.16 * at, d.predicted / d.seen, d.positives) for i, d in enumerate(s.deciles) if d.positives]
            x, ratio, positives = (np.array(v, float) for v in zip(*known, strict=True))
            spread = np.exp(1.96 / np.sqrt(positives))
            error = np.stack([ratio - ratio / spread, ratio * spread - ratio])
            axes.errorbar(x, ratio, error, fmt="o", color=COLOURS[s.side], markersize=4, linewidth=1, label=label(result, s.name))
        axes.set_yscale("log")
        axes.set_yticks([0.25, 0.5, 1, 2, 4], ["¼", "½", "1", "2", "4"])
        axes.set_yticks([], minor=True)
        axes.set_ylim(0.2, 5)
        axes.set_xticks(range(1, 11))
        axes.set(xlabel="decile of prediction", ylabel="predicted over seen")
        axes.legend(fontsize=8, frameon=False, ncols=2, loc="lower center", bbox_to_anchor=(0.5, 1.0))
        _plain(axes)

    return png(draw, (5.6, 4.4))


def _plain(axes: Any) -> None:
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    axes.set_axisbelow(True)
