"""Rows that are alike, over deliveries in any order: once the whole has come, the whole is there, and parts of it change nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.ingest.merge import Member, steps
from tests.examples import examples

CONTENTS = st.lists(st.sampled_from("abcd"), min_size=1, max_size=6)


def numbered(contents: Sequence[str]) -> dict[str, str]:
    """Content by key, as a format numbers the rows of one delivery."""
    return {f"row-{i}": content for i, content in enumerate(sorted(contents))}


class Group:
    """What is held of one group, by key; and what was corrected."""

    def __init__(self) -> None:
        self.held: dict[str, str] = {}
        self.before: set[str] = set()

    def land(self, contents: Sequence[str]) -> Counter[str]:
        """Lands one delivery, and counts its steps by kind."""
        coming = [Member(i, key, content) for i, (key, content) in enumerate(numbered(contents).items())]
        there = [Member(i, key, content) for i, (key, content) in enumerate(self.held.items())]
        done = steps(coming, there, self.before)
        for step in done:
            if step.out:
                del self.held[step.out.key]
            if step.out and step.kind == "corrected":
                self.before.add(step.out.content)
        for step in done:
            if step.put and step.named:
                assert step.named.key not in self.held, "a key stands once"
                self.held[step.named.key] = step.put.content
        return Counter(step.kind for step in done if step.put)


def parts(whole: list[str]) -> st.SearchStrategy[list[list[str]]]:
    part = st.permutations(whole).flatmap(lambda rows: st.integers(1, len(rows)).map(lambda n: rows[:n]))
    return st.lists(part, max_size=5)


@settings(max_examples=examples(2_000), deadline=None)
@given(data=st.data(), whole=CONTENTS)
def test_the_whole_is_there_once_it_has_come_whatever_came_before_and_after(data: st.DataObject, whole: list[str]) -> None:
    group = Group()
    for part in data.draw(parts(whole)):
        group.land(part)
        assert not Counter(group.held.values()) - Counter(whole), "no row stands more often than in the whole"
    group.land(whole)
    assert group.held == numbered(whole)
    for part in data.draw(parts(whole)):
        assert group.land(part) == Counter() and group.held == numbered(whole)


@settings(max_examples=examples(2_000), deadline=None)
@given(deliveries=st.lists(CONTENTS, max_size=6))
def test_every_delivery_can_be_landed_and_again_at_once_changes_nothing(deliveries: list[list[str]]) -> None:
    group = Group()
    for contents in deliveries:
        there = len(group.held)
        counts = group.land(contents)
        assert len(group.held) == there + counts["fresh"] >= len(contents)
        held = dict(group.held)
        assert group.land(contents) == Counter() and group.held == held


def test_a_correction_takes_the_place_of_the_row_that_did_not_come_and_does_not_come_back() -> None:
    group = Group()
    group.land("ab")
    assert group.land("bc") == Counter(corrected=1) and group.held == {"row-0": "c", "row-1": "b"}
    assert group.land("ab") == Counter() and group.held == {"row-0": "c", "row-1": "b"}
    assert group.land("abc") == Counter(fresh=1, moved=1) and group.held == {"row-0": "a", "row-1": "b", "row-2": "c"}
