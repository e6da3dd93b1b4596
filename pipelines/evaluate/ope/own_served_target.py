"""A policy of the user's own on what we served."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np

from pipelines.errors import PipelineError
from pipelines.evaluate.ope.own_policy import PROBABILITY, Key, OwnPolicy, own_policy, read_table
from pipelines.evaluate.ope.served_rounds import ServedRounds, context_of, stacked
from pipelines.evaluate.ope.target import Target

KEY: Final[Key] = {"decision_id": str, "position": int}
"""A slot: its decision, and its place on the page, from 1."""
ACTION: Final = ("creative_id", str)


def own_served_policy(file: Path, column: str) -> OwnPolicy:
    """The chances of a file. Raises PipelineError for what is no policy."""
    return own_policy(file.name, read_table(file), KEY, ACTION, column or PROBABILITY)


def own_served_target(served: ServedRounds, policy: OwnPolicy) -> Target:
    """What the policy would do in each slot of the served rounds; rows of other decisions (too young, say) are passed over.

    Raises PipelineError for a decision that it does not tell of (where it tells of what was logged alone: for a slot with an ad), and for
    an ad that is not on record: a policy chooses among the ads that the decision's record holds, shown or held back.
    """
    told: dict[tuple[str, int], dict[str, float]] = {}
    actions = policy.rows["action"] if policy.complete else [""] * len(policy.rows)
    for decision, position, action, chance in zip(
        policy.rows["decision_id"], policy.rows["position"], actions, policy.rows[PROBABILITY], strict=True
    ):
        told.setdefault((decision, position), {})[action] = chance
    decisions = set(policy.rows["decision_id"])
    logged, at, likely, context, never = list[float](), list[int](), list[float](), list[tuple[float, ...]](), 0.0
    for r in served.rounds:
        if (name := r.decision.decision_id) not in decisions:
            raise PipelineError(f"decision of {policy.name}", name, "It was served, and the file has no row of it.")
        ads = {ad.creative_id: ad for ad in r.shortlist}
        for slot, shown in enumerate(r.slate):
            chances = told.get((name, slot + 1), {})
            if not policy.complete:
                if shown and not chances:
                    raise PipelineError(
                        f"position of {policy.name}", slot + 1, f"Decision {name} showed an ad there; the file has no row of it."
                    )
                logged.append(chances.get("", 0.0))
                continue
            logged.append(chances.get(shown, 0.0) if shown else max(1 - sum(chances.values()), 0.0))
            for creative, chance in chances.items():
                if chance <= 0:
                    continue
                if creative not in ads:
                    fix = f"The record of decision {name} holds {', '.join(sorted(ads))}; a policy chooses among these."
                    raise PipelineError(f"creative_id of {policy.name}", creative, fix)
                at.append(len(logged) - 1)
                likely.append(chance)
                context.append(context_of(slot, ads[creative]))
                never += chance if r.lottery.chance(slot, creative) <= 0 else 0.0
    return Target(
        policy.name, np.array(logged), np.array(at, np.int64), np.array(likely, np.float64), stacked(context), None,
        never / max(sum(likely), 1e-9), policy.complete,
    )  # fmt: skip
