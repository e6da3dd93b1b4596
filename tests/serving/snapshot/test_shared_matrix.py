"""Inputs with the same ad columns share one stored matrix."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest

from feature_repo import services
from feature_repo.services import CLICK, CLICK_HISTORY, CONVERSION, HEADS, INPUTS
from serving.snapshot.manifest import matrix_name


def test_the_same_ad_columns_are_stored_once() -> None:
    assert {matrix_name(m) for m in INPUTS.values()} == {f"matrix.{CLICK.name}"}


def test_other_ad_columns_are_stored_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    fewer = replace(CONVERSION, columns=tuple(c for i, c in enumerate(CONVERSION.columns) if i != CONVERSION.of("ad")[0]))
    monkeypatch.setitem(services.INPUTS, CONVERSION.name, fewer)
    assert matrix_name(fewer) == f"matrix.{CONVERSION.name}" and matrix_name(CLICK_HISTORY) == f"matrix.{CLICK.name}"


def test_a_heads_wider_inputs_begin_with_its_narrower_ones() -> None:
    for inputs in HEADS.values():
        for narrow, wide in pairwise(inputs):
            assert wide.columns[: len(narrow.columns)] == narrow.columns
