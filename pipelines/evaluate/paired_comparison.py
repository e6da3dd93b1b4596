"""Any two models of a head on the same rows, which neither learned from: by how much they differ, and who is ahead beyond noise."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from typing import Final

import numpy as np

from pipelines.datasets.training_set import read
from pipelines.errors import PipelineError, Refused
from pipelines.evaluate.assess import refuse_known_rows
from pipelines.evaluate.offline import predict
from pipelines.evaluate.paired import Difference, compare
from pipelines.metrics import METRICS
from pipelines.rankers import RANKERS
from pipelines.training.candidate import load_candidate
from serving.bundles import Bundle, Manifest
from serving.bundles.aliases import read_aliases, version_folder
from serving.settings import Settings

CHAMPION: Final = "champion"
LOWER: Final = {m.name: m.better == "lower" for m in METRICS}


@dataclass(frozen=True)
class PairedComparison:
    """first, second: names of the two. rows, positives, users: of the test rows. differences: second minus first, by metric, paired over
    users."""

    head: str
    day: date
    first: str
    second: str
    rows: int
    positives: int
    users: int
    differences: tuple[Difference, ...]

    def ahead(self, found: Difference) -> str:
        """Who is better by a metric, with the whole interval of the difference on one side of 0; "" where nobody is."""
        if found.low is None or found.high is None or found.low <= 0 <= found.high:
            return ""
        return self.second if (found.high < 0) == LOWER[found.metric] else self.first


def compared(settings: Settings, head: str, day: date, first: str, second: str) -> PairedComparison:
    """Compares two models on the test rows of a day's training set. first, second: a family with a candidate of that day, a registered
    version's number, or `champion`.

    Raises PipelineError for a name that is none of these, Missing for a candidate or a training set that has not been made, and Refused
    where one of the two learned from the rows, or both are one and the same.
    """
    one, other = (_named(settings, head, day, name) for name in (first, second))
    if _content(one) == _content(other):
        raise Refused(f"{head} {first} and {second}", "the same model", "It does not differ from itself: name two.")
    dataset = read(settings.home, head, day)
    for name, bundle in ((first, one), (second, other)):
        refuse_known_rows(bundle, dataset, _spoken(name))
    test = dataset.part("test")
    rows, label = dataset.rows[test], dataset.label[test]
    user = np.where(rows["user_id"] == "", rows["row_id"], rows["user_id"])  # those without a name are each somebody else
    group = np.unique(user.astype(str), return_inverse=True)[1].astype(np.int64)
    found = compare(predict(one, dataset, test), predict(other, dataset, test), label, group, settings.seed)
    return PairedComparison(head, day, first, second, len(rows), int(label.sum()), int(group.max()) + 1, tuple(found))


def _content(bundle: Bundle) -> Manifest:
    """What a model is, under whichever name: a candidate and the version that it was registered as are one."""
    return replace(bundle.manifest, version="", metrics={})


def _spoken(name: str) -> str:
    return f"version {name}" if name.isdecimal() else name if name == CHAMPION else f"candidate {name}"


def _named(settings: Settings, head: str, day: date, name: str) -> Bundle:
    """The bundle that a name stands for."""
    bundles = settings.home.bundles
    version = read_aliases(bundles).get(head, {}).get(CHAMPION, "") if name == CHAMPION else name
    if version.isdecimal() and (folder := version_folder(bundles, head, version)).is_dir():
        return Bundle.load(folder, head)
    if name in RANKERS:
        return load_candidate(settings.home, head, day, name)
    if name == CHAMPION:
        raise PipelineError(f"{head} champion", "none", f"Promote one (`placard promote {head}`), or compare others.")
    there = sorted((p.name for p in (bundles / head).glob("[!.]*") if p.is_dir()), key=lambda v: (len(v), v))
    known = f"{CHAMPION}, a version ({', '.join(there) or 'none is registered'}), or a family ({', '.join(RANKERS)})"
    raise PipelineError(f"{head} model", name, f"Name {known}.")
