"""What is learned from a day: its log becomes features, these are published, and rankers are trained, judged and promoted on them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Final

from feature_repo.services import HEADS
from pipelines.datasets.training_set import make
from pipelines.errors import PipelineError
from pipelines.evaluate.assess import assess
from pipelines.features.history import build_days
from pipelines.features.publish import publish
from pipelines.ingest.day import collect_day
from pipelines.ingest.serving_log import SERVING
from pipelines.promotion.promote import promote
from pipelines.promotion.register import register_candidate
from pipelines.simulator.simulate import surroundings
from pipelines.training.fit import fit
from serving.bundles.aliases import read_aliases
from serving.settings import Settings

CUTS: Final = (0.64, 0.8)
"""Shares of a training set's rows, by time, at which calibrating and testing begin."""


@dataclass(frozen=True)
class LearnedDay:
    """champion: by head, the version that serves from now on, "" for none. promoted: heads with a new one. refused: by head, why its
    candidate did not become one."""

    champion: dict[str, str]
    promoted: tuple[str, ...]
    refused: dict[str, str]


def collect(settings: Settings, day: date) -> None:
    """Brings what was served on a day, and what else the market did then, into the event tables."""
    surroundings(settings.home, day)
    collect_day(settings, day, (SERVING,))


def published(settings: Settings, days: list[date]) -> None:
    """Builds, checks and publishes the features of days."""
    build_days(settings.home, days, settings.threads, settings.features.embeddings)
    publish(settings, days)


def learn(settings: Settings, day: date, ranker: str, say: Callable[[str], None] = lambda word: None) -> LearnedDay:
    """Trains a candidate of each head as of a day's end. One that passes its gates is promoted; of one that does not, or cannot be
    trained, the reason is told, and the last champion stays."""
    promoted, refused = list[str](), dict[str, str]()
    for head in HEADS:
        say(f"{head}: training on what was known by the end of {day}")
        try:
            make(settings, head, day, CUTS)
            fit(settings, head, day, ranker)
            assess(settings, head, day, ranker)
            register_candidate(settings, head, day, ranker, "challenger")
            promote(settings, head, "", day, f"trained on {day}")
            promoted.append(head)
        except PipelineError as error:
            refused[head] = str(error)
    aliases = read_aliases(settings.home.bundles)
    return LearnedDay({head: aliases.get(head, {}).get("champion", "") for head in HEADS}, tuple(promoted), refused)
