"""Assesses a day's candidate: evaluated on later rows beside the champion, its evidence kept for the gates, its report written."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pandas as pd

from feature_repo.home import Home
from pipelines.datasets.dataset import Dataset
from pipelines.datasets.training_set import read
from pipelines.errors import Missing, Refused
from pipelines.evaluate.ages import ages_of
from pipelines.evaluate.baseline import BASELINE
from pipelines.evaluate.gate_figures import differences, figures
from pipelines.evaluate.latency import scoring_ms
from pipelines.evaluate.logged_evaluation import log_evidence
from pipelines.evaluate.offline import Evaluation, evaluate
from pipelines.evaluate.plots import pictures
from pipelines.evaluate.report import write_report
from pipelines.evaluate.slices import slices
from pipelines.gates.evidence import Evidence, read_evidence
from pipelines.gates.gate import Verdict
from pipelines.gates.gates import FLOORS, LATENCY
from pipelines.registry.listing import champion_of
from pipelines.training.candidate import evidence_path, load_candidate, plots_folder, report_path
from serving.bundles import Bundle
from serving.bundles.aliases import version_folder
from serving.errors import BundleRefused
from serving.settings import Settings


def champion(home: Home, head: str) -> Bundle | None:
    """The bundle that serves now; None before the first promotion, for one that was removed, and for one that another release wrote: a
    candidate is then judged by the gates' bounds alone."""
    version = champion_of(home.bundles, head)
    try:
        return Bundle.load(version_folder(home.bundles, head, version)) if version else None
    except BundleRefused:
        return None


@dataclass(frozen=True)
class Assessment:
    """An evaluation with its gates' verdicts and where its page lies."""

    evaluation: Evaluation
    evidence: Evidence
    report: Path

    @property
    def verdicts(self) -> list[Verdict]:
        return self.evidence.verdicts()

    @property
    def passed(self) -> bool:
        return all(v.passed for v in self.verdicts)


def _same_features(one: Bundle, other: Bundle) -> bool:
    """Both read the same columns, or one of them further ones behind."""
    k = min(len(one.manifest.columns), len(other.manifest.columns))
    return one.manifest.columns[:k] == other.manifest.columns[:k]


def assess(settings: Settings, head: str, day: date, ranker: str) -> Assessment:
    """Evaluates a candidate beside the champion on the same rows, judges it, writes the report and the figures."""
    home = settings.home
    bundle, dataset = load_candidate(home, head, day, ranker), read(home, head, day)
    evaluation, evidence = weigh(settings, bundle, dataset, day)
    plots = pictures(evaluation, bundle, dataset.narrowed(bundle.manifest.columns).matrix[dataset.part("test")])
    place = plots_folder(home, head, day, ranker)
    place.mkdir(exist_ok=True)
    for name, png in plots.items():
        (place / f"{name}.png").write_bytes(png)
    page = write_report(report_path(home, head, day, ranker), evaluation, bundle, evidence.verdicts(), plots)
    evidence.write(evidence_path(home, head, day, ranker))
    log_evidence(settings, day, evidence)
    return Assessment(evaluation, evidence, page)


def refuse_known_rows(bundle: Bundle, dataset: Dataset, who: str) -> None:
    """Raises Refused where a bundle learned from rows that it would be judged by: what it has seen, it knows. who: names it."""
    first = dataset.rows.loc[dataset.part("test"), "ts"].min()
    learned = pd.Timestamp(bundle.manifest.trained_to)
    if first <= learned:
        fix = f"The {who} learned from rows up to {learned.isoformat()}: judge it on later rows, or train it again on this set."
        raise Refused("test rows from", first.isoformat(), fix)


def weigh(settings: Settings, bundle: Bundle, dataset: Dataset, day: date) -> tuple[Evaluation, Evidence]:
    """A bundle beside the champion, both on the dataset's test rows: what every gate that needs no traffic asks for. Raises Refused where
    one of the two learned from those rows."""
    head, reigning, others = dataset.head, champion(settings.home, dataset.head), {}
    refuse_known_rows(bundle, dataset, "candidate")
    if reigning is not None and _same_features(reigning, bundle):
        refuse_known_rows(reigning, dataset, f"champion, version {reigning.manifest.version},")
        others[f"champion {reigning.manifest.version}"] = reigning
    evaluation = evaluate(settings.home, dataset, bundle, others, settings.seed)
    held, scores = evaluation.contest, evaluation.scores
    mine, by = held.standings[0], {s.name: s for s in held.standings}
    rival = by[next(iter(others))] if others else None
    alone, beside = figures(held, mine, by[BASELINE]), figures(held, rival, by[BASELINE]).values if rival else None
    columns = [floor.column for floor in FLOORS.get(head, ())]
    others_scores = scores[BASELINE], scores[rival.name] if rival else None
    found = tuple(slices(evaluation.rows, scores[mine.name], *others_scores, columns, settings.seed))
    cost = scoring_ms(bundle, dataset.narrowed(bundle.manifest.columns).matrix[dataset.part("test")])
    evidence = Evidence(
        head, day.isoformat(), bundle.manifest.ranker, dict(bundle.manifest.files),
        reigning.manifest.version if reigning is not None else "",
        {**alone.values, **ages_of(bundle.manifest, evaluation.rows, day), LATENCY.metric: cost},
        beside, alone.ends, found, differences(held, rival, mine) if rival else {},
    )  # fmt: skip
    return evaluation, evidence


def evidence_of(home: Home, head: str, day: date, ranker: str) -> Evidence:
    """What the last evaluation of a candidate found. Raises Missing before one, or when it was trained again since."""
    due = f"run `placard evaluate --head {head} --partition {day}`."
    found = read_evidence(evidence_path(home, head, day, ranker), f"{head} evaluation of {ranker}, {day}", due.capitalize())
    if not found.of(load_candidate(home, head, day, ranker).manifest.files):
        raise Missing(f"{head} evaluation", f"{ranker} of {day}", f"The candidate was trained again since: {due}")
    return found
