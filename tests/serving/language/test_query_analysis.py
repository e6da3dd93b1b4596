"""Any text is understood somehow; what is known of words, names and related terms is used, and nothing else is changed."""

from __future__ import annotations

import gc
import weakref

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from feature_repo.taxonomy import CATEGORIES, INTENTS
from feature_repo.text import stem
from serving.language.analyse import WORDS_READ, analyse
from serving.language.dictionary import Dictionary
from serving.language.gazetteer import Gazetteer
from serving.language.language import Language
from serving.language.query_classifier import OUTPUTS, QueryClassifier
from serving.language.spelling import Spelling
from serving.language.text_encoder import BUCKETS, buckets
from serving.record.query import NO_WORD_KNOWN, Term

WORDS = {"running": 50, "shoes": 80, "cheap": 30, "sneakers": 20, "acme": 9, "berlin": 9, "shoe": 5, "new": 40, "york": 40}

GENERAL = Dictionary.of([{"leather": 5_000, "running": 9_000, "shoes": 20_000, "cheap": 3_000, "new": 90_000}])


@pytest.fixture(scope="module")
def language() -> Language:
    weights = np.zeros((BUCKETS, OUTPUTS), np.float32)
    weights[buckets("cheap"), 0] = 5.0
    weights[buckets("how"), 1 + INTENTS.index("informational")] = 9.0
    weights[buckets("shoes"), 1 + len(INTENTS) + CATEGORIES.index("sports")] = 30.0
    names = [
        ("acme", "brand", "a1"), ("running shoes", "product", "running shoes"), ("shoes", "product", "shoes"),
        ("new york", "location", "ny"), ("york", "location", "york"), ("sports", "category", "sports"),
    ]  # fmt: skip
    related = {stem("shoes"): (Term("sneakers", 0.8, "clicks"), Term("shoes", 0.9, "clicks"))}
    return Language("1", Spelling(WORDS, GENERAL), Gazetteer(names), related, QueryClassifier(weights, np.zeros(OUTPUTS, np.float32)))


def test_spelling_is_corrected_and_known_short_and_numbered_words_are_not(language: Language) -> None:
    query = analyse("Runing SHOES sneekers acme qx 10km xk42", language)
    assert query.normalised == "running shoes sneakers acme qx 10km xk42"
    assert query.corrections == (("runing", "running"), ("sneekers", "sneakers"))
    assert query.original == "Runing SHOES sneekers acme qx 10km xk42"


def test_units_are_one_word_with_their_number(language: Language) -> None:
    assert analyse("run 10 km, 2,5 kg", language).tokens[1] == "10km"


def test_names_are_found_whole_longest_first_with_their_place(language: Language) -> None:
    query = analyse("acme running shoes new york yorkshire", language)
    assert [(e.text, e.kind, e.key) for e in query.entities] == [
        ("acme", "brand", "a1"), ("running shoes", "product", "running shoes"), ("new york", "location", "ny"),
    ]  # fmt: skip
    assert all(query.normalised[e.start : e.end] == e.text for e in query.entities)


def test_related_terms_are_new_to_the_query(language: Language) -> None:
    assert [(t.text, t.origin) for t in analyse("shoe", language).expanded] == [("sneakers", "clicks")]
    assert analyse("shoes sneakers", language).expanded == ()


def test_intent_commerce_and_category_are_read(language: Language) -> None:
    query = analyse("how cheap are shoes", language)
    assert query.intent == "informational" and query.commercial > 0.8 and query.categories[0][0] == "sports"
    assert sum(p for _, p in query.categories) <= 1 + 1e-6


def test_what_the_words_add_is_told_from_what_any_text_is_likely_to_be_of(language: Language) -> None:
    query = analyse("how cheap are shoes", language)
    assert query.added[0][0] == "sports" and 0 < query.added[0][1] < query.categories[0][1] and "food" not in dict(query.added)


@pytest.mark.parametrize("text", ["unheard of", "נעליים", "รองเท้า", "🏠", ""])
def test_of_a_text_of_which_no_word_is_known_nothing_is_said(language: Language, text: str) -> None:
    query = analyse(text, language)
    assert query.categories == query.added == () and query.flags == (NO_WORD_KNOWN,)


@pytest.mark.parametrize(
    ("text", "spoken", "hint"),
    [("купить обувь", "en", "ru"), ("靴", "", "zh"), ("schuhe für die arbeit", "en", "de"), ("schuhe", "fr", "fr")],
)
def test_script_and_stop_words_tell_the_language(language: Language, text: str, spoken: str, hint: str) -> None:
    assert analyse(text, language, spoken).language == hint


HARD = st.one_of(
    st.text(max_size=200), st.text(st.characters(categories=["Lo", "Mn", "So", "Cf"]), max_size=80),
    st.sampled_from(["", " ", "a" * 2000, "שלום עולם", "مرحبا", "👟👟", "\u202eevil", "\x00", "ﬁne ①", "word " * 400,
        "купить running 鞋 חדש 10 km 👟", "sho\u0301es\u200dx", "\ud800 shoes"]),
)  # fmt: skip


@given(HARD, st.booleans())
def test_any_text_is_understood_somehow(language: Language, text: str, learned: bool) -> None:
    query = analyse(text, language if learned else None)
    assert query.original == text and len(query.tokens) == len(query.stems) and query.normalised == " ".join(query.tokens)
    assert 0 <= query.commercial <= 1 and query.intent in INTENTS and 0 <= query.intent_probability <= 1
    assert all(c in CATEGORIES and 0 <= p <= 1 for c, p in query.categories)
    assert all(query.normalised[e.start : e.end] == e.text for e in query.entities)
    assert ("language_absent" in query.flags) is not learned


def test_a_very_long_query_is_read_to_a_limit_and_kept_whole(language: Language) -> None:
    text = "runing " * WORDS_READ + "sneekers acme " * 50
    query = analyse(text, language)
    assert len(query.tokens) == WORDS_READ + 100 and query.tokens[WORDS_READ:][:2] == ("sneekers", "acme")
    assert set(query.corrections) == {("runing", "running")} and query.entities == ()


def test_without_a_model_the_words_alone_are_left() -> None:
    query = analyse("Running Shoes", None)
    assert query.tokens == ("running", "shoes") and query.stems == ("run", "shoe") and query.flags == ("language_absent",)


def test_a_keyword_bought_for_how_people_misspell_is_known_to_be_misspelt() -> None:
    counts = {"sneakers": 62, "sneekers": 1, "shoes": 900, "shoe": 3, "hotel": 40, "hostel": 12, "b12": 1, "weather": 90, "leather": 1}
    spelling = Spelling(counts, GENERAL)
    assert spelling.misspelt("sneekers") and spelling.correct("sneekers") == "sneekers"
    assert not any(map(spelling.misspelt, ("sneakers", "shoe", "shoes", "hotel", "hostel", "b12", "unheard", "leather")))
    assert spelling.misspelt("hottel")


def test_an_old_model_is_let_go_with_what_it_has_read(language: Language) -> None:
    def another() -> Language:
        return Language("2", language.spelling, language.gazetteer, {}, language.classifier)

    old = another()
    assert analyse("shoes", old) is analyse("shoes", old), "a text is read once"
    gone = weakref.ref(old)
    del old
    for _ in range(2):
        analyse("shoes", another())
    gc.collect()
    assert gone() is None
