"""What a query wants and how likely it is to buy: linear models over hashed words, word pairs and letter runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from feature_repo.taxonomy import CATEGORIES, INTENTS
from serving.language.text_encoder import BUCKETS, buckets

OUTPUTS: Final = 1 + len(INTENTS) + len(CATEGORIES)
"""Columns of the weights: commercial, then each intent, then each category."""
LIKELY: Final = 0.05
"""A category less likely than this is not named."""

RAISED: Final = 0.005
"""A category that the words raise by less is not said to be raised."""


@dataclass(frozen=True)
class Reading:
    commercial: float
    intent: str
    intent_probability: float
    categories: tuple[tuple[str, float], ...]
    added: tuple[tuple[str, float], ...]
    """By how much the words raise the probability of a category above that of a text without words; the most first."""


def scaled(found: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Distinct buckets of a text, and the value of each: all of a text at unit length."""
    distinct = np.unique(found)
    return distinct, np.full(len(distinct), 1 / np.sqrt(max(len(distinct), 1)), np.float32)


class QueryClassifier:
    """weights: (BUCKETS, OUTPUTS) float32; bias: (OUTPUTS,)."""

    def __init__(self, weights: NDArray[np.float32], bias: NDArray[np.float32]) -> None:
        if weights.shape != (BUCKETS, OUTPUTS) or bias.shape != (OUTPUTS,):
            raise ValueError(f"weights {weights.shape} and bias {bias.shape}: ({BUCKETS}, {OUTPUTS}) and ({OUTPUTS},) are needed")
        self._weights, self._bias = weights, bias
        self._usual = _shares(bias[1 + len(INTENTS) :])

    def read(self, text: str) -> Reading:
        """Any text; an empty one gets what the bias says."""
        found, values = scaled(buckets(text))
        score = (self._weights[found] * values[:, None]).sum(axis=0) + self._bias
        intents, categories = _shares(score[1 : 1 + len(INTENTS)]), _shares(score[1 + len(INTENTS) :])
        best, added = int(np.argmax(intents)), categories - self._usual
        likely = [int(i) for i in np.argsort(-categories, kind="stable") if categories[i] >= LIKELY and i > 0]
        return Reading(
            float(1 / (1 + np.exp(-score[0]))),
            INTENTS[best],
            float(intents[best]),
            tuple((CATEGORIES[i], float(categories[i])) for i in likely),
            tuple((CATEGORIES[i], float(added[i])) for i in np.argsort(-added, kind="stable").tolist() if added[i] >= RAISED and i > 0),
        )


def _shares(score: NDArray[np.float32]) -> NDArray[np.float64]:
    """Softmax."""
    e = np.exp(score.astype(np.float64) - score.max())
    return np.asarray(e / e.sum())
