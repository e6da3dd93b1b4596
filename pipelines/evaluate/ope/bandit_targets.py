"""Policies whose value can be asked of an Open Bandit log, by name."""

from __future__ import annotations

from typing import Final

import numpy as np

from pipelines.errors import PipelineError
from pipelines.evaluate.ope.bandit_log import BanditLog
from pipelines.evaluate.ope.feedback import Floats, Ints
from pipelines.evaluate.ope.outcome_model import learn
from pipelines.evaluate.ope.target import Target

DETERMINISTIC: Final = "deterministic:"
LEARNED: Final = ("best-item", "proportional", "ranked")
NAMES: Final = ("uniform", f"{DETERMINISTIC}ITEM", *LEARNED)
DOUBTS: Final = 500.0
"""Impressions of the overall rate that an item's own rate is averaged with: clicks are too rare to go by alone."""


def bandit_target(log: BanditLog, name: str, learn_share: float, seed: int) -> tuple[BanditLog, Target]:
    """The policy, and the rows that it is judged on.

    uniform              any item, with equal chances
    deterministic:ITEM   always that item
    best-item            always the item that was clicked most, by its smoothed rate
    proportional         items in proportion to that rate
    ranked               the item that small boosted trees expect most of, given user and position

    The last three are learned from the first `learn_share` of the rows and judged on the others. Raises PipelineError for any
    other name, and for an item that the log does not have.
    """
    if name == "uniform":
        return log, _by_item(log, name, np.full(log.items, 1 / log.items))
    if name.startswith(DETERMINISTIC):
        return log, _chosen(log, name, np.full(len(log), _item(log, name)))
    if name not in LEARNED:
        raise PipelineError("target", name, f"Name one of {', '.join(NAMES)}.")
    if not 0 < learn_share < 1:
        raise PipelineError("learn share", learn_share, "Use a share between 0 and 1: a policy is judged on rows it has not seen.")
    later, cut = log.later(learn_share), round(len(log) * learn_share)
    if name == "ranked":
        model = learn(log.context(np.arange(cut), log.action[:cut]), log.reward[:cut], seed)
        every, rows = np.tile(np.arange(log.items), len(later)), np.repeat(np.arange(len(later)), log.items)
        return later, _chosen(later, name, model(later.context(rows, every)).reshape(len(later), log.items).argmax(axis=1))
    shown, clicked = (np.bincount(log.action[:cut], weights=w, minlength=log.items) for w in (None, log.reward[:cut]))
    rate = (clicked + DOUBTS * max(clicked.sum(), 1) / max(cut, 1)) / (shown + DOUBTS)
    if name == "best-item":
        return later, _chosen(later, name, np.full(len(later), int(rate.argmax())))
    return later, _by_item(later, name, rate / rate.sum())


def _item(log: BanditLog, name: str) -> int:
    word = name.removeprefix(DETERMINISTIC)
    if not word.isdecimal() or int(word) >= log.items:
        raise PipelineError("target item", word, f"{log.part} has the items 0 to {log.items - 1}.")
    return int(word)


def _chosen(log: BanditLog, name: str, item: Ints) -> Target:
    """A policy that shows item[i] in round i."""
    rows = np.arange(len(log))
    return Target(name, (log.action == item).astype(np.float64), rows, np.ones(len(log)), log.context(rows, item))


def _by_item(log: BanditLog, name: str, chance: Floats) -> Target:
    """A policy that draws an item whoever asks; chance: (items,)."""
    rows, every = np.repeat(np.arange(len(log)), log.items), np.tile(np.arange(log.items), len(log))
    return Target(name, chance[log.action], rows, chance[every], log.context(rows, every))
