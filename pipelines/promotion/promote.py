"""A version becomes champion on the evidence of exactly that version, or on a reason that stands in the journal."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from datetime import date

from feature_repo.services import HEADS
from pipelines.datasets.training_set import read
from pipelines.errors import Missing, Refused
from pipelines.evaluate.assess import weigh
from pipelines.gates.evidence import Evidence, of_version, read_evidence
from pipelines.gates.gate import Verdict
from pipelines.gates.gates import judge
from pipelines.language.beside_champion import judged
from pipelines.promotion.live_evidence import gathered, logged_since
from pipelines.registry import roles
from pipelines.registry.journal import Change
from pipelines.registry.listing import champion_of, versions
from pipelines.warehouse.label_times import LabelTimes
from serving.bundles import Bundle
from serving.bundles.aliases import read_aliases, version_folder
from serving.eventlog.opening import served_log
from serving.settings import Settings

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class GateTable:
    """What is known of a version before it is promoted. champion: who reigns, "" for nobody."""

    head: str
    version: str
    champion: str
    verdicts: tuple[Verdict, ...]

    @property
    def failed(self) -> list[Verdict]:
        return [v for v in self.verdicts if not v.passed]


def table(settings: Settings, head: str, version: str, day: date) -> GateTable:
    """Every gate of a head on a registered version. day: up to which served traffic is looked at.

    The kept evaluation counts only for the files that it judged, and beside the champion in force: beside another one it is
    done again, on the same rows. A champion that was removed is no measure. With `require_evidence` a gate that nothing was measured for
    fails, once somebody reigns, or did until it was removed: there has been traffic then. Raises PipelineError for a version that is not
    registered.
    """
    version = roles.chosen_of(settings, head, version)
    champion = champion_of(settings.home.bundles, head)
    if head not in HEADS:
        return GateTable(head, version, champion, tuple(_text_model(settings, head, version)))
    bundle = Bundle.load(version_folder(settings.home.bundles, head, version), head)
    evidence, missing = _evidence(settings, bundle, champion)
    with served_log(settings) as served:
        live = gathered(settings.home, served, bundle, day, LabelTimes.of(settings.training), settings.seed)
    if evidence is None:
        lacking = Verdict("evaluation", None, None, missing, False, False)
        return GateTable(head, version, champion, (lacking, *judge(head, live.figures, None, live.ends)))
    figures = {**live.figures, **logged_since(settings.home, date.fromisoformat(evidence.day), day)}
    verdicts = evidence.verdicts(figures, live.ends)
    if settings.gates.require_evidence and read_aliases(settings.home.bundles).get(head, {}).get("champion", "") not in ("", version):
        verdicts = [replace(v, passed=v.passed and v.evidence) for v in verdicts]
    return GateTable(head, version, champion, tuple(verdicts))


def _text_model(settings: Settings, head: str, version: str) -> list[Verdict]:
    """A model that is no ranker was measured at training; its sealed manifest holds the figures."""
    known = {v.version: v.metrics for v in versions(settings, head)}
    return judged(settings, head, known[version], version)


def _evidence(settings: Settings, bundle: Bundle, champion: str) -> tuple[Evidence | None, str]:
    """The evaluation of this version beside this champion; or None, and what is due."""
    head, version = bundle.manifest.head, bundle.manifest.version
    path = of_version(settings.home.bundles, head, version)
    try:
        found = read_evidence(path, f"{head} evaluation", "Evaluate and register it again.")
    except Missing as missing:
        return None, f"an evaluation of version {version}: {missing.fix}"
    if not found.of(bundle.manifest.files):
        return None, f"an evaluation of version {version}; the one kept is of other files: evaluate and register it again"
    if champion in (version, found.champion):
        return found, ""
    try:
        again = _again(settings, bundle, found)
    except (Missing, Refused) as error:
        due, had = (f"champion {reigns}" if reigns else "no champion" for reigns in (champion, found.champion))
        return None, f"an evaluation beside {due}, not {had} ({error.fix})"
    again.write(path)
    return again, ""


def _again(settings: Settings, bundle: Bundle, found: Evidence) -> Evidence:
    """Judges a version anew on the rows that it was judged on. Raises Missing when they are gone, Refused when they are others."""

    day = date.fromisoformat(found.day)
    dataset = read(settings.home, found.head, day)
    first = dataset.rows["ts"][dataset.part("test")].min().isoformat()
    if first <= bundle.manifest.trained_to:
        raise Refused("dataset", str(day), "its test rows are no longer later than those it was trained on")
    return weigh(settings, bundle, dataset, day)[1]


def promote(settings: Settings, head: str, version: str, day: date, why: str = "", override: str = "") -> tuple[Change, GateTable]:
    """Makes a version (default: the challenger) champion when every gate holds. override: a reason to do it all the same.

    Raises Refused naming the gates that failed; with `override` they stand in the journal beside the reason.
    """
    found = table(settings, head, version, day)
    if found.failed and not override:
        raise NotPromoted(found)
    failed = tuple(v.gate for v in found.failed)
    return roles.promote(settings, head, found.version, override or why, failed), found


class NotPromoted(Refused):
    """Gates failed; table: all of them."""

    def __init__(self, found: GateTable) -> None:
        said = "; ".join(v.failure for v in found.failed)
        fix = 'The champion stays; `--override "reason"` promotes it all the same and is remembered.'
        super().__init__(f"{found.head} {found.version}", said, fix)
        self.table = found
