"""Every component of every stage, ready to run, and a request to run it on."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import serving
from serving.auction.annoyance import Annoyance
from serving.auction.bids import AdvertiserBids
from serving.bundles import Bundle
from serving.delivery.second_price import SecondPrice
from serving.engine.candidates import Candidates
from serving.engine.live import Live
from serving.engine.stages import NOBODY, Context
from serving.engine.tiers import Tiers
from serving.integrity.brand_safety import BrandSafety
from serving.integrity.budget import Budget
from serving.integrity.frequency_cap import FrequencyCap
from serving.integrity.hidden import Hidden
from serving.integrity.negative_keywords import NegativeKeywords
from serving.integrity.paused import Paused
from serving.integrity.policy import Policy
from serving.integrity.relevance import Relevance
from serving.integrity.schedule import Schedule
from serving.integrity.targeting import Targeting
from serving.ledger.memory import MemoryLedger
from serving.precision.bundle_scorer import BundleScorer
from serving.precision.conversion_scorer import ConversionScorer
from serving.precision.historical_rate import HistoricalRate
from serving.precision.speculative import Speculation, Speculative
from serving.recall.best_match import BestMatch
from serving.recall.nearest import Nearest
from serving.recall.popular import Popular
from serving.record.query import Query
from serving.record.request import AdRequest
from serving.snapshot import Snapshot, open_current
from serving.sourcing.campaigns import Campaigns
from serving.sourcing.keywords import Keywords
from serving.sourcing.meaning import Meaning, by_meaning
from serving.understanding.exposures import Exposures
from serving.understanding.profile import Profile
from serving.understanding.query_analysis import QueryAnalysis
from serving.understanding.query_vector import QueryVector
from serving.understanding.unknown_words import UnknownWords
from tests.made import Known

VERBS = {
    "understanding": "understand", "sourcing": "source", "recall": "recall", "integrity": "admit", "precision": "score",
    "delivery": "allocate",
}  # fmt: skip


COMPONENTS: dict[str, Callable[[], Any]] = {
    "understanding.Profile": lambda: Profile(Known()),
    "understanding.Exposures": lambda: Exposures(MemoryLedger()),
    "understanding.QueryAnalysis": QueryAnalysis,
    "understanding.QueryVector": QueryVector,
    "understanding.UnknownWords": UnknownWords,
    "sourcing.Campaigns": Campaigns,
    "sourcing.Keywords": Keywords,
    "sourcing.Meaning": lambda: Meaning(20, 50),
    "recall.Nearest": Nearest,
    "recall.Popular": Popular,
    "recall.BestMatch": BestMatch,
    "integrity.Targeting": Targeting,
    "integrity.Schedule": Schedule,
    "integrity.Policy": Policy,
    "integrity.NegativeKeywords": NegativeKeywords,
    "integrity.BrandSafety": lambda: BrandSafety(rivals=False),
    "integrity.Relevance": lambda: Relevance(0.15),
    "integrity.FrequencyCap": FrequencyCap,
    "integrity.Hidden": Hidden,
    "integrity.Paused": lambda: Paused(MemoryLedger()),
    "integrity.Budget": lambda: Budget(MemoryLedger()),
    "precision.BundleScorer": lambda: BundleScorer("champion", "full"),
    "precision.Speculative": lambda: Speculative(Speculation(True, 0.85, 64), AdvertiserBids(), Annoyance(100_000)),
    "precision.ConversionScorer": ConversionScorer,
    "precision.HistoricalRate": HistoricalRate,
    "delivery.SecondPrice": lambda: SecondPrice(0.3, 1_000, 7),
}
"""How to make each component; a new component is a line here, or test_every_component_is_covered fails."""

OWNED: dict[str, set[str]] = {
    "understanding.Profile": {"user", "moment", "known"},
    "understanding.Exposures": {"exposures", "promised", "hidden"},
    "understanding.QueryAnalysis": {"query"},
    "understanding.QueryVector": {"query_vector"},
    "understanding.UnknownWords": set(),
}
"""The fields of the context that each understander sets; it may add flags, and keeps everything else."""


def found() -> set[str]:
    """Every public class with its stage's verb that stands in a stage's folder."""
    root, out = Path(serving.__file__).parent, set()
    for stage, verb in VERBS.items():
        for file in (root / stage).glob("*.py"):
            module = importlib.import_module(f"serving.{stage}.{file.stem}")
            for name, value in inspect.getmembers(module, inspect.isclass):
                if value.__module__ == module.__name__ and not name.startswith("_") and hasattr(value, verb):
                    out.add(f"{stage}.{name}")
    return out


@pytest.fixture(scope="session")
def all_components() -> tuple[set[str], set[str]]:
    """(found in the tree, covered here)."""
    return found(), set(COMPONENTS)


@pytest.fixture(scope="session")
def snapshot(tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    from pipelines.bench.serving.synthetic import catalogue

    folder = tmp_path_factory.mktemp("contracts")
    catalogue(folder, 300, keywords=3_000)
    return open_current(folder)


@pytest.fixture(scope="session")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    from pipelines.bench.serving.synthetic import ranker

    return ranker(tmp_path_factory.mktemp("bundle") / "1", trees=5, rows=1_000)


@dataclass(frozen=True)
class Stage:
    """component: under test; verb: its public one; call: runs it on some rows of the snapshot."""

    name: str
    component: Any
    snapshot: Snapshot
    live: Live
    request: AdRequest

    @property
    def stage(self) -> str:
        return self.name.split(".")[0]

    @property
    def verb(self) -> str:
        return VERBS[self.stage]

    def context(self) -> Context:
        context = NOBODY
        for understander in (Profile(Known()), Exposures(MemoryLedger()), QueryAnalysis(), QueryVector()):
            context = understander.understand(self.request, context, self.live)
        return context

    def understood_before(self) -> Context:
        """A context in which those who came before have said something of everything."""
        query = Query("shoes", "shoes", ("shoes",), ("shoe",))
        vector, allowance = np.ones(4, np.float32), Tiers(1).until(1.0)
        return Context({"user": np.ones(1)}, {"moment": np.ones(1)}, True, ("said_before",), query, vector, {"c1": 3}, allowance)

    def call(self, rows: np.ndarray, k: int = 20) -> Any:
        context = self.context()
        candidates = Candidates(self.snapshot, rows, match=by_meaning(np.linspace(1, 0, len(rows), dtype=np.float32)))
        if self.stage == "understanding":
            return self.component.understand(self.request, context, self.live)
        if self.stage == "sourcing":
            return self.component.source(self.request, context, self.live, 0)
        if self.stage == "recall":
            return self.component.recall(self.request, context, candidates, k)
        if self.stage == "integrity":
            return self.component.admit(self.request, context, candidates)
        if self.stage == "precision":
            return self.component.score(self.request, context, candidates, self.live)
        scores = BundleScorer("champion", "full").score(self.request, context, candidates, self.live)
        return self.component.allocate(self.request, context, candidates, scores, self.live)


def in_stage(name: str) -> list[str]:
    return sorted(c for c in COMPONENTS if c.startswith(f"{name}."))


@pytest.fixture(params=sorted(COMPONENTS))
def stage(request: pytest.FixtureRequest, snapshot: Snapshot, bundle: Bundle) -> Stage:
    return made(request.param, snapshot, bundle)


@pytest.fixture(params=in_stage("understanding"))
def understander(request: pytest.FixtureRequest, snapshot: Snapshot, bundle: Bundle) -> tuple[Stage, set[str]]:
    """(an understander, the fields of the context that it sets)"""
    return made(request.param, snapshot, bundle), OWNED[request.param]


@pytest.fixture(params=in_stage("precision"))
def scorer(request: pytest.FixtureRequest, snapshot: Snapshot, bundle: Bundle) -> Stage:
    return made(request.param, snapshot, bundle)


@pytest.fixture(params=in_stage("sourcing"))
def source(request: pytest.FixtureRequest, snapshot: Snapshot, bundle: Bundle) -> Stage:
    return made(request.param, snapshot, bundle)


def made(name: str, snapshot: Snapshot, bundle: Bundle) -> Stage:
    from pipelines.bench.serving.synthetic import encoder, vocabulary

    at = datetime(2026, 1, 5, 12, tzinfo=UTC)
    asked = AdRequest(
        "r1", "proactive", "u1", at, device="mobile", region="regions0", language="languages2", query=" ".join(vocabulary(6)), slots=3
    )
    live = Live(snapshot, dict.fromkeys((("click", "champion"), ("conversion", "champion"), ("click", "fast")), bundle), encoder=encoder())
    return Stage(name, COMPONENTS[name](), snapshot, live, asked)
