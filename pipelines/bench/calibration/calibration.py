"""Fits families on every cut and compares what they promise with what came: with the calibrator, and without it."""

from __future__ import annotations

import importlib
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from feature_repo.errors import PlacardError
from feature_repo.home import Home
from pipelines.bench.calibration.cuts import Cut, cuts, market, real
from pipelines.bench.rankers.peers import PEERS
from pipelines.bench.rankers.trial import peer_rows
from pipelines.bench.search.search_market import Market, market_setup
from pipelines.bench.seeds import seeds_setup
from pipelines.errors import PipelineError
from pipelines.evaluate.offline import predict, true_probability
from pipelines.metrics.log_loss import losses
from pipelines.operations.verb import Progress
from pipelines.rankers import RANKERS
from pipelines.rankers.fit_bundle import fit_bundle
from pipelines.rankers.position import offset_of
from pipelines.reporting.figure import Figure, report
from pipelines.statistics.bootstrap import Interval, groups_drawn, interval
from serving.bundles.calibrator import probability

FAMILIES: Final = ("xgboost", "lightgbm", "logistic")
BAND: Final = (0.95, 1.05)
RESAMPLES: Final = 300
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class CalibrationReading:
    """One family on one cut. ratio, raw_ratio: promised over came (over the truth's sum where it is known), with and without the
    calibrator. change: log loss with it minus without. behind: log loss minus the best peer's; None without peers. Each with its 95 %
    interval over users."""

    cut: Cut
    family: str
    positives: int
    ratio: Interval
    raw_ratio: Interval
    change: Interval
    behind: Interval | None
    peer: str

    @property
    def calibrated(self) -> bool:
        """Within the band, or not surely out of it."""
        return BAND[0] <= self.ratio.value <= BAND[1] or self.ratio.low <= 1 <= self.ratio.high


def _with_ends(value: float, drawn: Sequence[float]) -> Interval:
    found = interval(value, drawn, RESAMPLES)
    return found or Interval(value, float("-inf"), float("inf"))  # too few positives for most resamples to have any: nothing is sure


def ratio(p: Floats, came: Floats, drawn: Sequence[Floats]) -> Interval:
    """Sum of probabilities over the sum of what came, with its interval. drawn: how often each row counts, once a resample."""
    whole = float(p.sum() / came.sum())
    return _with_ends(whole, [float((w @ p) / (w @ came)) for w in drawn if w @ came > 0])


def mean(values: Floats, drawn: Sequence[Floats]) -> Interval:
    """The mean of the rows' values, with its interval."""
    return _with_ends(float(values.mean()), [float((w @ values) / w.sum()) for w in drawn if w.sum() > 0])


def read(cut: Cut, families: Iterable[str], peers: bool, say: Progress) -> Iterator[CalibrationReading]:
    """Every family's reading of a cut."""
    dataset, test = cut.dataset, cut.dataset.part("test")
    label = dataset.label[test]
    user = np.unique(dataset.rows.loc[test, "user_id"].to_numpy(str), return_inverse=True)[1].astype(np.int64)
    drawn = list(groups_drawn(user, 7, RESAMPLES))
    came = label.astype(float) if cut.truth is None else cut.truth
    theirs = dict(_peers(cut)) if peers else {}
    best = min(theirs, key=lambda name: float(losses(label, theirs[name]).mean()), default="")
    for family in families:
        with tempfile.TemporaryDirectory() as place:
            try:
                bundle = fit_bundle(RANKERS[family], dataset, Path(place) / "bundle", "0")
            except PlacardError as refused:
                say(f"{cut.name} {family}: {refused}")
                continue
            final = predict(bundle, dataset, test)
            offset = offset_of(dataset.rows[test], bundle.manifest.position_offset)
            raw = probability(bundle.margin(dataset.narrowed(bundle.manifest.columns).matrix[test], offset))
        behind = mean(losses(label, final) - losses(label, theirs[best]), drawn) if best else None
        found = CalibrationReading(
            cut, family, int(dataset.label[~test].sum()), ratio(final, came, drawn), ratio(raw, came, drawn),
            mean(losses(label, final) - losses(label, raw), drawn), behind, best,
        )  # fmt: skip
        say(as_line(found))
        yield found


def _peers(cut: Cut) -> Iterator[tuple[str, Floats]]:
    """Probabilities of the test rows by the peers that can run here."""
    early, late, both, tested = peer_rows(cut.dataset)
    kept = float(cut.dataset.rows.loc[cut.dataset.part("train"), "weight_rate"].iloc[0])
    for peer in PEERS:
        try:
            importlib.import_module(peer.needs)
        except ImportError:
            continue
        yield peer.name, probability(peer.fit(early, late, both).logits(tested, threads=2) + np.log(kept))


def run(
    size: Market, seeds: Sequence[int], log: Path | None, families: Sequence[str], rate: float, peers: bool, say: Progress
) -> tuple[dict[str, Any], list[CalibrationReading]]:
    """The bench's one object and its readings. seeds: of the simulated markets. log: TalkingData's; None: left out."""
    if unknown := [family for family in families if family not in RANKERS]:
        raise PipelineError("ranker", ", ".join(unknown), f"Known: {', '.join(RANKERS)}.")
    readings: list[CalibrationReading] = []
    with tempfile.TemporaryDirectory() as place:
        for seed in seeds:
            home = Home(Path(place) / f"market{seed}")
            task = market(home, replace(size, seed=seed), say)
            truth = true_probability(home, "click", task.dataset.rows)
            for cut in cuts(task, rate, truth):
                readings += read(cut, families, peers, say)
        if log is not None:
            for cut in cuts(real(Home(Path(place) / "real"), log, say), rate):
                readings += read(cut, families, peers, say)
    return report(
        "bench calibration", {**market_setup(size), **seeds_setup(seeds), "families": list(families)}, figures(readings)
    ), readings


def figures(readings: Sequence[CalibrationReading]) -> list[Figure]:
    """For each family and cut the figures, with whether they hold; then how many of all did."""
    out: list[Figure] = []
    for r in readings:
        name = f"{r.cut.name}.{r.family}"
        target = f"{BAND[0]:g} to {BAND[1]:g}, or an interval that holds 1"
        out += [
            Figure(f"{name}.ratio", r.ratio.value, "ratio", target, r.calibrated),
            Figure(f"{name}.ratio.low", r.ratio.low, "ratio"),
            Figure(f"{name}.ratio.high", r.ratio.high, "ratio"),
            Figure(f"{name}.raw_ratio", r.raw_ratio.value, "ratio"),
            Figure(f"{name}.loss_by_calibrator", r.change.value, "nats", "not surely > 0", r.change.low <= 0),
        ]
        if r.behind is not None:
            target = f"not surely behind {r.peer}"
            out.append(Figure(f"{name}.loss_over_best_peer", r.behind.value, "nats", target, r.behind.low <= 0))
    judged = {"calibrated": [r.calibrated for r in readings], "not_worse_than_raw": [r.change.low <= 0 for r in readings]}
    judged["not_behind_peers"] = [r.behind.low <= 0 for r in readings if r.behind is not None]
    return [*out, *(Figure(f"share_{name}", float(np.mean(held)), "share", "1", all(held)) for name, held in judged.items() if held)]


def as_line(r: CalibrationReading) -> str:
    """A reading in a line."""
    behind = f"{r.behind.value:+.4f} [{r.behind.low:+.4f}, {r.behind.high:+.4f}] to {r.peer}" if r.behind else ""
    return (
        f"{r.cut.name:<22} {r.family:<10} {r.positives:>6,}  {r.ratio.value:.3f} [{r.ratio.low:.3f}, {r.ratio.high:.3f}]"
        f"{' ' if r.calibrated else '!'} raw {r.raw_ratio.value:.3f}  loss {r.change.value:+.5f} "
        f"[{r.change.low:+.5f}, {r.change.high:+.5f}]  {behind}"
    )


def as_text(readings: Sequence[CalibrationReading]) -> list[str]:
    """A line a reading; `!` where the promise is surely off."""
    head = f"{'log, its share, test share':<22} {'family':<10} {'before':>6}  promised / came"
    return [head, *map(as_line, readings)]
