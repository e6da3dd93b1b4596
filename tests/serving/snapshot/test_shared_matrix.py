"""Inputs with the same ad columns share one stored matrix."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

from feature_repo.services import CLICK, CLICK_HISTORY, CONVERSION, HEADS
from serving.snapshot.manifest import matrix_name


def test_the_same_ad_columns_are_stored_once_whatever_the_inputs_are_called() -> None:
    later = replace(CLICK, name="click_v9", columns=tuple(c for c in CLICK.columns if c.name != "hour"), version=9)
    assert len({matrix_name(m) for m in (CLICK, CLICK_HISTORY, CONVERSION, later)}) == 1


def test_other_ad_columns_are_stored_apart() -> None:
    fewer = replace(CONVERSION, columns=tuple(c for i, c in enumerate(CONVERSION.columns) if i != CONVERSION.of("ad")[0]))
    assert matrix_name(fewer) != matrix_name(CONVERSION)


def test_a_heads_wider_inputs_begin_with_its_narrower_ones() -> None:
    for inputs in HEADS.values():
        for narrow, wide in pairwise(inputs):
            assert wide.columns[: len(narrow.columns)] == narrow.columns
