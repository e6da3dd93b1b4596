"""What a correction is made on: dictionaries, plausible letters; models of before are read, and correct nothing."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.bundles.sealed import read_manifest, write_sealed
from serving.errors import BundleRefused
from serving.language.dictionary import UNKNOWN, Dictionary
from serving.language.language import DICTIONARY, LANGUAGE, OFFERED, KnownWords, Language, write_language
from serving.language.query_classifier import OUTPUTS
from serving.language.slip import NO, POSSIBLE, USUAL, edits_within, slip
from serving.language.text_encoder import BUCKETS

WORDS = st.text("abcdeé東", min_size=1, max_size=8)


@given(st.lists(st.dictionaries(WORDS, st.integers(1, 10**9), max_size=20), max_size=3), WORDS)
def test_a_dictionary_knows_its_words_by_their_highest_class(counts: list[dict[str, int]], other: str) -> None:
    made = Dictionary.of(counts)
    for word in {word for words in counts for word in words}:
        assert made.classes([word])[0] == max(words.get(word, 0) for words in counts).bit_length() - 1
    assert made.knows(other) == any(other in words for words in counts)


def test_an_empty_dictionary_knows_nothing() -> None:
    assert Dictionary.of([]).classes(["a", "b"]).tolist() == [UNKNOWN, UNKNOWN] and len(Dictionary.of([{}])) == 0


@pytest.mark.parametrize(
    ("typed", "meant", "kind"),
    [
        ("runnig", "running", USUAL), ("runninng", "running", USUAL), ("runnnig", "running", USUAL), ("rinning", "running", USUAL),
        ("sneekers", "sneakers", USUAL), ("eunning", "running", USUAL), ("unning", "running", NO), ("sunning", "running", NO),
        ("ruxning", "running", POSSIBLE), ("wood", "food", NO), ("leather", "weather", NO), ("wodd", "wood", NO), ("run", "running", NO),
        ("running", "running", NO), ("urnning", "running", USUAL),
    ],
)  # fmt: skip
def test_letters_that_hands_and_ears_confuse(typed: str, meant: str, kind: int) -> None:
    assert slip(typed, meant) == kind


@given(st.text("abcxyz", min_size=2, max_size=8))
def test_edits_keep_the_first_letter(word: str) -> None:
    edits = edits_within(word)
    assert all(e[0] == word[0] and abs(len(e) - len(word)) <= 1 for e in edits) and {word[0] + "q" + word[1:], word + "q"} <= set(edits)


@pytest.fixture
def written(tmp_path: Path) -> Path:
    known = KnownWords({"running": 9, "searched": 9}, ["running"], Dictionary.of([{"leather": 9}]))
    write_language(tmp_path / "m", "1", known, [], {}, np.zeros((BUCKETS, OUTPUTS), np.float32), np.zeros(OUTPUTS, np.float32), {})
    return tmp_path / "m"


def test_a_model_keeps_its_dictionary_and_what_the_catalogue_offers(written: Path) -> None:
    spelling = Language.load(written).spelling
    assert [spelling.correct(word) for word in ("runnig", "searchd", "leather")] == ["running", "searchd", "leather"]


def test_a_model_of_the_first_format_is_read_and_corrects_nothing(written: Path, tmp_path: Path) -> None:
    manifest = read_manifest(written)

    def first(part: Path) -> None:
        for file in written.iterdir():
            if file.name not in (OFFERED, DICTIONARY, "manifest.json"):
                (part / file.name).write_bytes(file.read_bytes())

    write_sealed(tmp_path / "old", {**manifest, "format": 1}, first)
    spelling = Language.load(tmp_path / "old").spelling
    assert spelling.correct("runnig") == "runnig" and spelling.known("running")
    write_sealed(tmp_path / "next", {**manifest, "head": LANGUAGE, "format": 3}, first)
    with pytest.raises(BundleRefused, match="format"):
        Language.load(tmp_path / "next")
    assert "running" in json.loads((tmp_path / "old" / "words.json").read_text())
