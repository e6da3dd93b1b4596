"""What an evaluation found of one bundle, known by the hashes of its files: kept beside the candidate, then with the version."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from feature_repo.json_text import parsed
from feature_repo.whole_file import write_whole
from pipelines.errors import Missing
from pipelines.gates.floor import Slice
from pipelines.gates.gate import Verdict
from pipelines.gates.gates import CALIBRATED, judge
from serving.bundles.aliases import version_folder


@dataclass(frozen=True)
class Evidence:
    """day, ranker: whose dataset it was judged on. champion: the version it was judged beside, "" for none.

    metrics: of the test rows, its latency, and the ages of what it learned from; beside: the champion's on the same rows. intervals: low
    and high ends by metric; differences: those of challenger minus champion, paired.
    """

    head: str
    day: str
    ranker: str
    files: dict[str, str]
    champion: str
    metrics: dict[str, float]
    beside: dict[str, float] | None = None
    intervals: dict[str, tuple[float, float]] = field(default_factory=dict)
    slices: tuple[Slice, ...] = ()
    differences: dict[str, tuple[float, float]] = field(default_factory=dict)

    def verdicts(self, live: Mapping[str, float] | None = None, ends: Mapping[str, tuple[float, float]] | None = None) -> list[Verdict]:
        """Of every gate in force. live, ends: figures that traffic gave, and their intervals."""
        figures, intervals = {**self.metrics, **(live or {})}, {**self.intervals, **(ends or {})}
        return judge(self.head, figures, self.beside, intervals, self.slices, self.differences)

    @property
    def calibrated(self) -> bool:
        """Whether its promises came true on the judged rows, which neither its weights nor its calibrator saw."""
        return all(v.passed for v in self.verdicts() if v.gate == CALIBRATED)

    def of(self, files: Mapping[str, str]) -> bool:
        """Whether it is of the bundle with these files."""
        return self.files == dict(files)

    def write(self, path: Path) -> None:
        """Replaces the file whole."""
        write_whole(path, json.dumps(asdict(self), indent=1) + "\n")


def read_evidence(path: Path, what: str, fix: str) -> Evidence:
    """What was kept. Raises Missing naming `what` and the fix, also for a file of another release."""
    try:
        raw = parsed(path.read_text())
        known = {key: {name: (float(low), float(high)) for name, (low, high) in raw[key].items()} for key in ("intervals", "differences")}
        return Evidence(**{**raw, **known, "slices": tuple(Slice(**s) for s in raw["slices"])})
    except FileNotFoundError:
        raise Missing(what, "none", fix) from None
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise Missing(what, str(path), f"It cannot be read ({error}). {fix}") from None


def of_version(bundles: Path, head: str, version: str) -> Path:
    """Where a registered version's evidence lies: beside its folder, whose files are sealed."""
    place = version_folder(bundles, head, version)
    return place.with_name(f"{place.name}.evaluation.json")
