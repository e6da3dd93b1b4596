"""How good search is on a simulated market, where the truth of every ad for every search is known: of a day that nobody has seen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.metrics import f1_score, roc_auc_score

from feature_repo.taxonomy import CATEGORIES
from pipelines.errors import Missing
from pipelines.evaluate.oracle import TrueRates, oracle, worth
from pipelines.evaluate.remembered import Remembered
from pipelines.metrics.ndcg import graded_ndcg
from pipelines.simulator.truth import Judge, market_truth
from pipelines.statistics.bootstrap import Interval, ends, rows_drawn
from serving.engine.engine import Engine
from serving.engine.live import Live
from serving.engine.stages import Context, Profiles
from serving.engine.surface import Surface
from serving.language.analyse import analyse
from serving.ledger.memory import MemoryLedger
from serving.record.decision import Decision
from serving.record.request import AdRequest
from serving.settings import Settings
from serving.sourcing.keywords import Keywords
from serving.sourcing.meaning import Meaning
from serving.surfaces.search import search
from serving.understanding.lazy_profiles import LazyProfiles
from serving.worker.reload import Reloader

SLOTS: Final = 4
EVERYTHING: Final = 1 << 30
RECALL_AT: Final = (10, 50, 200)


@dataclass(frozen=True)
class Contender:
    """One way to answer searches. values: (searches,) expected auction value of each, micros: over the ads shown that answer it at
    all, P(looked at) × true eCPM. ndcg: of the ads' true relevance, at 4, over searches that some eligible ad answers. shown: mean
    ads a search. astray: share of the ads shown that do not answer."""

    values: NDArray[np.float64]
    ndcg: float
    shown: float
    astray: float

    @property
    def value(self) -> float:
        """Micros a search."""
        return float(self.values.mean())


@dataclass(frozen=True)
class SearchTruth:
    """understanding: scores against what was wanted. recall: by source and depth, share of the eligible ads that fully answer a
    search which the source's first k hold. contenders: by name, on the same searches; the staged surface first."""

    searches: int
    understanding: dict[str, float]
    recall: dict[str, dict[int, float]]
    contenders: dict[str, Contender]

    def value_share(self, name: str = "staged", draws: int = 500, seed: int = 7) -> Interval:
        """A contender's value over the oracle's, with its interval over resampled searches."""
        got, best = self.contenders[name].values, self.contenders["oracle"].values
        low, high = ends([got[i].sum() / max(best[i].sum(), 1e-9) for i in rows_drawn(len(got), seed, draws)])
        return Interval(float(got.sum() / max(best.sum(), 1e-9)), float(low), float(high))


def evaluate_search(settings: Settings, after: date, most: int = 500) -> SearchTruth:
    """The live state on searches of the day after `after`, the last day that anything was learned from; at most `most` of them.

    Every contender bids, lays out and filters alike and explores nothing. The oracle ranks every ad that answers a search at
    all, by its true rates.
    Raises Missing without a market, a snapshot or a language model.
    """
    settings = settings.changed(explore_share=0.0, candidates=EVERYTHING)
    reloader = Reloader(settings)
    reloader.refresh()
    live, day = reloader.live, after + timedelta(days=1)
    if live.snapshot is None or live.language is None or live.encoder is None:
        raise Missing("search models", str(after), "Publish features and run `placard language train --alias champion` first.")
    judge = Judge(settings.home, day)
    asked = judge.searches().to_pandas()
    understanding = _understanding(asked, live)
    drawn = asked.iloc[np.sort(np.random.default_rng(settings.seed).permutation(len(asked))[:most])]
    requests = [
        AdRequest(
            q.query_id, "search", q.user_id, q.ts.to_pydatetime(), device=q.device, region=q.region, language=q.language, query=q.text,
            slots=SLOTS, tmax_ms=600_000,
        )
        for q in drawn.itertuples()
    ]  # fmt: skip
    profiles, truth = Remembered(LazyProfiles(settings)), TrueRates(judge)
    surfaces = _surfaces(profiles, settings, truth, judge)
    decisions = {name: _decide(surface, settings, requests, live) for name, surface in surfaces.items()}
    looked = np.array(market_truth(settings.home).examination["search"])
    contenders = {name: _contender(found, judge, truth.eligible, looked) for name, found in decisions.items()}
    return SearchTruth(len(requests), understanding, _recall(requests, live, judge, truth.eligible, settings), contenders)


def _surfaces(profiles: Profiles, settings: Settings, truth: TrueRates, judge: Judge) -> Mapping[str, Surface]:
    staged = search(profiles, MemoryLedger(), settings)
    parts = {f: getattr(staged, f) for f in ("name", "understanding", "eligibility", "recall", "integrity", "precision", "delivery")}
    return {
        "staged": staged,
        "keyword_only": Surface(**parts, sourcing=(Keywords(),)),
        "semantic_only": Surface(**parts, sourcing=(Meaning(settings.sourcing.semantic_quota, settings.sourcing.semantic_below),)),
        "oracle": oracle(staged, settings, judge, truth),
    }


def _decide(surface: Surface, settings: Settings, requests: list[AdRequest], live: Live) -> list[Decision]:
    engine = Engine({surface.name: surface}, settings)
    return [engine.decide(request, live) for request in requests]


def _contender(found: list[Decision], judge: Judge, eligible: dict[str, list[str]], looked: NDArray[np.float64]) -> Contender:
    values, ranks, astray, shown = [], [], 0, 0
    for decision in found:
        asked, ids = decision.request.request_id, [ad.creative_id for ad in decision.shown]
        answers = judge.answers(asked, ids)
        values.append(worth(decision, judge, looked))
        ranks.append(graded_ndcg(answers, judge.answers(asked, eligible.get(asked, [])), SLOTS))
        astray, shown = astray + int((answers == 0).sum()), shown + len(ids)
    return Contender(np.array(values), float(np.nanmean(ranks)), shown / max(len(found), 1), astray / max(shown, 1))


def _understanding(asked: pd.DataFrame, live: Live) -> dict[str, float]:
    """Macro-averaged F1 of intent and category; AUC of the commercial score; share of the brands looked for that were found."""
    read = [analyse(str(t), live.language, str(s)) for t, s in zip(asked["text"], asked["language"], strict=True)]
    category = [q.categories[0][0] if q.categories else CATEGORIES[0] for q in read]
    wanted = asked["brand"].to_numpy(object)
    brands = [any(e.kind == "brand" and e.key == b for e in q.entities) for q, b in zip(read, wanted, strict=True) if b]
    buys = (asked["intent"] == "transactional").to_numpy()
    present = sorted(set(asked["category"]))
    return {
        "intent_macro_f1": float(f1_score(asked["intent"], [q.intent for q in read], average="macro")),
        "category_macro_f1": float(f1_score(asked["category"], category, average="macro", labels=present)),
        "commercial_auc": float(roc_auc_score(buys, [q.commercial for q in read])) if 0 < buys.sum() < len(buys) else float("nan"),
        "brand_recall": float(np.mean(brands)) if brands else float("nan"),
    }


def _recall(
    requests: list[AdRequest], live: Live, judge: Judge, eligible: dict[str, list[str]], settings: Settings
) -> dict[str, dict[int, float]]:
    """Of the eligible ads that fully answer a search; an ad that targeting takes out counts neither way."""
    sources: dict[str, Any] = {"keywords": Keywords(), "meaning": Meaning(max(RECALL_AT), 0)}
    assert live.encoder is not None
    found: dict[str, dict[int, list[float]]] = {name: {k: [] for k in RECALL_AT} for name in (*sources, "both")}
    for request in requests:
        ids = np.array(eligible.get(request.request_id, []), object)
        right = set(ids[judge.answers(request.request_id, ids.tolist()) == 1].tolist()) if len(ids) else set()
        if not right:
            continue
        query = analyse(request.query, live.language, request.language)
        context = Context({}, {}, query=query, query_vector=live.encoder.encode([query.normalised])[0])
        lists = {}
        for name, source in sources.items():
            got = source.source(request, context, live, 0)
            order = np.lexsort((-np.nan_to_num(got.match.similarity), got.match.close, got.match.kind))
            named = [c.decode() for c in got.take(order).of("id.creative_id")]
            known = set(ids.tolist())
            lists[name] = [c for c in named if c in known]
        for k in RECALL_AT:
            heads = {name: set(ranked[:k]) for name, ranked in lists.items()}
            heads["both"] = set().union(*heads.values())
            for name, head in heads.items():
                found[name][k].append(len(right & head) / len(right))
    return {name: {k: float(np.mean(v)) if v else float("nan") for k, v in by.items()} for name, by in found.items()}
