"""A policy of the user's own on an Open Bandit log."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np

from pipelines.errors import PipelineError
from pipelines.evaluate.ope.bandit_log import BanditLog, log_column
from pipelines.evaluate.ope.own_policy import PROBABILITY, Key, OwnPolicy, own_policy, read_table
from pipelines.evaluate.ope.target import Target

KEY: Final[Key] = {"row": int}
"""Number of the row in the log's file, from 0."""
ACTION: Final = ("item_id", int)


def own_bandit_policy(log_dir: Path, file: Path | None, column: str) -> OwnPolicy:
    """The chances of a file, or of a column of the log itself where there is none. Raises PipelineError for what is no policy."""
    if file is not None:
        return own_policy(file.name, read_table(file), KEY, ACTION, column or PROBABILITY)
    return own_policy(f"column {column}", log_column(log_dir, column), KEY, ACTION, column)


def own_bandit_target(log: BanditLog, policy: OwnPolicy) -> Target:
    """What the policy would do in each row of the log. Raises PipelineError for a row that it does not tell of, or that there is not, and
    for an item that the log does not have."""
    number, rows = policy.rows["row"].to_numpy(), policy.rows
    if (missing := np.setdiff1d(log.row, number)).size:
        raise PipelineError(
            f"row of {policy.name}", int(missing[0]), f"The log has it; {missing.size} of its {len(log)} rows are not told of."
        )
    if (strange := np.setdiff1d(number, log.row)).size:
        raise PipelineError(f"row of {policy.name}", int(strange[0]), f"The log's rows are 0 to {len(log) - 1}.")
    place = np.empty(len(log), np.int64)
    place[log.row] = np.arange(len(log))  # the log is read in order of time
    at, chance = place[number], rows[PROBABILITY].to_numpy(np.float64)
    logged, none = np.zeros(len(log)), np.zeros(0, np.int64)
    if not policy.complete:
        logged[at] = chance
        return Target(policy.name, logged, none, np.zeros(0), log.context(none, none), complete=False)
    item = rows["action"].to_numpy()
    if (unknown := item[(item < 0) | (item >= log.items)]).size:
        raise PipelineError(f"item_id of {policy.name}", int(unknown[0]), f"{log.part} has the items 0 to {log.items - 1}.")
    same, may = log.action[at] == item, chance > 0
    logged[at[same]] = chance[same]
    return Target(policy.name, logged, at[may], chance[may], log.context(at[may], item[may]))
