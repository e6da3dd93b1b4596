"""Rows of one group, as delivered and as held: which are the same, which are new, and which take another's place.

A group is all rows that are alike in what makes their identity; they are told apart by an ordinal alone. A delivery that holds all that is
held is a longer copy: it stands as it is, under its own numbers. One of which all is held brings nothing. Of any other the rows that are
held are the same ones, and of the rest each corrects one that is held and was not delivered, as far as there are such; what is left is new.

What came of rows (a click, an affinity) bears their ordinal, and may be the same in a longer copy and in what was held although ordinals
are not: the rows themselves tell then which it is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Member:
    """A row of a group. at: its place among the delivered, or among the held rows. content: all that it says but its names."""

    at: int
    key: str
    content: str


@dataclass(frozen=True)
class Step:
    """put: the delivered row that goes in, None for none. out: the held row that goes out, None for none. named: whose key the row that
    goes in has. A moved row is neither new nor a correction."""

    kind: Literal["fresh", "corrected", "moved"]
    put: Member | None
    out: Member | None
    named: Member | None = None


def holds_more(delivered: Sequence[Member], held: Sequence[Member]) -> bool:
    """Whether a delivery of a group holds all that is held of it, and more."""
    return Counter(h.content for h in held) < Counter(d.content for d in delivered)


def steps(delivered: Sequence[Member], held: Sequence[Member], before: Collection[str], of_longer: bool = False) -> list[Step]:
    """What makes the held rows of a group those that the delivery says. before: contents that were corrected earlier; one of them that is
    delivered again corrects nothing back. of_longer: the rows that these came of are a longer copy of those that are held."""
    coming, there = Counter(d.content for d in delivered), Counter(h.content for h in held)
    if holds_more(delivered, held) or (of_longer and there == coming):
        return _longer_copy(delivered, held)
    if coming <= there:
        return []
    rest, left = _unmatched(delivered, held)
    open_keys = {h.key for h in left}
    rest.sort(key=lambda d: (d.content not in before, d.key not in open_keys))
    done = []
    for row in rest[: len(left)]:
        old = next((h for h in left if h.key == row.key), left[0])
        left.remove(old)
        if row.content not in before:
            done.append(Step("corrected", row, old, old))
    used = {h.key for h in held}
    free = [d for d in delivered if d.key not in used]
    new = sorted(rest[len(rest) - max(len(delivered) - len(held), 0) :], key=lambda d: d.key in used)
    for row in new:
        name = row if row in free else free[0]
        free.remove(name)
        done.append(Step("fresh", row, None, name))
    return done


def _longer_copy(delivered: Sequence[Member], held: Sequence[Member]) -> list[Step]:
    stays = {(d.key, d.content) for d in delivered} & {(h.key, h.content) for h in held}
    fresh, _ = _unmatched(delivered, held)
    out = [Step("moved", None, h) for h in held if (h.key, h.content) not in stays]
    new = {d.at for d in fresh}
    return out + [Step("fresh" if d.at in new else "moved", d, None, d) for d in delivered if (d.key, d.content) not in stays]


def _unmatched(delivered: Sequence[Member], held: Sequence[Member]) -> tuple[list[Member], list[Member]]:
    """What is left of both when rows of equal content are taken together, those of equal keys first."""
    both = {(d.key, d.content) for d in delivered} & {(h.key, h.content) for h in held}
    rest = [d for d in delivered if (d.key, d.content) not in both]
    left = [h for h in held if (h.key, h.content) not in both]
    spare = Counter(h.content for h in left) & Counter(d.content for d in rest)
    return _without(rest, spare), _without(left, spare)


def _without(rows: Sequence[Member], taken: Counter[str]) -> list[Member]:
    """The rows but for so many of each content, the first of them."""
    to_take, kept = taken.copy(), []
    for row in rows:
        if to_take[row.content] > 0:
            to_take[row.content] -= 1
        else:
            kept.append(row)
    return kept
