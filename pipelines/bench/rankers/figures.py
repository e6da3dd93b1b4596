"""What `bench rankers` reports: the targets, and the table as figures and as text."""

from __future__ import annotations

from typing import Any, Final

from pipelines.bench.rankers.trial import Result
from pipelines.bench.seeds import over_seeds
from pipelines.evaluate.contest import LEAST_GAP_CLOSED, OURS, PEER, Contest, ContestStanding, beaten
from pipelines.reporting.figure import Figure, report
from pipelines.statistics.bootstrap import Interval

MOST_CALIBRATION_ERROR: Final = 0.005
MOST_DECILE_ERROR: Final = 0.15
SLIM: Final = "xgboost_slim"
MOST_SLIM_US: Final = 0.5
"""Of the fast tier, a row, on one thread."""
ENOUGH: Final = 1000
"""Positives that a decile needs to be judged."""
METRICS: Final = {
    "log_loss": "log_loss", "normalised_entropy": "ne", "roc_auc": "auc", "grouped_auc": "grouped_auc",
    "calibration_error": "calibration_error", "ndcg": "ndcg",
}  # fmt: skip
"""Of the table, and their names in figures."""
COMPARED: Final = ("normalised_entropy", "grouped_auc")
"""That no peer may win by more than noise."""
HEAD: Final = (
    ("log loss", 8), ("NE", 7), ("AUC", 7), ("gAUC", 7), ("calib.", 7), ("NDCG", 7),
    ("train s", 8), ("CPU s", 7), ("µs/row", 7), ("KiB", 8),
)  # fmt: skip
"""Of the table as text, with widths."""


def headlines(result: Result) -> list[Figure]:
    """The targets. Differences are the peer that is best by the metric minus ours that is best by NE."""
    held, best = result.contest, result.contest.best(OURS)
    if best is None:
        return []
    out = []
    closed = held.gap_closed(best)
    if closed is not None:
        out += _with_ends("ne_gap_closed", "share", closed, f"≥ {LEAST_GAP_CLOSED}", closed.value >= LEAST_GAP_CLOSED)
    for metric in COMPARED:
        name = f"best_peer_{METRICS[metric]}_delta"
        peer = held.best(PEER, metric)
        delta = held.difference(best, peer, metric) if peer else None
        wins = "not wholly below 0" if metric == "normalised_entropy" else "not wholly above 0"
        if delta is None:
            out.append(Figure(name, None, METRICS[metric], wins))
        else:
            out += _with_ends(name, METRICS[metric], delta, wins, not beaten_by(held, metric))
    error, worst = best.metrics["calibration_error"], worst_decile(best)
    out.append(Figure("calibration_error_abs", error, "probability", f"≤ {MOST_CALIBRATION_ERROR}", error <= MOST_CALIBRATION_ERROR))
    known = None if worst is None else worst <= MOST_DECILE_ERROR
    out.append(Figure("calibration_worst_decile", worst, "relative", f"≤ {MOST_DECILE_ERROR}", known))
    slim = result.costs.get(SLIM)
    if slim is not None:
        fast = slim.us_per_row <= MOST_SLIM_US
        out.append(Figure(f"{SLIM}_us_per_row", slim.us_per_row, "µs", f"≤ {MOST_SLIM_US}", fast))
    return out


def compared(result: Result) -> tuple[str | None, dict[str, str | None]]:
    """Our ranker that is best by NE, and the peer that is best by each metric COMPARED, by its name in figures."""
    best, peers = result.contest.best(OURS), {METRICS[metric]: result.contest.best(PEER, metric) for metric in COMPARED}
    return best.name if best else None, {name: peer.name if peer else None for name, peer in peers.items()}


def beaten_by(held: Contest, metric: str) -> list[str]:
    """Peers that are better than our best by more than noise; ours is one ranker, the best by NE, whatever is compared."""
    champion = held.best(OURS)
    deltas = {p.name: held.difference(champion, p, metric) for p in held.side(PEER)} if champion else {}
    return [name for name, delta in deltas.items() if delta is not None and beaten(metric, delta)]


def worst_decile(standing: ContestStanding) -> float | None:
    """The largest relative error of a decile with ENOUGH positives; None where none has."""
    errors = [d.error for d in standing.deciles if d.positives >= ENOUGH and d.error is not None]
    return max(errors, default=None)


def rows(result: Result) -> list[Figure]:
    """The table: a contender's metrics with the ends of its NE, and what it costs."""
    out = []
    for s in result.contest.standings:
        out += [Figure(f"{s.name}.{short}", _known(s.metrics[metric]), "") for metric, short in METRICS.items()]
        for metric in COMPARED:
            interval = s.interval(metric)
            for end in ("low", "high"):
                out.append(Figure(f"{s.name}.{METRICS[metric]}_{end}", None if interval is None else getattr(interval, end), ""))
        closed = result.contest.gap_closed(s)
        out += [] if closed is None else [Figure(f"{s.name}.ne_gap_closed", closed.value, "share")]
        cost = result.costs.get(s.name)
        if cost is not None:
            out += [
                Figure(f"{s.name}.training_s", cost.training_s, "s"),
                Figure(f"{s.name}.training_cpu_s", cost.training_cpu_s, "s"),
                Figure(f"{s.name}.us_per_row", cost.us_per_row, "µs"),
                Figure(f"{s.name}.size_kib", cost.size_bytes / 1024, "KiB"),
            ]
    return out


def whole(results: list[Result], setup: dict[str, Any]) -> dict[str, Any]:
    """The one object of the bench."""
    figures = over_seeds({r.task.seed: (*headlines(r), *rows(r)) for r in results if r.task.seed is not None})
    for result in results:
        prefix = f"{result.task.name}." if result.task.name else ""
        if result.task.seed is None:
            figures += [Figure(prefix + f.name, f.value, f.unit, f.target, f.holds) for f in (*headlines(result), *rows(result))]
        best, peers = compared(result)
        split = result.task.dataset.rows["split"].value_counts()
        setup[prefix + "data"] = {
            "title": result.task.title, "rows": {str(k): int(v) for k, v in split.items()}, "test_positives": result.contest.positives,
            "best_ranker": best, "best_peer": peers, "left_out": result.left_out,
        }  # fmt: skip
    return report("bench rankers", setup, figures)


def as_text(results: list[Result]) -> list[str]:
    """A table a data set, then its targets."""
    verdict = {None: "", True: "holds", False: "MISSED"}
    out = []
    for result in results:
        out += ["", f"{result.task.title}: {result.contest.rows:,} test rows, {result.contest.positives:,} positive"]
        head = "".join(f" {name:>{width}}" for name, width in HEAD)
        out.append(" " * 28 + head)
        for s in result.contest.standings:
            numbers = "".join(f" {s.metrics[m]:>{width}.4f}" for m, (_, width) in zip(METRICS, HEAD, strict=False))
            cost = result.costs.get(s.name)
            spent = (
                f" {cost.training_s:>8.1f} {cost.training_cpu_s:>7.1f} {cost.us_per_row:>7.2f} {cost.size_bytes / 1024:>8,.0f}"
                if cost
                else ""
            )
            out.append(f"{s.name:<28}{numbers}{spent}")
        out += [f"{name:<28}left out: {why}" for name, why in result.left_out.items()]
        best, peers = compared(result)
        named = ", ".join(f"by {metric} {peer or 'nobody'}" for metric, peer in peers.items())
        out.append(f"ours, the best by ne: {best or 'nobody'}; best peer {named}")
        for f in headlines(result):
            value = "–" if f.value is None else f"{f.value:.5f}"
            out.append(f"{f.name:<34} {value:>10} {f.unit:<12} {f.target or '':<20} {verdict[f.holds]}")
    return out


def _with_ends(name: str, unit: str, interval: Interval, target: str, holds: bool) -> list[Figure]:
    return [
        Figure(name, interval.value, unit, target, holds),
        Figure(f"{name}_low", interval.low, unit),
        Figure(f"{name}_high", interval.high, unit),
    ]


def _known(value: float) -> float | None:
    return None if value != value else value
