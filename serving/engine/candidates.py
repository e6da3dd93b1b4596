"""What flows down the stages: row numbers into the snapshot, never an object per candidate."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from serving.record.match import Match
from serving.snapshot import Snapshot

Rows = NDArray[np.int64]
Mask = NDArray[np.bool_]


class Candidates:
    """Rows of `snapshot`, each at most once: an ordered list, or (while nearly all of a large catalogue is left) a mask.

    match: how they were found, where they answer a search."""

    def __init__(self, snapshot: Snapshot, rows: Rows | None = None, *, mask: Mask | None = None, match: Match | None = None) -> None:
        self.snapshot, self.match = snapshot, match
        self.mask = mask
        """(ads,) over the whole snapshot; None once the candidates are a list."""
        if rows is not None:
            self.rows = rows
        elif mask is None:
            raise ValueError("candidates are rows or a mask")

    @cached_property
    def rows(self) -> Rows:
        """(n,) row numbers."""
        assert self.mask is not None
        return np.flatnonzero(self.mask)

    @cached_property
    def _count(self) -> int:
        return int(np.count_nonzero(self.mask)) if self.mask is not None else len(self.rows)

    def __len__(self) -> int:
        return self._count

    def keep(self, mask: Mask) -> Candidates:
        """The candidates, in order, for which a mask of their length is True."""
        if self.mask is not None and len(self) == len(self.mask):
            return Candidates(self.snapshot, mask=mask, match=self.match and self.match.at(mask))
        return Candidates(self.snapshot, self.rows[mask], match=self.match and self.match.at(mask))

    def take(self, which: Rows) -> Candidates:
        """The candidates at some positions of the list, in that order."""
        return Candidates(self.snapshot, self.rows[which], match=self.match and self.match.at(which))

    def without(self, other: Candidates) -> Candidates:
        """The candidates, in order, that are not among the other's."""
        taken = np.zeros(len(self.snapshot), bool)
        taken[other.rows] = True
        return self.keep(~taken[self.rows])

    def join(self, other: Candidates) -> Candidates:
        """These, then the other's, none of which may be among these. Each candidate keeps its own match; where only one of the two
        says how its candidates were found, the kind of the others' is NONE."""
        match = None
        if self.match is not None or other.match is not None:
            match = (self.match or Match.none(len(self))).join(other.match or Match.none(len(other)))
        return Candidates(self.snapshot, np.concatenate([self.rows, other.rows]), match=match)

    def of(self, name: str) -> np.ndarray:
        """A snapshot column at these rows."""
        return self.snapshot[name].take(self.rows, axis=0)  # half the time of an index by rows

    @cached_property
    def campaigns(self) -> Rows:
        """Each candidate's row in the campaign columns."""
        return np.asarray(self.of("campaign"), np.int64)

    def of_campaigns(self, name: str) -> np.ndarray:
        """A campaign column, at each candidate's campaign."""
        return self.snapshot[name].take(self.campaigns, axis=0)


@dataclass(frozen=True)
class Scores:
    """Calibrated probabilities, same length and order as the candidates. pcvr: given a click; nan where no model says."""

    pctr: NDArray[np.float64]
    pcvr: NDArray[np.float64]
    policy: str
    rung: str
    input: str = ""
    """Name of the model input that the scores were made on; empty when no model scored."""
    matrix: NDArray[np.float32] | None = None
    """That input, (n, k) float32."""
    asked: NDArray[np.bool_] | None = None
    """Which were scored by the policy, (n,); None: all. The others keep the scores of `other`, a bundle's name."""
    other: str = ""
    conversion: str = ""
    """The bundle that gave pcvr to whoever the policy scored; empty where no model did."""
    phide: NDArray[np.float64] | None = None
    """Probabilities of a hide or a report, (n,), by the policy; None where it has not learned them, or the surface does not ask."""

    def keep(self, mask: Mask) -> Scores:
        """The scores, in order, of the candidates for which a mask of their length is True."""
        matrix, asked, phide = self.matrix, self.asked, self.phide
        return replace(
            self, pctr=self.pctr[mask], pcvr=self.pcvr[mask], matrix=None if matrix is None else matrix[mask],
            asked=None if asked is None else asked[mask], phide=None if phide is None else phide[mask],
        )  # fmt: skip

    def by(self) -> dict[str, int]:
        """How many each scored."""
        if self.asked is None:
            return {self.policy: len(self.pctr)}
        mine = int(self.asked.sum())
        return {self.policy: mine, self.other: len(self.pctr) - mine}
