"""The chances in a decision record, against counting every way a slate can come about."""

from __future__ import annotations

from itertools import permutations, product

import pytest

from serving.record.lottery import Lottery

ADS = ("a", "b", "c", "d")


def ways(lottery: Lottery, ads: tuple[str, ...]) -> dict[tuple[str, ...], float]:
    """Every slate and its chance: the usual one, and each order that can be dealt."""
    slots = len(lottery.usual)
    out = {lottery.usual: 1 - lottery.share}
    deals = list(permutations(ads, min(slots, len(ads))))
    for deal in deals:
        slate = deal + ("",) * (slots - len(deal))
        out[slate] = out.get(slate, 0.0) + lottery.share / len(deals)
    return out


@pytest.mark.parametrize(
    ("ads", "usual"),
    [
        (ADS, ("a", "b", "c")),
        (ADS, ("", "", "a")),  # nobody is good enough for the top
        (ADS[:2], ("", "", "a", "b")),  # two ads at the bottom: dealt, they would stand at the top
        (ADS[:1], ("", "a", "")),
        (ADS[:2], ("a", "", "b", "")),
        ((), ("", "")),
    ],
)
def test_chances_are_those_of_all_ways(ads: tuple[str, ...], usual: tuple[str, ...]) -> None:
    lottery = Lottery(0.3, len(ads), usual, (0.0,) * len(usual), 0)
    slates = ways(lottery, ads)
    if not ads:
        slates = {usual: 1.0}
    assert sum(slates.values()) == pytest.approx(1)
    for slate in product((*ads, ""), repeat=len(usual)):
        if all(slate.count(ad) <= 1 for ad in ads):
            assert lottery.slate_chance(slate) == pytest.approx(slates.get(slate, 0.0)), slate
    for slot in range(len(usual)):
        for ad in (*ads, ""):
            assert lottery.chance(slot, ad) == pytest.approx(sum(p for s, p in slates.items() if s[slot] == ad)), (slot, ad)
