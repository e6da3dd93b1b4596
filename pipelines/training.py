"""The daily life of a ranker: dataset → candidate → evaluation → gates → registry. Each step leaves what the next one reads."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

from feature_repo.home import Home
from pipelines import registry
from pipelines.dataset import Dataset, read
from pipelines.errors import Missing, PipelineError, Refused
from pipelines.evaluate.latency import scoring_ms
from pipelines.evaluate.offline import Evaluation, evaluate
from pipelines.evaluate.plots import pictures
from pipelines.evaluate.report import write_report
from pipelines.evaluate.slices import slices
from pipelines.evidence import Evidence, of_version
from pipelines.evidence import read as read_evidence
from pipelines.gates import FLOORS, LATENCY, Verdict
from pipelines.metrics import METRICS
from pipelines.rankers import RANKERS
from pipelines.rankers.fit_bundle import fit_bundle
from pipelines.teachable import refuse_unteachable
from pipelines.train_environment import fit_elsewhere, is_elsewhere
from pipelines.tuning import tuned
from pipelines.version import Version
from serving.bundles import Bundle
from serving.bundles.aliases import folder as version_folder
from serving.bundles.aliases import is_shadow
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
    Raises PipelineError for an unknown ranker, Refused for a set that cannot teach and where there is no such environment."""
    if ranker not in RANKERS:
        raise PipelineError("ranker", ranker, f"Known: {', '.join(RANKERS)}.")
    dataset = read(settings.home, head, day)
    refuse_unteachable(dataset)
    if is_elsewhere(RANKERS[ranker]):
        fit_elsewhere(settings, head, day, ranker, quiet)
        return load_candidate(settings.home, head, day, ranker)
    return fit_bundle(tuned(settings.home, head, RANKERS[ranker]), dataset, candidate(settings.home, head, day, ranker), "0")


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


def assess(settings: Settings, head: str, day: date, ranker: str) -> Outcome:
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
    return Outcome(evaluation, evidence, page)


def weigh(settings: Settings, bundle: Bundle, dataset: Dataset, day: date) -> tuple[Evaluation, Evidence]:
    """A bundle beside the champion, both on the dataset's test rows: what every gate that needs no traffic asks for."""
    head, reigning, others = dataset.head, champion(settings.home, dataset.head), {}
    if reigning is not None and _same_features(reigning, bundle):
        others[f"champion {reigning.manifest.version}"] = reigning
    evaluation = evaluate(settings.home, dataset, bundle, others)
    test, mine = dataset.part("test"), next(iter(evaluation.scores))
    beside = before = None
    if others:
        before = evaluation.scores[next(iter(others))]
        beside = {m.name: m(dataset.label[test], before, evaluation.rows) for m in METRICS}
    columns = [floor.column for floor in FLOORS.get(head, ())]
    found = tuple(slices(evaluation.rows, evaluation.scores[mine], before, columns, settings.seed))
    metrics = {**evaluation.metrics, LATENCY.metric: scoring_ms(bundle, dataset.narrowed(bundle.manifest.columns).matrix[test])}
    ends = {name: (i.low, i.high) for name, i in evaluation.intervals[mine].items()}
    reigns = reigning.manifest.version if reigning is not None else ""
    evidence = Evidence(
        head, day.isoformat(), bundle.manifest.ranker, dict(bundle.manifest.files), reigns, metrics, beside, ends, found
    )  # fmt: skip
    return evaluation, evidence


def evidence_path(home: Home, head: str, day: date, ranker: str) -> Path:
    return candidate(home, head, day, ranker).with_name(f"{ranker}.evaluation.json")


def evidence_of(home: Home, head: str, day: date, ranker: str) -> Evidence:
    """What the last evaluation of a candidate found. Raises Missing before one, or when it was trained again since."""
    due = f"run `placard evaluate --head {head} --partition {day}`."
    found = read_evidence(evidence_path(home, head, day, ranker), f"{head} evaluation of {ranker}, {day}", due.capitalize())
    if not found.of(load_candidate(home, head, day, ranker).manifest.files):
        raise Missing(f"{head} evaluation", f"{ranker} of {day}", f"The candidate was trained again since: {due}")
    return found


def register(settings: Settings, head: str, day: date, ranker: str, alias: str) -> Version:
    """Registers a candidate that passed its gates (as @shadow, any that was evaluated), and what its evaluation found with it.

    Raises Refused naming the gates that failed.
    """
    home = settings.home
    evidence = evidence_of(home, head, day, ranker)
    failed = [v.failure for v in evidence.verdicts() if not v.passed]
    if failed and not is_shadow(alias):
        raise Refused(f"{head} candidate {ranker} of {day}", "; ".join(failed), "It was not registered; the champion stays.")
    dataset = read(home, head, day).narrowed(load_candidate(home, head, day, ranker).manifest.columns)
    plots = [*sorted(plots_folder(home, head, day, ranker).glob("*.png")), report_path(home, head, day, ranker)]
    version = registry.register(
        settings, candidate(home, head, day, ranker), alias, f"trained on {day}", evidence.metrics, plots,
        dataset.matrix[dataset.part("test")][:EXAMPLE_ROWS],
    )  # fmt: skip
    evidence.write(of_version(home.bundles, head, version.version))
    return version
