"""The one normaliser, tokeniser and hasher: total, stable across processes, the same for one and for many."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from feature_repo.identity_codes import HASH_BUCKETS
from feature_repo.text import bag, hash_codes, normalise, stem, tokenise

WORDS = st.lists(st.one_of(st.none(), st.text(st.characters(exclude_categories=["Cs"]))), max_size=30)


@given(WORDS)
def test_codes_lie_in_their_range_and_absent_is_zero(words: list[str | None]) -> None:
    codes = hash_codes(words)
    assert codes.dtype == np.int32 and codes.shape == (len(words),)
    for word, code in zip(words, codes, strict=True):
        assert (code == 0) == (word is None or word == "")
        assert 0 <= code < HASH_BUCKETS
        assert np.float32(code) == code  # exact in a model's matrix


@given(WORDS)
@example([None, "\0", "a", "a\0b"])
def test_one_at_a_time_is_the_same_as_all_at_once(words: list[str | None]) -> None:
    """Serving hashes one, training hashes a million."""
    assert [int(hash_codes([w])[0]) for w in words] == hash_codes(words).tolist()
    assert hash_codes(np.array([*words, None], object)).tolist() == [*hash_codes(words).tolist(), 0]


def test_codes_are_those_of_every_other_process() -> None:
    """Models keep them; these values may never change."""
    words = ["creative-1", "nul\0inside", "nul", "Ünïcode", "a" * 500, "", None, "мобильный"]
    program = f"from feature_repo.text import hash_codes; print(hash_codes({words!r}).tolist())"
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, env={"PYTHONHASHSEED": "99"})
    assert said.stdout.strip() == str(hash_codes(words).tolist())
    assert hash_codes(["mobile", "c0001"]).tolist() == [838707, 47690]


def test_few_of_many_share_a_code() -> None:
    codes = hash_codes([f"creative-{i}" for i in range(20_000)])
    assert len(np.unique(codes)) > 19_700  # about n²/2m = 190 meet by chance


@given(st.text())
def test_normalising_is_total_and_settles(text: str) -> None:
    once = normalise(text)
    assert normalise(once) == once or normalise(normalise(once)) == normalise(once)
    assert "  " not in once and once == once.strip()
    assert all(tokenise(text))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Buy NOW, 50% off!", ["buy", "now", "50", "off"]),
        ("ＡＢＣ straße", ["abc", "strasse"]),
        ("日本 語", ["日", "本", "語"]),
        ("a_b", ["a", "b"]),
        (" \n", []),
        ("हिन्दी जूते", ["हिन्दी", "जूते"]),
        ("שָׁלוֹם עולם", ["שלום", "עולם"]),
        ("\u0301a 1\ufe0f\u20e3", ["a", "1"]),
    ],
)
def test_words(text: str, words: list[str]) -> None:
    assert tokenise(text) == words


@given(st.lists(st.text(max_size=40), max_size=8))
def test_a_bag_is_a_unit_vector_or_nothing(texts: list[str]) -> None:
    rows = bag(texts, 64)
    assert rows.shape == (len(texts), 64) and rows.dtype == np.float32
    for text, row in zip(texts, rows, strict=True):
        assert np.linalg.norm(row) == pytest.approx(1.0 if tokenise(text) else 0.0, abs=1e-5)
        np.testing.assert_allclose(row, bag([text.upper().lower()], 64)[0] if text.isascii() else row, atol=1e-6)


@given(st.text())
def test_any_word_has_a_stem(word: str) -> None:
    for token in tokenise(word):
        assert isinstance(stem(token), str) and len(stem(token)) <= len(token) + 1


def test_half_a_surrogate_pair_is_its_own_stem() -> None:
    assert stem("\ud800") == "\ud800"


def test_plurals_and_forms_share_a_stem() -> None:
    assert stem("shoes") == stem("shoe") and stem("running") == stem("runs") == stem("run") and stem("") == ""
