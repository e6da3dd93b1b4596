"""Every component keeps its stage's contract, on many candidates, on one, on none."""

from __future__ import annotations

import inspect
from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest

from serving.engine.candidates import Candidates
from serving.engine.stages import Context
from serving.errors import ServingError
from serving.record.match import Match

ROWS = {
    "many": np.arange(0, 300, 2),
    "shuffled": np.random.default_rng(5).permutation(300)[:120],
    "one": np.array([7]),
    "none": np.arange(0),
}


SWITCH = {"precision": ("enable",)}
"""Stages whose components say whether they apply, beside their verb."""

MAY_BE_UNSET = {"precision.Speculative"}
"""Scorers that do not apply without their bundles."""
NEEDS_A_BUNDLE = {"precision.BundleScorer", "precision.ConversionScorer"}
"""Scorers whose error names the bundle that is missing."""


def test_every_component_is_covered(all_components: tuple[set[str], set[str]]) -> None:
    in_the_tree, covered = all_components
    assert in_the_tree - covered == set(), "add it to COMPONENTS in tests/contracts/conftest.py"
    assert covered - in_the_tree == set(), "it is gone from the tree"


def test_it_has_one_public_verb(stage: Any) -> None:
    public = [n for n, _ in inspect.getmembers(type(stage.component), inspect.isfunction) if not n.startswith("_")]
    assert public == sorted({*SWITCH.get(stage.stage, ()), stage.verb})


@pytest.mark.parametrize("rows", ROWS.values(), ids=ROWS)
def test_it_keeps_its_contract(stage: Any, rows: np.ndarray) -> None:
    n, answer = len(rows), stage.call(rows)
    if stage.stage == "understanding":
        assert all(len(c) == 1 for c in (*answer.user.values(), *answer.moment.values()))
    elif stage.stage == "sourcing":
        assert len(set(answer.rows.tolist())) == len(answer) and set(answer.rows.tolist()) <= set(range(len(stage.snapshot)))
        assert answer.match is None or len(answer.match.kind) == len(answer)
    elif stage.stage == "recall":
        assert len(answer) == min(20, n), "at most k, and k where there are as many"
        assert set(answer.rows.tolist()) <= set(rows.tolist()), "never invents"
        assert len(set(answer.rows.tolist())) == len(answer)
    elif stage.stage == "integrity":
        assert answer.dtype == bool and answer.shape == (n,)
    elif stage.stage == "precision":
        assert answer.pctr.shape == answer.pcvr.shape == (n,)
        assert np.isfinite(answer.pctr).all() and ((answer.pctr > 0) & (answer.pctr < 1)).all()
    else:
        assert len(answer.shown) <= min(3, n)
        assert all(ad.price is not None and 0 <= ad.price.price_micros <= ad.bid_micros for ad in answer.shown)
        assert all(0 < ad.propensity <= 1 for ad in answer.shown)


def test_it_answers_the_same_twice_and_changes_nothing(stage: Any) -> None:
    rows = ROWS["shuffled"].copy()
    before = {name: array.copy() for name, array in stage.snapshot.arrays.items()}
    one, two = stage.call(rows), stage.call(rows)
    assert flat(one) == flat(two)
    assert (rows == ROWS["shuffled"]).all()
    assert all((before[name] == array).all() for name, array in stage.snapshot.arrays.items())


def test_what_it_decides_of_an_ad_does_not_depend_on_the_order(stage: Any) -> None:
    if stage.stage not in ("integrity", "precision"):
        pytest.skip("it orders, or makes, the list")
    rows = ROWS["shuffled"]
    there, back = stage.call(rows), stage.call(rows[::-1].copy())
    if stage.stage == "integrity":
        assert (there == back[::-1]).all()
    else:
        assert np.allclose(there.pctr, back.pctr[::-1])


def test_what_others_understood_before_is_kept(understander: tuple[Any, set[str]]) -> None:
    stage, owned = understander
    before = stage.understood_before()
    after = stage.component.understand(stage.request, before, stage.live)
    assert all(
        getattr(after, field.name) is getattr(before, field.name) for field in fields(Context) if field.name not in {"flags", *owned}
    )
    assert after.flags[: len(before.flags)] == before.flags


def test_a_scorer_says_whether_it_applies(scorer: Any) -> None:
    """With every bundle in place all apply; with none, those that may be unset do not."""
    context, bare = scorer.context(), replace(scorer.live, bundles={})
    assert scorer.component.enable(scorer.request, context, scorer.live) is True
    applies = scorer.component.enable(scorer.request, context, bare)
    assert applies is (scorer.name not in MAY_BE_UNSET)
    candidates = Candidates(scorer.snapshot, ROWS["many"])
    if scorer.name in NEEDS_A_BUNDLE:
        with pytest.raises(ServingError, match="champion"):
            scorer.component.score(scorer.request, context, candidates, bare)
    elif applies:
        assert len(scorer.component.score(scorer.request, context, candidates, bare).pctr) == len(candidates)


@pytest.mark.parametrize("order", ["before", "after"])
@pytest.mark.parametrize("matched", [True, False], ids=["matched", "without_a_match"])
def test_mixed_with_another_source_each_candidate_keeps_its_own_match(source: Any, matched: bool, order: str) -> None:
    mine = source.component.source(source.request, source.context(), source.live, 0)
    assert len(mine), "a source that names nothing shows nothing here"
    rows = np.arange(1, 300, 3)
    match = Match(np.arange(100), np.arange(100, dtype=np.int8) % 3, rows % 2 == 0, rows * 10, np.linspace(0, 1, 100, dtype=np.float32))
    other = Candidates(source.snapshot, rows, match=match if matched else None)
    first, second = (mine, other) if order == "before" else (other, mine)
    joined = first.join(second.without(first))
    said = {row: how for one in (second, first) for row, how in zip(one.rows.tolist(), how_each_was_found(one), strict=True)}
    assert dict(zip(joined.rows.tolist(), how_each_was_found(joined), strict=True)) == said
    kept = joined.keep(joined.rows % 2 == 1)
    assert dict(zip(kept.rows.tolist(), how_each_was_found(kept), strict=True)) == {row: said[row] for row in said if row % 2}


def how_each_was_found(candidates: Candidates) -> list[str]:
    match = candidates.match or Match.none(len(candidates))
    return [str([getattr(match.at(np.array([i])), f.name).tolist() for f in fields(Match)]) for i in range(len(candidates))]


def flat(answer: Any) -> str:
    """A comparable form of any stage's answer."""
    if isinstance(answer, np.ndarray):
        return str(answer.tolist())
    if hasattr(answer, "rows"):
        return str(answer.rows.tolist())
    if hasattr(answer, "pctr"):
        return str((answer.pctr.tolist(), answer.pcvr.tolist(), answer.policy, answer.rung))
    if hasattr(answer, "moment"):
        return str([{k: v.tolist() for k, v in columns.items()} for columns in (answer.user, answer.moment)])
    return str(answer)
