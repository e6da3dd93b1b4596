"""A guess is not a fact: what a search finds, what keeps ads out of it, and what people then read."""

from __future__ import annotations

import html
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feature_repo.taxonomy import CATEGORIES, INTENTS
from feature_repo.text import tokenise
from serving.engine.live import Live
from serving.language.analyse import analyse
from serving.language.dictionary import Dictionary
from serving.language.gazetteer import Gazetteer
from serving.language.language import Language
from serving.language.query_classifier import OUTPUTS, QueryClassifier
from serving.language.spelling import Spelling
from serving.language.text_encoder import BUCKETS, buckets
from serving.record.decision import Decision
from serving.record.query import NO_WORD_KNOWN, Query
from serving.snapshot import open_snapshot, write_snapshot
from tests.examples import examples
from tests.serving.search_engine import NOON, asker, catalogue

GENERAL = Dictionary.of([dict.fromkeys(("leather", "wood", "house", "food", "weather", "table", "shoes", "the", "running"), 5_000)])
"""What a dictionary of English knows, of the words of these tests."""
OFFERED = {
    "weather": 60,
    "chair": 40,
    "food": 80,
    "tablet": 50,
    "running": 30,
    "shoes": 90,
    "garden": 30,
    "hose": 30,
    "hotel": 30,
    "espresso": 9,
}


@pytest.fixture(scope="module")
def language() -> Language:
    """Knows the catalogue's words. Most of what it learned from was of travel; running shoes are of sports."""
    weights, bias = np.zeros((BUCKETS, OUTPUTS), np.float32), np.zeros(OUTPUTS, np.float32)
    first = 1 + len(INTENTS)
    bias[first + CATEGORIES.index("travel")] = 2.5
    weights[buckets("running shoes"), first + CATEGORIES.index("sports")] = 12.0
    weights[buckets("espresso machine"), first + CATEGORIES.index("food")] = 12.0
    return Language("1", Spelling(OFFERED, GENERAL), Gazetteer([]), {}, QueryClassifier(weights, bias))


@dataclass(frozen=True)
class Market:
    live: Live
    ask: Callable[..., Decision]


@pytest.fixture
def market(tmp_path: Path, searching: Any, language: Language) -> Callable[..., Market]:
    """The usual catalogue with other keywords, as (text, match type, negative) of the first advertiser's running shoes, and other texts of
    that ad group's creatives."""

    def made(*bought: tuple[str, str, bool], **texts: Any) -> Market:
        catalog = catalogue()
        usual = catalog["keywords"].to_pylist()[0]
        rows = [
            usual | {"keyword_id": f"w{i}", "text": text, "match_type": kind, "negative": negative}
            for i, (text, kind, negative) in enumerate(bought)
        ]
        creatives = [c | texts if c["ad_group_id"] == "g00" else c for c in catalog["creatives"].to_pylist()]
        catalog |= {
            "keywords": pa.Table.from_pylist(rows, catalog["keywords"].schema),
            "creatives": pa.Table.from_pylist(creatives, catalog["creatives"].schema),
        }
        snapshot = open_snapshot(tmp_path / write_snapshot(tmp_path, NOON, catalog, {}, searching.live.encoder))
        live = replace(searching.live, snapshot=snapshot, language=language)
        return Market(live, asker(tmp_path, live, semantic_quota=0, semantic_below=0))

    return made


def by_keywords(found: Market, text: str) -> set[str]:
    return {ad.creative_id for ad in found.ask(text).shown}


# A guess is not a fact.


@pytest.mark.parametrize("text", ["leather chairs", "wood table", "house", "zorblax", "iphone"])
def test_a_word_of_the_language_or_of_nobody_is_not_corrected(language: Language, text: str) -> None:
    assert analyse(text, language).corrections == ()


@pytest.mark.parametrize(("typed", "meant"), [("runnig shoes", "running"), ("espreso machine", "espresso"), ("gardne hose", "garden")])
def test_a_slip_of_a_word_that_the_catalogue_offers_is_mended(language: Language, typed: str, meant: str) -> None:
    assert [m for _, m in analyse(typed, language).corrections] == [meant]


def test_a_word_that_is_searched_and_not_offered_is_led_to_by_no_correction() -> None:
    spelling = Spelling({"espresso": 9, "expreso": 50}, GENERAL, offered={"espresso"})
    assert spelling.correct("expresso") == "espresso" and Spelling({"espresso": 9}, GENERAL, offered=()).correct("expresso") == "expresso"


def test_two_words_that_explain_a_slip_as_well_leave_it_as_it_is() -> None:
    assert Spelling({"bakery": 50, "barery": 40}, GENERAL).correct("baery") == "baery"


def test_without_a_dictionary_nothing_is_corrected() -> None:
    assert Spelling(OFFERED).correct("runnig") == "runnig"


@pytest.mark.parametrize("kind", ["phrase", "broad"])
def test_keywords_match_what_was_typed_and_a_corrected_reading_adds_close_variants(market: Callable[..., Market], kind: str) -> None:
    for bought in ("runnig shoes", "running shoes"):
        assert by_keywords(market((bought, kind, False)), "runnig shoes"), bought


def test_exact_is_only_what_was_typed(market: Callable[..., Market]) -> None:
    assert by_keywords(market(("runnig shoes", "exact", False)), "runnig shoes")
    assert not by_keywords(market(("running shoes", "exact", False)), "runnig shoes")


def test_negatives_are_matched_on_what_was_typed(market: Callable[..., Market]) -> None:
    bought = ("shoes", "broad", False)
    assert not by_keywords(market(bought, ("runnig", "broad", True)), "runnig shoes")
    assert by_keywords(market(bought, ("running", "broad", True)), "runnig shoes")


@settings(max_examples=examples(60), deadline=None)
@given(
    st.lists(st.sampled_from(["runnig", "shoes", "espreso", "free", "gardne", "weathr", "leather", "the"]), min_size=1, max_size=4).map(
        " ".join
    )
)
def test_a_corrected_reading_takes_no_keyword_and_no_category_away(searching: Any, language: Language, text: str) -> None:
    index = searching.live.snapshot.keywords
    tokens = tuple(tokenise(text))
    read, typed = analyse(text, language), Query(text, " ".join(tokens), tokens, tokens)
    rows = np.arange(len(searching.live.snapshot))
    assert set(index.match(typed)[0].tolist()) <= set(index.match(read)[0].tolist())
    assert (index.excluded(read, rows) == index.excluded(typed, rows)).all()
    assert set(dict(language.classifier.read(" ".join(tokens)).added)) <= set(dict(read.added)) or NO_WORD_KNOWN in read.flags


# A prior is not evidence.


@pytest.mark.parametrize("text", ["zorblax quux", "נעלי ריצה", "รองเท้าวิ่ง", "house", "!!!"])
def test_a_query_of_which_no_word_is_known_gets_no_category_and_no_ad(
    searching: Any, language: Language, tmp_path: Path, text: str
) -> None:
    query = analyse(text, language)
    assert query.categories == query.added == () and NO_WORD_KNOWN in query.flags
    live = replace(searching.live, language=language)
    assert asker(tmp_path, live)(text).shown == () and asker(tmp_path, live)("running shoes").shown != ()


def test_thresholds_work_on_what_the_text_adds_to_the_prior(language: Language) -> None:
    said, unsaid = analyse("running shoes", language), analyse("the hose", language)
    assert unsaid.categories[0][0] == "travel" and unsaid.added == (), "it is of travel as much as any text is"
    assert said.added[0][0] == "sports" and "travel" not in dict(said.added)


# One normaliser on both sides: tests/feature_repo/test_folding.py has the table of cases.


@pytest.mark.parametrize(
    ("one", "other"),
    [("café chair", "cafe chair"), ("men's shoes", "mens shoes"), ("t-shirt", "tshirt"), ("wi-fi", "wifi"), ("x-ray", "xray"),
     ("7 qt pot", "7qt pot"),
     ("5 lbs", "5 lb"), ("ёлка", "елка"), ("İstanbul", "istanbul"), ("مَجّاني", "مجاني"), ("٧ ft", "7ft"), ("shoes for men", "men shoes")],
)  # fmt: skip
def test_exact_keywords_are_symmetric(market: Callable[..., Market], one: str, other: str) -> None:
    assert by_keywords(market((one, "exact", False)), other) and by_keywords(market((other, "exact", False)), one)


@pytest.mark.parametrize(("bought", "asked"), [("business", "busy"), ("animal", "animation"), ("flights to rome", "flights from rome")])
def test_exact_does_not_take_what_a_stemmer_confuses(market: Callable[..., Market], bought: str, asked: str) -> None:
    assert not by_keywords(market((bought, "exact", False)), asked) and by_keywords(market((bought, "exact", False)), bought)


@pytest.mark.parametrize("typed", ["fr\u200bee shoes", "ＦＲＥＥ shoes", "shoes f\u00adree", "Free shoes"])
def test_nothing_unseen_escapes_a_negative(market: Callable[..., Market], typed: str) -> None:
    assert not by_keywords(market(("shoes", "broad", False), ("free", "broad", True)), typed)


def test_a_broad_negative_over_ten_words_stays_broad(market: Callable[..., Market]) -> None:
    words = [f"w{chr(97 + i)}" for i in range(12)]
    found = market(("shoes", "broad", False), (" ".join(words), "broad", True))
    assert not by_keywords(found, " ".join(["shoes", *reversed(words)])) and by_keywords(found, " ".join(["shoes", *words[1:]]))


# Scripts without spaces.


@pytest.mark.parametrize(
    ("negative", "typed"), [("無料", "無料ホテル"), ("免费", "酒店免费早餐"), ("ฟรี", "โรงแรมฟรี"), ("無料", "ホテル 無　料")]
)
def test_a_negative_is_found_within_a_run_of_letters(market: Callable[..., Market], negative: str, typed: str) -> None:
    bought = [(word, "broad", False) for word in ("ホテル", "酒店", "โรงแรม")]
    assert by_keywords(market(*bought), typed) and not by_keywords(market(*bought, (negative, "broad", True)), typed)


@pytest.mark.parametrize(("bought", "typed"), [("東京ホテル", "安い東京ホテル"), ("โรงแรม", "จองโรงแรมถูก"), ("跑步鞋", "买跑步鞋子")])
def test_a_phrase_is_found_within_a_run_of_letters(market: Callable[..., Market], bought: str, typed: str) -> None:
    assert by_keywords(market((bought, "phrase", False)), typed)


# What people see is what was bought.


def headline(found: Market, text: str) -> str:
    ads = found.ask(text).shown
    assert ads and ads[0].text is not None
    return html.unescape(ads[0].text.headline)


@pytest.mark.parametrize(
    ("bought", "shown"),
    [("Fußball", "Fußball"), ("Δρόμος", "Δρόμος"), ("Café", "Café"), ("[garden hose]", "Garden Hose"), ("+trail +boots", "Trail Boots"),
     ('"city hotel"', "City Hotel"), ("東京ホテル", "東京ホテル")],
)  # fmt: skip
def test_keyword_insertion_shows_the_display_text(market: Callable[..., Market], bought: str, shown: str) -> None:
    found = market((bought, "broad", False), headline="{KeyWord:Default}!", headlines=[])
    assert headline(found, bought) == f"{shown}!"


@pytest.mark.parametrize(
    ("written", "shown"),
    [("From {param1:20} dollars", "From 20 dollars"), ("{Key Word:Default}!", "Default!"), ("In {LOCATION(City):town}", "In town")],
)
def test_unknown_markup_makes_the_default_appear(market: Callable[..., Market], written: str, shown: str) -> None:
    assert headline(market(("running shoes", "broad", False), headline=written, headlines=[]), "running shoes") == shown


@pytest.mark.parametrize(
    "written",
    ["Ends in {=COUNTDOWN(x)}", "Hotels in LOCATION(City)", "{param1} off", "{KeyWord:" + "x" * 31 + "}", "{KeyWord:" + "京" * 16 + "}"],
)
@pytest.mark.parametrize("other", [False, True])
def test_a_text_that_nobody_may_see_is_refused_when_it_enters(market: Callable[..., Market], written: str, other: bool) -> None:
    texts: dict[str, Any] = {"headline": "Shoes", "headlines": [written]} if other else {"headline": written, "headlines": []}
    decision = market(("running shoes", "broad", False), **texts).ask("running shoes")
    assert decision.shown == () and decision.funnel.rejected["Policy"] == 2


def test_letters_of_double_width_count_as_two(market: Callable[..., Market]) -> None:
    wide = "京" * 16
    assert headline(market((wide, "broad", False), headline="{KeyWord:Default}", headlines=[]), wide) == "Default"
    assert headline(market((wide[:15], "broad", False), headline="{KeyWord:Default}", headlines=[]), wide[:15]) == wide[:15]
