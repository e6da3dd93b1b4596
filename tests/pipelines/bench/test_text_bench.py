"""`bench text` plants one slip a word, and says what the correction made of it."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.bench.text import text
from pipelines.bench.text.typos import BESIDE, typo
from pipelines.errors import PipelineError


@given(st.text("abcdefgh", min_size=2, max_size=12).filter(lambda w: len(set(w)) > 1), st.integers(0, 10_000), st.booleans())
def test_a_typo_is_one_slip_away(word: str, seed: int, any_letter: bool) -> None:
    out = typo(word, Random(seed), any_letter)
    assert out != word and abs(len(out) - len(word)) <= 1
    ends = next((i for i, (a, b) in enumerate(zip(word, out, strict=False)) if a != b), min(len(word), len(out)))
    assert len(out) != len(word) or word[ends + 2 :] == out[ends + 2 :], "no more than two neighbouring letters differ"


def test_keys_are_beside_those_that_are_beside_them() -> None:
    assert all(a in BESIDE[b] for a, around in BESIDE.items() for b in around) and set("werf") & set(BESIDE["d"]) and "p" not in BESIDE["q"]


def test_one_object_with_the_aims(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text, "LANGUAGES", ("en",))
    result = text.run(["en"], True, 7, lambda said: None)
    figures = {f["name"]: f for f in result["figures"]}
    assert figures["en.altered"]["holds"] and figures["en.mended"]["holds"] and figures["en.mended_any_letter"]["target"] is None
    assert figures["en.mended_astray"]["value"] <= 0.02 and len(text.as_text(result)) == len(figures) == 5
    with pytest.raises(PipelineError, match="Lists are there of en"):
        text.run(["xx"], True, 7, lambda said: None)
