"""The daily life of a ranker: dataset → candidate → evaluation → gates → registry. Each step leaves what the next one reads."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Final

from feature_repo.sources import Home
from pipelines import registry
from pipelines.dataset import read
from pipelines.errors import Missing, PipelineError, Refused
from pipelines.evaluate.offline import Evaluation, evaluate, predict
from pipelines.evaluate.plots import pictures
from pipelines.evaluate.report import write_report
from pipelines.gates import Verdict, judge
from pipelines.metrics import METRICS
from pipelines.rankers import RANKERS
from pipelines.rankers.fit_bundle import fit_bundle
from pipelines.train_environment import fit_elsewhere, is_elsewhere
from serving.bundles import Bundle
from serving.bundles.aliases import folder as version_folder
from serving.bundles.aliases import read as read_aliases
from serving.errors import BundleRefused
from serving.settings import Settings

EXAMPLE_ROWS: Final = 5


def candidate(home: Home, head: str, day: date, ranker: str) -> Path:
    """Where a trained, not yet registered bundle lies."""
    return home.root / "candidates" / head / f"day={day}" / ranker


def plots_folder(home: Home, head: str, day: date, ranker: str) -> Path:
    """Where the last evaluation of a candidate left its pictures."""
    return candidate(home, head, day, ranker).with_name(f"{ranker}.plots")


def report_path(home: Home, head: str, day: date, ranker: str) -> Path:
    return home.reports / f"{head}-{ranker}-{day}.html"


def fit(settings: Settings, head: str, day: date, ranker: str, quiet: bool = True) -> Bundle:
    """Trains one ranker on the day's dataset, in the training environment where it needs one. quiet: shows no progress there.
    Raises PipelineError for an unknown ranker, Refused where there is no such environment."""
    if ranker not in RANKERS:
        raise PipelineError("ranker", ranker, f"Known: {', '.join(RANKERS)}.")
    if is_elsewhere(RANKERS[ranker]):
        fit_elsewhere(settings, head, day, ranker, quiet)
        return load_candidate(settings.home, head, day, ranker)
    return fit_bundle(RANKERS[ranker], read(settings.home, head, day), candidate(settings.home, head, day, ranker), "0")


def load_candidate(home: Home, head: str, day: date, ranker: str) -> Bundle:
    place = candidate(home, head, day, ranker)
    if not place.exists():
        raise Missing(f"{head} candidate", f"{ranker} of {day}", f"Run `placard train --head {head} --partition {day}`.")
    return Bundle.load(place, head)


def champion(home: Home, head: str) -> Bundle | None:
    """The bundle that serves now; None before the first promotion, and for one that another version wrote: a candidate is then
    judged by the gates' bounds alone."""
    version = read_aliases(home.bundles).get(head, {}).get("champion")
    try:
        return Bundle.load(version_folder(home.bundles, head, version)) if version else None
    except BundleRefused:
        return None


@dataclass(frozen=True)
class Outcome:
    """An evaluation with its gates' verdicts and where its page lies."""

    evaluation: Evaluation
    verdicts: list[Verdict]
    report: Path

    @property
    def passed(self) -> bool:
        return all(v.passed for v in self.verdicts)


def assess(settings: Settings, head: str, day: date, ranker: str) -> Outcome:
    """Evaluates a candidate beside the champion on the same rows, judges it, writes the report and the figures."""
    home = settings.home
    bundle, dataset, reigning = load_candidate(home, head, day, ranker), read(home, head, day), champion(home, head)
    others = {}
    if reigning is not None and reigning.manifest.columns == bundle.manifest.columns:
        others[f"champion {reigning.manifest.version}"] = reigning
    evaluation = evaluate(home, dataset, bundle, others)
    before = None
    if others:
        test = dataset.part("test")
        rows = dataset.rows[test].reset_index(drop=True)
        p = predict(next(iter(others.values())), dataset, test)
        before = {m.name: m(dataset.label[test], p, rows) for m in METRICS}
    sure = {name: (i.low, i.high) for name, i in evaluation.intervals[ranker].items()}
    verdicts = judge(head, evaluation.metrics, before, sure)
    plots = pictures(evaluation, bundle, dataset.matrix[dataset.part("test")])
    place = plots_folder(home, head, day, ranker)
    place.mkdir(exist_ok=True)
    for name, png in plots.items():
        (place / f"{name}.png").write_bytes(png)
    page = write_report(report_path(home, head, day, ranker), evaluation, bundle, verdicts, plots)
    figures = {
        "metrics": evaluation.metrics, "gap_closed": evaluation.gap_closed,
        "intervals": {c: {k: asdict(i) for k, i in by.items()} for c, by in evaluation.intervals.items()},
        "verdicts": [asdict(v) for v in verdicts], "files": bundle.manifest.files,
    }  # fmt: skip
    path = candidate(home, head, day, ranker).with_name(f"{ranker}.evaluation.json")
    part = path.with_name(f".{path.name}")
    part.write_text(json.dumps(figures, indent=1) + "\n")
    os.replace(part, path)
    return Outcome(evaluation, verdicts, page)


def verdicts_of(home: Home, head: str, day: date, ranker: str) -> tuple[dict[str, float], list[Verdict]]:
    """What the last evaluation of a candidate found. Raises Missing before one."""
    path = candidate(home, head, day, ranker).with_name(f"{ranker}.evaluation.json")
    if not path.exists():
        raise Missing(f"{head} evaluation", f"{ranker} of {day}", f"Run `placard evaluate --head {head} --partition {day}`.")
    found = json.loads(path.read_text())
    if found.get("files") != load_candidate(home, head, day, ranker).manifest.files:
        raise Missing(
            f"{head} evaluation", f"{ranker} of {day}",
            f"The candidate was trained again since: run `placard evaluate --head {head} --partition {day}`.",
        )  # fmt: skip
    return found["metrics"], [Verdict(**v) for v in found["verdicts"]]


def register(settings: Settings, head: str, day: date, ranker: str, alias: str) -> registry.Version:
    """Registers a candidate that passed its gates (as @shadow, any that was evaluated). The first champion registers itself so.

    Raises Refused naming the gates that failed.
    """
    home = settings.home
    metrics, verdicts = verdicts_of(home, head, day, ranker)
    failed = [f"{v.gate} {v.challenger:.4g} must be {v.bound}" for v in verdicts if not v.passed]
    if failed and alias != "shadow":
        raise Refused(f"{head} candidate {ranker} of {day}", "; ".join(failed), "It was not registered; the champion stays.")
    dataset = read(home, head, day)
    plots = [*sorted(plots_folder(home, head, day, ranker).glob("*.png")), report_path(home, head, day, ranker)]
    return registry.register(
        settings, candidate(home, head, day, ranker), alias, f"trained on {day}", metrics, plots,
        dataset.matrix[dataset.part("test")][:EXAMPLE_ROWS],
    )  # fmt: skip
