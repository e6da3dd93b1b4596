"""What speculative execution costs and saves on a simulated market: the same requests decided by each tier, valued by true rates."""

from __future__ import annotations

import gc
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Final

import numpy as np
from numpy.typing import NDArray

from feature_repo.taxonomy import OBJECTIVES
from pipelines.errors import Missing, PipelineError
from pipelines.evaluate.remembered import Remembered
from pipelines.simulator.truth import Judge, market_truth
from pipelines.statistics.bootstrap import Interval, ends, rows_drawn
from serving.auction.auction import value_per_bid
from serving.engine.engine import Engine
from serving.engine.live import Live
from serving.engine.stages import Profiles
from serving.engine.tiers import PRIMARY
from serving.ledger.memory import MemoryLedger
from serving.precision.speculative import FAST
from serving.record.decision import Decision
from serving.record.request import AdRequest
from serving.settings import Settings
from serving.surfaces.proactive import proactive
from serving.surfaces.search import search
from serving.understanding.lazy_profiles import LazyProfiles
from serving.worker.reload import Reloader

SURFACES: Final = {"search": search, "proactive": proactive}
SLOTS: Final = {"search": 4, "proactive": 3}
ALWAYS, SPECULATIVE = "primary", "speculative"


@dataclass(frozen=True)
class Way:
    """One way of scoring the requests of a surface, (requests,) each. values: expected auction value, micros: P(looked at) × true
    eCPM / 1,000 of what is shown. skipped: share of the candidates that the champion did not score. ms: of the precision stage."""

    values: NDArray[np.float64]
    skipped: NDArray[np.float64]
    ms: NDArray[np.float64]


@dataclass(frozen=True)
class TierTruth:
    """ways: by name, `primary` (always the champion) first; candidates: mean that were scored."""

    requests: int
    candidates: float
    ways: dict[str, Way]

    def value_loss(self, way: str = SPECULATIVE, draws: int = 500, seed: int = 7) -> Interval:
        """Share of always-primary's value that is lost, with its interval over resampled requests."""
        got, best = self.ways[way].values, self.ways[ALWAYS].values
        low, high = ends([1 - got[i].sum() / max(best[i].sum(), 1e-9) for i in rows_drawn(len(got), seed, draws)])
        return Interval(float(1 - got.sum() / max(best.sum(), 1e-9)), float(low), float(high))


def evaluate_tiers(settings: Settings, after: date, most: int = 500) -> dict[str, TierTruth]:
    """By surface: the live state on requests of the day after `after`, the last day that anything was learned from; at most `most`
    of each. Nothing is explored. Raises Missing without a snapshot, a champion or a fast model."""
    settings = settings.changed(explore_share=0.0)
    reloader = Reloader(settings)
    reloader.refresh()
    live = reloader.live
    for alias in (PRIMARY, FAST):
        if live.snapshot is None or live.bundle("click", alias) is None:
            raise Missing("click bundle", f"@{alias}", f"`placard registry alias click VERSION {alias}` sets one.")
    judge, profiles = Judge(settings.home, after + timedelta(days=1)), Remembered(LazyProfiles(settings))
    examination = market_truth(settings.home).examination
    return {name: _surface(name, settings, live, judge, profiles, most, np.array(examination[name])) for name in SURFACES}


def _surface(
    name: str, settings: Settings, live: Live, judge: Judge, profiles: Profiles, most: int, looked: NDArray[np.float64]
) -> TierTruth:  # fmt: skip
    requests = _requests(name, judge, settings.seed, most)
    decided: dict[str, list[Decision]] = {way: [] for way in (ALWAYS, SPECULATIVE, *_lower(live))}
    engines = {
        way: Engine({name: SURFACES[name](profiles, MemoryLedger(), chosen)}, chosen)
        for way, chosen in ((w, settings.changed(speculative=w == SPECULATIVE)) for w in decided)
    }
    states: Mapping[str, Live] = {ALWAYS: live, SPECULATIVE: live, **_lower(live)}
    for request in requests[:20]:  # what is slow once
        for way, engine in engines.items():
            engine.decide(request, states[way])
    gc.collect()
    for request in requests:  # in turn, so that a noisy neighbour troubles all alike
        for way, engine in engines.items():
            decided[way].append(engine.decide(request, states[way]))
    for way, found in decided.items():
        _answered(f"{way} on {name}", found)
    ways = {way: _way(found, judge, looked) for way, found in decided.items()}
    return TierTruth(len(requests), float(np.mean([sum(d.scored.values()) for d in decided[ALWAYS]])), ways)


def _answered(way: str, found: list[Decision]) -> None:
    """Raises PipelineError when another tier than the one that is measured answered: its value would be taken for this one's."""
    for decision in found:
        if decision.rung not in ("full", "no_ad"):
            raise PipelineError(
                f"tier {way}", decision.rung, f"Request {decision.request.request_id}: {', '.join((*decision.flags, *decision.errors))}."
            )


def _lower(live: Live) -> dict[str, Live]:
    """Each lower tier that is set, alone in the champion's place."""
    out = {}
    for alias in ("fallback", FAST):
        if live.bundle("click", alias) is not None:
            mine = {(head, PRIMARY): b for head in ("click", "conversion") if (b := live.bundle(head, alias) or live.bundle(head, PRIMARY))}
            out[alias] = replace(live, bundles=mine)
    return out


def _requests(name: str, judge: Judge, seed: int, most: int) -> list[AdRequest]:
    asked = (judge.searches() if name == "search" else judge.askers(name)).to_pandas()
    drawn = asked.iloc[np.sort(np.random.default_rng(seed).permutation(len(asked))[:most])]
    return [
        AdRequest(
            q.query_id, name, q.user_id, q.ts.to_pydatetime(), device=q.device, region=q.region, language=q.language,
            query=q.text if name == "search" else "", slots=SLOTS[name], tmax_ms=600_000,
        )
        for q in drawn.itertuples()
    ]  # fmt: skip


def _way(found: list[Decision], judge: Judge, looked: NDArray[np.float64]) -> Way:
    values, skipped = [], []
    for decision in found:
        asked, ids = decision.request.request_id, [ad.creative_id for ad in decision.shown]
        objective = np.array([OBJECTIVES.index(ad.objective) for ad in decision.shown], np.int64)
        place = looked[[ad.position - 1 for ad in decision.shown]] if ids else np.empty(0)
        bids = np.array([ad.bid_micros for ad in decision.shown], np.float64)
        unit = value_per_bid(objective, judge.p_click(asked, ids), judge.p_conversion(asked, ids)) if ids else np.empty(0)
        values.append(float((place * bids * unit).sum()) / 1000)
        n = sum(decision.scored.values())
        skipped.append(1 - decision.scored.get(decision.policy, 0) / n if n else 0.0)
    return Way(np.array(values), np.array(skipped), np.array([d.stage_ms.get("precision", 0.0) for d in found]))
