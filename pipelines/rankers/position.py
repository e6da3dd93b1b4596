"""Position bias: per surface, log-odds of a click by position relative to the first, from the explored slice.

Under random placement an ad's place says nothing of the ad, so click rates by position estimate examination (Wang et al. 2018):
among pages of equally many ads, for whoever gets a long page is not whoever gets a short one. What the policy placed is never read: the
best ads stand first there, and a decay learned from it is about twice too steep. Whoever clicks far more than people do is left out, since
a program clicks wherever an ad stands.
Examination falls as position ** -decay (Craswell et al. 2008, fitted by maximum likelihood): surfaces with few clicks lean on the
decay of all, single positions on their surface's, and where nothing was explored the law is the usual one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

DECAY_PRIOR: Final = (0.5, 0.2)
"""Mean and standard deviation of the decay of all surfaces."""
SURFACE_SPREAD: Final = 0.15
"""Standard deviation of a surface's decay about it."""
PRIOR: Final = 400.0
"""Weight, in clicks, of the surface's law in the estimate of each position: a position with few clicks keeps to the law."""
TOO_OFTEN: Final = 2.0
"""Times the usual click rate that a person may click at; whoever surely clicks more often is taken for a program."""
UNLIKELY: Final = 0.01
"""Chance of as many clicks at that rate below which that is sure enough."""


@dataclass(frozen=True)
class Exposure:
    """A surface's clicks and impressions by length of the page and position, (lengths, positions), first position first."""

    clicks: NDArray[np.float64]
    shown: NDArray[np.float64]

    @property
    def place(self) -> NDArray[np.float64]:
        return np.arange(1, self.shown.shape[1] + 1, dtype=float)

    def due(self, law: NDArray[np.float64]) -> NDArray[np.float64]:
        """What share of its length's clicks each position would have, (lengths, positions)."""
        weight = self.shown * law
        return np.asarray(weight / np.maximum(weight.sum(axis=1, keepdims=True), 1e-9))


def position_offsets(rows: pd.DataFrame) -> dict[str, tuple[float, ...]]:
    """Offsets per surface, the first 0, never rising, as far as any of its rows stands.

    rows: surface, position, shown (ads on the page; 0 where the log does not tell), label, explored, weight_rate, user_id ("" where the log
    does not tell).
    """
    counted = rows["explored"] & ~programs(rows)
    seen = {
        str(surface): _exposure(found[counted[found.index]], int(found["position"].max())) for surface, found in rows.groupby("surface")
    }
    return {surface: _offsets(seen[surface], decay) for surface, decay in _decays(seen).items()}


def programs(rows: pd.DataFrame) -> pd.Series[bool]:
    """Which rows are of somebody who surely clicks more than TOO_OFTEN times as often as usual."""
    from scipy.stats import poisson

    stands_for = np.where(rows["label"], 1.0, 1.0 / rows["weight_rate"])
    usual = float(rows["label"].sum() / stands_for.sum())
    by_user = pd.DataFrame({"user": rows["user_id"], "clicks": rows["label"], "shown": stands_for}).groupby("user").sum()
    sure = poisson.sf(by_user["clicks"] - 1, TOO_OFTEN * usual * by_user["shown"]) < UNLIKELY
    return rows["user_id"].isin(by_user.index[sure & (by_user.index != "")])


def _exposure(chosen: pd.DataFrame, positions: int) -> Exposure:
    weight = np.where(chosen["label"], 1.0, 1.0 / chosen["weight_rate"])
    lengths, length = np.unique(chosen["shown"].to_numpy(np.int64), return_inverse=True)
    position = chosen["position"].to_numpy(np.int64) - 1
    clicks, shown = np.zeros((2, max(len(lengths), 1), positions))
    np.add.at(clicks, (length, position), chosen["label"].to_numpy(float))
    np.add.at(shown, (length, position), weight)
    return Exposure(clicks, shown)


def _decays(seen: dict[str, Exposure]) -> dict[str, float]:
    """Each surface's decay: the multinomial likelihood of where its clicks fell, with normal priors."""
    from scipy.optimize import minimize

    def loss(decays: NDArray[np.float64]) -> float:
        centre, apart = decays[0], decays[1:]
        out = ((centre - DECAY_PRIOR[0]) / DECAY_PRIOR[1]) ** 2 / 2 + float(np.sum((apart / SURFACE_SPREAD) ** 2)) / 2
        for one, extra in zip(seen.values(), apart, strict=True):
            held = one.clicks > 0
            out -= float(np.sum(one.clicks[held] * np.log(one.due(one.place ** -(centre + extra))[held])))
        return float(out)

    found = minimize(loss, np.r_[DECAY_PRIOR[0], np.zeros(len(seen))], method="L-BFGS-B").x
    return {surface: max(float(found[0] + extra), 0.0) for surface, extra in zip(seen, found[1:], strict=True)}


def _offsets(seen: Exposure, decay: float) -> tuple[float, ...]:
    law = seen.place**-decay
    expected = (seen.due(law) * seen.clicks.sum(axis=1, keepdims=True)).sum(axis=0)
    lift = law * (seen.clicks.sum(axis=0) + PRIOR) / (expected + PRIOR)
    return tuple(float(o) for o in np.minimum.accumulate(np.log(lift / lift[0])))


def offset_of(rows: pd.DataFrame, offsets: dict[str, tuple[float, ...]]) -> NDArray[np.float64]:
    """Each row's offset, shape (n,)."""
    out = np.zeros(len(rows))
    position = rows["position"].to_numpy(np.int64)
    for surface, table in offsets.items():
        here = (rows["surface"] == surface).to_numpy()
        out[here] = np.array(table)[np.clip(position[here] - 1, 0, len(table) - 1)]
    return out
