"""The contracts of the stages. A component is one small class with one public verb; engine.py does everything else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from feature_repo.model_input import Columns
from feature_repo.user_row import UserRow
from serving.engine.candidates import Candidates, Mask, Scores
from serving.engine.live import Live
from serving.engine.tiers import UNLIMITED, Allowance
from serving.ledger.ledger import Hide
from serving.record.decision import RankedAd
from serving.record.lottery import Lottery
from serving.record.query import Query
from serving.record.request import AdRequest


@dataclass(frozen=True)
class Context:
    """What was understood of a request: the asker's features (columns of length 1), the moment, and the defaults used."""

    user: Columns
    moment: Columns
    known: bool = True
    flags: tuple[str, ...] = ()
    query: Query | None = None
    """What a search asks for; None on the other surfaces."""
    query_vector: NDArray[np.float32] | None = None
    """The query's vector by the text encoder: a unit vector, zero for a query without meaning to the encoder, None without an encoder."""
    exposures: Mapping[str, int] | None = None
    """How often each campaign was shown to the asker on earlier pages of the same day. Empty for an asker without a name or consent; None
    when the ledger cannot be read."""
    promised: Mapping[str, int] = field(default_factory=dict)
    """Impressions by campaign that earlier pages of the day may still bring."""
    hidden: tuple[Hide, ...] = ()
    """What the asker hid or reported, while it lasts."""
    allowance: Allowance = UNLIMITED
    """The right to score, until this request's deadline; the engine sets it."""


NOBODY: Final = Context({}, {}, known=False)
"""The context of a request of which nothing has been understood yet."""


@dataclass(frozen=True)
class Slate:
    """shown: best first, priced; held: the best losers, best first; explored: the order was drawn at random, by the lottery."""

    shown: tuple[RankedAd, ...]
    held: tuple[RankedAd, ...]
    explored: bool = False
    dropped: dict[str, int] = field(default_factory=dict)
    lottery: Lottery | None = None


class Profiles(Protocol):
    """The online store, or a fake of it."""

    def read(self, user_id: str, now: datetime) -> UserRow: ...


class Understander(Protocol):
    """Adds what it understands to what those before it did; one that fails leaves that as it was, and is flagged."""

    def understand(self, request: AdRequest, context: Context, live: Live) -> Context: ...


class Source(Protocol):
    """Names candidates; found: those of the sources before it. A failing source is counted and tolerated."""

    def source(self, request: AdRequest, context: Context, live: Live, found: int) -> Candidates: ...


class Filter(Protocol):
    """A rule: True keeps. A rule that fails keeps nothing (fails closed)."""

    def admit(self, request: AdRequest, context: Context, candidates: Candidates) -> Mask: ...


class Recaller(Protocol):
    """Drops to at most k and reorders, never invents; when it fails the next recaller is asked."""

    def recall(self, request: AdRequest, context: Context, candidates: Candidates, k: int) -> Candidates: ...


class Scorer(Protocol):
    """Scores of the candidates' length and order, finite, calibrated; when a scorer fails the next one is asked."""

    def enable(self, request: AdRequest, context: Context, live: Live) -> bool:
        """Whether this scorer applies. Where it does not, the next one is asked, and nothing is out of order."""
        ...

    def score(self, request: AdRequest, context: Context, candidates: Candidates, live: Live) -> Scores: ...


class Promiser(Protocol):
    """Secures what the ads of a page ask for before it is shown; when it fails there is no ad."""

    def refused(self, request: AdRequest, decision_id: str, slate: Slate, live: Live) -> frozenset[str]: ...


class Allocator(Protocol):
    """Ranks and prices; when it fails there is no ad."""

    def allocate(self, request: AdRequest, context: Context, candidates: Candidates, scores: Scores, live: Live) -> Slate: ...
