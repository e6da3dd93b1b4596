"""One position of a log by itself."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from pipelines.evaluate.ope.feedback import Feedback
from pipelines.evaluate.ope.target import Target


def at_position(feedback: Feedback, target: Target, position: int) -> tuple[Feedback, Target]:
    """The log and the target, cut down to one position: the rounds that have it, with that one slot each. Chances of whole slates are
    dropped, since a single slot is no slate."""
    mine = feedback.position == position
    row = np.cumsum(mine) - 1
    had, number = np.unique(feedback.round[mine], return_inverse=True)
    columns = {name: getattr(feedback, name)[mine] for name in ("action", "position", "reward", "propensity", "context")}
    asked = mine[target.option_slot]
    return (
        Feedback(rounds=len(had), round=number, **columns),
        replace(
            target,
            probability=target.probability[mine],
            option_slot=row[target.option_slot[asked]],
            option_probability=target.option_probability[asked],
            option_context=target.option_context[asked],
            slate_probability=None,
        ),
    )
