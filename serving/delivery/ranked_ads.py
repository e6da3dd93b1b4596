"""The records of a few ranked candidates, as a decision keeps them."""

from __future__ import annotations

from collections.abc import Sequence
from math import isnan
from typing import Final

import numpy as np
from numpy.typing import NDArray

from feature_repo.taxonomy import MATCH_TYPES, OBJECTIVES
from serving.delivery.layout import Slots
from serving.delivery.ranking import Ranking
from serving.engine.candidates import Candidates, Scores
from serving.record.decision import Price, RankedAd
from serving.record.match import NO_KEYWORD

MATCH_NAMES: Final = (*MATCH_TYPES, "semantic", "")
"""By Match.kind; the last, whose number is -1, is that of none."""


def ranked_ads(
    candidates: Candidates, scores: Scores, ranking: Ranking, rows: NDArray[np.int64], prices: Sequence[Price | None],
    positions: Sequence[int], slots: Slots,
) -> tuple[RankedAd, ...]:  # fmt: skip
    """One record for each of `rows`, positions among the candidates, gathered column by column. prices, positions: of each; None
    and 0 of those that are not shown."""
    snapshot, at = candidates.snapshot, candidates.rows[rows]
    creative, owner, advertiser = (snapshot[f"id.{name}"][at].tolist() for name in ("creative_id", "campaign_id", "advertiser_id"))
    objective, bid = ranking.objective[rows].tolist(), ranking.bid[rows].tolist()
    pctr, pcvr, fit = (column[rows].tolist() for column in (scores.pctr, scores.pcvr, ranking.quality.factor))
    ecpm, costs = np.rint(ranking.rank[rows]).tolist(), ranking.quality.costs[rows].tolist()
    phide = [None] * len(rows) if ranking.quality.phide is None else ranking.quality.phide[rows].tolist()
    features = [b""] * len(rows) if scores.matrix is None else [row.tobytes() for row in scores.matrix[rows].astype("<f4", copy=False)]
    budget = snapshot["campaign.budget_micros"][candidates.campaigns[rows]].tolist()
    found = _found(candidates, rows)
    return tuple(
        RankedAd(
            creative[i].decode(), owner[i].decode(), advertiser[i].decode(), OBJECTIVES[objective[i]], bid[i], pctr[i],
            None if isnan(pcvr[i]) else pcvr[i], fit[i], int(ecpm[i]), position=positions[i], price=prices[i],
            features=features[i], block=slots.block(positions[i]) if positions[i] else "",
            match=found[i][0], keyword=found[i][1], similarity=found[i][2], close=found[i][3],
            quality_parts=ranking.quality.parts(int(rows[i])), budget_micros=budget[i],
            scored_by="" if scores.asked is None or scores.asked[rows[i]] else scores.other, phide=phide[i], cost_micros=costs[i],
        )
        for i in range(len(rows))
    )  # fmt: skip


def _found(candidates: Candidates, rows: NDArray[np.int64]) -> list[tuple[str, str, float | None, bool]]:
    """How each was matched, by which keyword, how alike query and ad are, and whether it is a close variant of the keyword."""
    match = candidates.match
    if match is None:
        return [("", "", None, False)] * len(rows)
    index, out = candidates.snapshot.keywords, []
    columns = (match.kind, match.keyword, match.similarity, match.close)
    for kind, keyword, alike, close in zip(*(column[rows].tolist() for column in columns), strict=True):
        text = index.text(keyword) if index is not None and keyword != NO_KEYWORD else ""
        out.append((MATCH_NAMES[kind], text, None if isnan(alike) else alike, close))
    return out
