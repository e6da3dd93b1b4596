"""What a served day was worth by the truth, beside the best that could have been shown: page by page, in the state that serving had."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pipelines.evaluate.oracle import TrueRates, oracle, worth
from pipelines.simulator.shown_before import ShownBefore
from pipelines.simulator.truth import Judge, market_truth
from serving.engine.engine import Engine
from serving.engine.live import Live
from serving.engine.stages import Profiles
from serving.ledger.ledger import Ledger
from serving.record.decision import Decision
from serving.record.request import AdRequest
from serving.settings import Settings
from serving.surfaces.surfaces import surfaces

EVERYTHING: Final = 1 << 30
WON, BY_LOT = "won", "by_lot"
"""How an ad got its place."""


@dataclass
class DayWorth:
    """A day's pages by the truth, bots left out of all but the clicks.

    surface, value, best: of each page, where it stood, and the expected auction value in micros of what was shown and of the oracle's page.
    promised, true: sums of the predicted and the true P(click at the first position) over the ads that won their places, and over those
    that were drawn by lot. Pages drawn by lot count in the values, as what exploring costs.
    """

    surface: list[str] = field(default_factory=list)
    value: list[float] = field(default_factory=list)
    best: list[float] = field(default_factory=list)
    promised: dict[str, float] = field(default_factory=lambda: {WON: 0.0, BY_LOT: 0.0})
    true: dict[str, float] = field(default_factory=lambda: {WON: 0.0, BY_LOT: 0.0})
    explored: int = 0
    pages: int = 0

    def calibration(self, how: str) -> float | None:
        """Promised over true of the ads that got their places so (WON or BY_LOT); None where there are none."""
        return self.promised[how] / self.true[how] if self.true[how] else None

    def regret_share(self, surface: str = "") -> float | None:
        """Share of the oracle's value that was not had, on one surface or on all; None where the oracle has none."""
        mine = np.array([surface in ("", one) for one in self.surface], bool)
        best = float(np.array(self.best)[mine].sum())
        return 1 - float(np.array(self.value)[mine].sum()) / best if best else None


class Valuer:
    """Values a day's pages: of each, `foresee` before it is decided, since a decision holds money and places of its ads back, and `weigh`
    after that, before anything on it is seen.

    The oracle sees the same ads, caps, budgets and hides through the same stores; it promises and records nothing. before: what people
    have seen, which whoever shows ads keeps up to date.
    """

    def __init__(self, settings: Settings, day: date, before: ShownBefore, profiles: Profiles, ledger: Ledger) -> None:
        self._judge = Judge(settings.home, day, before)
        self._looked: Mapping[str, NDArray[np.float64]] = {
            surface: np.array(curve) for surface, curve in market_truth(settings.home).examination.items()
        }
        knowing = settings.changed(explore_share=0.0, candidates=EVERYTHING)
        truth = TrueRates(self._judge)
        best = {name: oracle(staged, knowing, self._judge, truth) for name, staged in surfaces(profiles, ledger, knowing).items()}
        self._engine = Engine(best, knowing)
        self.worth = DayWorth()

    def foresee(self, request: AdRequest, live: Live) -> None:
        """Adds the best page for a request, in the state that there is."""
        if not self._judge.is_bot(request.request_id):
            self.worth.best.append(worth(self._engine.decide(request, live), self._judge, self._looked[request.surface]))

    def weigh(self, decision: Decision) -> None:
        """Adds the page that is about to be shown for it."""
        visit, so_far = decision.request.request_id, self.worth
        if decision.shown:
            how = BY_LOT if decision.explored else WON
            so_far.true[how] += float(self._judge.p_click(visit, [ad.creative_id for ad in decision.shown]).sum())
            so_far.promised[how] += sum(ad.pctr for ad in decision.shown)
        so_far.pages += 1
        so_far.explored += decision.explored
        if not self._judge.is_bot(visit):
            so_far.surface.append(decision.request.surface)
            so_far.value.append(worth(decision, self._judge, self._looked[decision.request.surface]))
