"""Search ads: for a person who asks for something."""

from __future__ import annotations

from serving.auction.bids import AdvertiserBids
from serving.auction.quality_score import QualityScore
from serving.caches.tiered import TieredCache
from serving.delivery.layout import TopAndBottom
from serving.delivery.second_price import SecondPrice
from serving.engine.stages import Profiles
from serving.engine.surface import Surface
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
from serving.ledger.ledger import Ledger
from serving.precision.bundle_scorer import BundleScorer
from serving.precision.conversion_scorer import ConversionScorer
from serving.precision.historical_rate import HistoricalRate
from serving.precision.speculative import Speculative, speculation_of
from serving.recall.best_match import BestMatch
from serving.settings import Settings
from serving.sourcing.keywords import Keywords
from serving.sourcing.meaning import Meaning
from serving.surfaces.plugged import plugged
from serving.understanding.exposures import Exposures
from serving.understanding.profile import Profile
from serving.understanding.query_analysis import QueryAnalysis
from serving.understanding.query_vector import QueryVector
from serving.understanding.unknown_words import UnknownWords


def search(profiles: Profiles, ledger: Ledger, settings: Settings, cache: TieredCache | None = None) -> Surface:
    """The surface, top to bottom, and what the settings add to it. cache: of the queries that were read."""
    page = settings.delivery
    own = Surface(
        name="search",
        understanding=(Profile(profiles), Exposures(ledger), UnknownWords(), QueryAnalysis(cache), QueryVector()),
        sourcing=(Keywords(), Meaning(settings.sourcing.semantic_quota, settings.sourcing.semantic_below)),
        eligibility=(Targeting(), NegativeKeywords()),
        recall=(BestMatch(),),
        integrity=(
            Schedule(), Policy(), BrandSafety(settings.integrity.rival_brand_ads), Relevance(settings.integrity.least_relevance),
            Hidden(), FrequencyCap(), Paused(ledger), Budget(ledger),
        ),
        precision=(
            Speculative(speculation_of(settings), AdvertiserBids(), QualityScore(), page.one_ad_per_advertiser),
            BundleScorer("champion", "full"), BundleScorer("fallback", "fallback", "previous"), BundleScorer("fast", "fast"),
            ConversionScorer(), HistoricalRate(),
        ),
        delivery=SecondPrice(
            page.explore_share, page.reserve_micros, settings.seed, AdvertiserBids(), QualityScore(),
            TopAndBottom(page.top_slots, page.top_factor, page.informational_slots), page.one_ad_per_advertiser,
            page.blocked_terms,
        ),
    )  # fmt: skip
    return plugged(own, settings.surfaces.search_plugin_sources, settings.surfaces.search_plugin_rules, settings)
