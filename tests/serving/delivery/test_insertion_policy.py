"""A keyword that may not stand in an ad's text does not, nor does a text that a keyword has made unfit to be shown."""

from __future__ import annotations

import numpy as np
import pytest

from feature_repo.taxonomy import CATEGORIES, INTENTS
from feature_repo.text import query_key
from serving.delivery.insertion_policy import refusal, text_refusal
from serving.language.dictionary import Dictionary
from serving.language.gazetteer import Gazetteer
from serving.language.keyword_insertion import insert
from serving.language.language import Language
from serving.language.query_classifier import OUTPUTS, QueryClassifier
from serving.language.spelling import Spelling
from serving.language.text_encoder import BUCKETS, buckets

BLOCKED = {query_key("casino"), query_key("Payday-loan")}
BRANDS = {"acme", "own", "big deal co", "coca cola", "levis"}


@pytest.fixture(scope="module")
def language() -> Language:
    """Knows shoes, and that burglary is a matter of crime."""
    weights = np.zeros((BUCKETS, OUTPUTS), np.float32)
    weights[buckets("burglary"), 1 + len(INTENTS) + CATEGORIES.index("crime")] = 30.0
    return Language(
        "1",
        Spelling({"shoes": 80}, Dictionary.of([{"shoes": 9}])),
        Gazetteer([]),
        {},
        QueryClassifier(weights, np.zeros(OUTPUTS, np.float32)),
    )


@pytest.mark.parametrize(
    ("keyword", "why"),
    [
        ("running shoes", ""),
        ("acme shoes", "trademark"),
        ("own shoes", ""),
        ("big deal co shoes", "trademark"),
        ("casino shoes", "blocked"),
        ("online casinos", "blocked"),
        ("best payday loans", "blocked"),
        ("loan to payday", ""),
        ("coca-cola zero", "trademark"),
        ("levi's jeans", "trademark"),
        ("shooes", "misspelt"),
        ("burglary", "sensitive"),
    ],
)
def test_a_keyword_may_be_refused(keyword: str, why: str, language: Language) -> None:
    assert refusal(keyword, "own", BRANDS, BLOCKED, language, False) == why


def test_what_needs_a_model_is_not_refused_without_one_and_a_sensitive_ad_may_name_its_topic(language: Language) -> None:
    assert refusal("shooes", "", BRANDS, BLOCKED, None, False) == refusal("burglary", "", BRANDS, BLOCKED, None, False) == ""
    assert refusal("acme", "", BRANDS, BLOCKED, None, False) == "trademark"
    assert refusal("burglary", "", BRANDS, BLOCKED, language, True) == ""


@pytest.mark.parametrize(
    ("template", "keyword", "why"),
    [
        ("Buy {keyword:shoes} today", "red shoes", ""),
        ("Cheap {keyword:shoes} from 10,000 sellers", "red shoes", ""),
        ("{KeyWord:Shoes} shoes on sale", "red shoes", "repeated"),
        ("{KeyWord:Shoes} shoes on sale", "red shoe", "repeated"),
        ("Payday {keyword:cash}", "loans", "blocked"),
        ("Call {keyword:us}", "+49 30 1234567", "contact"),
        ("Visit {keyword:us}", "shoes.com", "contact"),
        ("Visit {keyword:us}", "www.shoes.example", "contact"),
        ("Ask {keyword:us}", "me@shoes.example", "contact"),
    ],
)
def test_the_default_stands_where_the_finished_text_is_refused(template: str, keyword: str, why: str) -> None:
    found = insert(template, keyword, 60, refuses=lambda text: text_refusal(text, BLOCKED))
    assert (found.why, found.keyword) == (why, "" if why else keyword)
    if why:
        assert found.text == insert(template, "", 60).text
