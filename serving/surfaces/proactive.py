"""Proactive suggestions: ads for a person who has not asked for anything."""

from __future__ import annotations

from serving.auction.annoyance import Annoyance
from serving.auction.bids import AdvertiserBids
from serving.delivery.second_price import SecondPrice
from serving.engine.stages import Profiles
from serving.engine.surface import Surface
from serving.integrity.budget import Budget
from serving.integrity.frequency_cap import FrequencyCap
from serving.integrity.hidden import Hidden
from serving.integrity.paused import Paused
from serving.integrity.policy import Policy
from serving.integrity.schedule import Schedule
from serving.integrity.targeting import Targeting
from serving.ledger.ledger import Ledger
from serving.precision.bundle_scorer import BundleScorer
from serving.precision.conversion_scorer import ConversionScorer
from serving.precision.historical_rate import HistoricalRate
from serving.precision.speculative import Speculative, speculation_of
from serving.recall.nearest import Nearest
from serving.recall.popular import Popular
from serving.settings import Settings
from serving.sourcing.campaigns import Campaigns
from serving.surfaces.plugged import plugged
from serving.understanding.exposures import Exposures
from serving.understanding.profile import Profile
from serving.understanding.unknown_words import UnknownWords


def proactive(profiles: Profiles, ledger: Ledger, settings: Settings) -> Surface:
    """The surface, top to bottom, and what the settings add to it."""
    annoyance = Annoyance(settings.delivery.hide_cost_micros)
    own = Surface(
        name="proactive",
        understanding=(Profile(profiles), Exposures(ledger), UnknownWords()),
        sourcing=(Campaigns(),),
        eligibility=(Targeting(),),
        recall=(Nearest(), Popular()),
        integrity=(Schedule(), Policy(), Hidden(), FrequencyCap(), Paused(ledger), Budget(ledger)),
        precision=(
            Speculative(speculation_of(settings), AdvertiserBids(), annoyance, hides=True),
            BundleScorer("champion", "full", hides=True), BundleScorer("fallback", "fallback", "previous", hides=True),
            BundleScorer("fast", "fast", hides=True), ConversionScorer(), HistoricalRate(),
        ),
        delivery=SecondPrice(settings.delivery.explore_share, settings.delivery.reserve_micros, settings.seed, quality=annoyance),
    )  # fmt: skip
    return plugged(own, settings.surfaces.proactive_plugin_sources, settings.surfaces.proactive_plugin_rules, settings)
