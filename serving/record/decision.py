"""The decision record: what was asked, considered, dropped, scored, priced and shown, and by which versions.

Training data, explanations, replay, skew checks and billing all derive from it. Encoded as JSON by msgspec, one object a
request; `version` changes when a field does.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

import numpy as np
from numpy.typing import NDArray

from serving.record.lottery import Lottery
from serving.record.query import Query
from serving.record.request import AdRequest

RECORD_VERSION: Final = 8
LATE_FLAG: Final = "late"
"""Among a record's flags: fewer candidates were scored than were left, because the request was late."""


@dataclass(frozen=True, slots=True)
class Price:
    """How a price came to be: the least that keeps the position, never under the floor, never over the bid.

    price_micros is due when an event of kind `charged_on` arrives (impression: already divided by 1,000).
    next_micros is the rank score (eCPM, micros) of the best competitor below; floor_micros the placement's least eCPM;
    threshold_micros the slot's least rank score. rule: which of them set it (`next`, `floor`, `threshold`), or
    `annoyance`: nobody competed, and the ad's own cost asked for more than the floor.
    """

    price_micros: int
    charged_on: str
    bid_micros: int
    next_micros: int
    floor_micros: int
    rule: str
    threshold_micros: int = 0


@dataclass(frozen=True, slots=True)
class QualityParts:
    """A search ad's quality, as advertisers see it. score: 1 to 10; the parts in [0, 1]. expected_ctr: against the search's other
    candidates, 1/2 at their median; page_known: False where the landing page was never read, and counts as neutral;
    page_age_days: since it was read, as of the catalogue, None where it never was."""

    score: int
    expected_ctr: float
    ad_relevance: float
    landing_page: float
    page_known: bool
    page_age_days: float | None = None


@dataclass(frozen=True, slots=True)
class AdText:
    """The words of a shown ad, ready to stand in HTML. choice: number of the combination of a responsive creative's headline and
    description, chosen with `propensity`; keyword: what was inserted, and why it was not where the text asks for one."""

    headline: str
    description: str
    choice: int = 0
    choices: int = 1
    propensity: float = 1.0
    keyword: str = ""
    not_inserted: str = ""
    landing_url: str = ""
    """Where a click leads; "" in records before version 6."""


@dataclass(frozen=True, slots=True)
class RankedAd:
    """A scored candidate: shown ads carry a position, a price, their words and the exact vector they were scored on.

    ecpm_micros: the rank score: the bid's eCPM × quality − cost_micros. block: `top` or `bottom` of the page. match, keyword: how a search
    found it (`semantic`: by meaning, without a keyword); close: it said a variant of the keyword, not its words; similarity: cosine of
    query and ad, where both are known.
    """

    creative_id: str
    campaign_id: str
    advertiser_id: str
    objective: str
    bid_micros: int
    pctr: float
    pcvr: float | None
    quality: float
    ecpm_micros: int
    position: int = 0
    propensity: float = 0.0
    pacing: float = 1.0
    price: Price | None = None
    features: bytes | tuple[float, ...] = b""
    """The exact vector that the candidate was scored on: float32, little-endian, in JSON as base64. Empty where no model scored; numbers
    in records before version 6."""
    block: str = ""
    match: str = ""
    keyword: str = ""
    similarity: float | None = None
    quality_parts: QualityParts | None = None
    text: AdText | None = None
    scored_by: str = ""
    """The bundle, where it is not the decision's policy."""
    close: bool = False
    budget_micros: int | None = None
    """The campaign's daily budget at the time of the decision, micros: what its charges are measured against. None in records before
    version 6."""
    phide: float | None = None
    """Probability of a hide or a report; None on surfaces without a cost of annoyance, and in records before version 7."""
    cost_micros: int = 0
    """What a thousand impressions are expected to lose through hides and reports, micros; 0 in records before version 7, whose quality
    holds it as a factor."""

    @property
    def vector(self) -> NDArray[np.float32]:
        """`features` as numbers, shape (k,), k = 0 where no model scored."""
        if isinstance(self.features, bytes):
            return np.frombuffer(self.features, "<f4")
        return np.array(self.features, np.float32)


@dataclass(frozen=True, slots=True)
class Funnel:
    """sourced = shown + held + sum(rejected) + narrowed, for every request.

    sources: candidates per source. rejected: drops per rule class. narrowed: not among the k recalled. held: scored, not shown.
    """

    sources: dict[str, int]
    rejected: dict[str, int]
    narrowed: int
    held: int
    shown: int

    @property
    def sourced(self) -> int:
        return sum(self.sources.values())


@dataclass(frozen=True, slots=True)
class Decision:
    """One decided request.

    rung: the step of the degradation ladder that answered. flags: in what the answer differs from the usual one though nothing
    failed: defaults that were used and why (`user_unknown`, `profile_stale`, ...), `late`. errors: components that failed. policy:
    `<bundle>@<version>` that scored. input: the ModelInput's name, whose column order `features` follows. held: the best
    competitors that lost, best first, at most 20. stage_ms: wall time per stage.
    """

    decision_id: str
    request: AdRequest
    decided_at: datetime
    rung: str
    policy: str
    input: str
    snapshot: str
    funnel: Funnel
    shown: tuple[RankedAd, ...]
    held: tuple[RankedAd, ...]
    explored: bool = False
    flags: tuple[str, ...] = ()
    no_ad_reason: str = ""
    stage_ms: dict[str, float] = field(default_factory=dict)
    shadow: dict[str, tuple[float, ...]] = field(default_factory=dict)
    query: Query | None = None
    """What a search was understood to ask for."""
    refused: dict[str, str] = field(default_factory=dict)
    """Bundles that had a part in serving and were kept out of the auction, each with the reason."""
    scored: dict[str, int] = field(default_factory=dict)
    """Candidates that each bundle scored; more than one where the fast model's guess was enough for some."""
    lottery: Lottery | None = None
    """The chances that the slate was drawn by; None where nothing was, and in records before version 3."""
    conversion: str = ""
    """`conversion@<version>` that gave pcvr to whoever `policy` scored; empty where no model did, and in records before version 4."""
    errors: tuple[str, ...] = ()
    """Components that failed, each once: `<component>_failed:<error>`. Records before version 5 name them among the flags."""
    version: int = RECORD_VERSION


def legible(decision: Decision) -> Decision:
    """The record as people read it: the vectors as numbers."""
    shown, held = (tuple(replace(ad, features=tuple(ad.vector.tolist())) for ad in ads) for ads in (decision.shown, decision.held))
    return replace(decision, shown=shown, held=held)
