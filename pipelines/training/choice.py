"""Which family a log of a size is worth: the one place of the rule, and what it chose for a day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

from feature_repo.home import Home
from feature_repo.whole_file import write_whole
from pipelines.datasets.training_set import read
from pipelines.errors import Missing
from pipelines.operations.training_environment import has
from pipelines.rankers import RANKERS
from pipelines.training.candidate import candidate
from pipelines.training.fit import is_elsewhere
from serving.settings import Settings

AUTO: Final = "auto"
"""In place of a family's name: the one that the log's size is worth."""
PAYS_FROM: Final[dict[str, int]] = {"catboost": 0, "xgboost": 150}
"""Family → the least positives before the test from which it is worth its training and its scoring. The last one that is reached is
chosen. Families that are not here are trained when a person names them. The numbers are from the simulated markets of the seeds 101 and
102, which no report may use: docs/how-to/choose-a-ranker.md."""


@dataclass(frozen=True)
class Choice:
    """ranker: the family's name. words: how it was chosen, for people."""

    ranker: str
    words: str


def chosen_for(positives: int, trainable: frozenset[str]) -> Choice:
    """The family for so many positives. trainable: the families that can be trained here, one of PAYS_FROM at least; where the one that
    pays is not among them, the one that pays from the nearest number."""
    best = [name for name, least in PAYS_FROM.items() if positives >= least][-1]
    words = f"{best} pays from {PAYS_FROM[best]:,} positives, and there are {positives:,} before the test"
    if best in trainable:
        return Choice(best, words)
    instead = min((name for name in PAYS_FROM if name in trainable), key=lambda name: abs(PAYS_FROM[name] - PAYS_FROM[best]))
    return Choice(instead, f"{words}, but it cannot be trained here (`make train-env`): {instead} instead")


def choose(settings: Settings, head: str, day: date) -> Choice:
    """Chooses for the day's training set, and keeps what was chosen for the verbs that follow. Raises Missing without a training set."""
    dataset = read(settings.home, head, day)
    trainable = frozenset(name for name in PAYS_FROM if not is_elsewhere(RANKERS[name]) or has(settings, RANKERS[name].needs))
    choice = chosen_for(int(dataset.label[dataset.part("train", "calibrate")].sum()), trainable)
    write_whole(_path(settings.home, head, day), choice.ranker + "\n")
    return choice


def named(home: Home, head: str, day: date, ranker: str) -> str:
    """The family that a name stands for: itself, or for AUTO what was chosen when the day's candidate was trained. Raises Missing where
    nothing was."""
    if ranker != AUTO:
        return ranker
    path = _path(home, head, day)
    if not path.exists():
        raise Missing(f"{head} candidate", f"{AUTO} of {day}", f"Run `placard train --head {head} --partition {day} --ranker {AUTO}`.")
    return path.read_text().strip()


def _path(home: Home, head: str, day: date) -> Path:
    return candidate(home, head, day, AUTO).with_name("chosen.txt")
