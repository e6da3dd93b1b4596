"""What differs only in how it is written is the same word, on whichever side it stands: a table of cases.

The cases are those that the large platforms document: Google Ads Help, "About keyword matching options" and "About close variants" (case,
singular and plural, accents, abbreviations, function words); Microsoft Advertising Help, "How are keywords normalised" (apostrophes,
hyphens, accents, punctuation, extra spaces); Apple Search Ads Help, "Match types"; Unicode Standard Annex 15 and Technical Standard 10 for
compatibility forms and characters that nobody sees.
"""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from feature_repo.folding import folded
from feature_repo.inflection import base
from feature_repo.text import tokenise

SAME = [
    ("café", "cafe"), ("CAFÉ", "cafe\u0301"), ("Zürich", "zurich"), ("naïve", "naive"), ("smørrebrød", "smorrebrod"), ("Łódź", "lodz"),
    ("straße", "strasse"), ("œuvre", "oeuvre"), ("İstanbul", "istanbul"), ("ISTANBUL", "ıstanbul"), ("Δρόμος", "δρομοσ"),
    ("ёлка", "елка"), ("men's", "mens"), ("men’s", "mens"), ("Menʼs", "mens"), ("don't", "dont"), ("kids'", "kids"),
    ("t-shirt", "tshirt"), ("T‑Shirt", "tshirt"), ("wi-fi", "wifi"), ("x-ray", "xray"), ("e-mail", "email"), ("pop-up", "popup"),
    ("f-150", "f150"), ("3-d", "3d"), ("u.s.a.", "usa"), ("7 qt", "7qt"), ("7-qt", "7qt"), ("7 quarts", "7qt"), ("10 lbs", "10lb"),
    ("16 oz.", "16oz"), ("6 feet", "6ft"), ("5 km", "5km"), ("32 inches", "32inch"), ("100 W", "100w"), ("2 litres", "2l"),
    ("fr\u200bee", "free"), ("fr\u00adee", "free"), ("\ufefffree", "free"), ("f\u2060ree", "free"), ("free\u202e", "free"),
    ("fre\ufe0fe", "free"), ("ＦＲＥＥ", "free"), ("𝐟𝐫𝐞𝐞", "free"), ("ﬁne", "fine"), ("مَجّانيّ", "مجاني"), ("مجـاني", "مجاني"),
    ("أحذية", "احذية"), ("١٢٣", "123"), ("۱۲۳", "123"), ("१२", "12"), ("کفش", "كفش"), ("שָׁלוֹם", "שלום"), ("Acme™", "acme"),
    ("  Cheap　SHOES ", "cheap shoes"),
    ("red,shoes", "red shoes"), ("ｶﾞﾗｽ", "ガラス"),
]  # fmt: skip
"""(as somebody writes it, as another does)."""
OTHERS = [
    ("й", "и"), ("が", "か"), ("made in italy", "madeinitaly"), ("10-12", "1012"), ("l'eau", "leau"), ("7 in 1", "7in 1"),
    ("business", "busy"), ("हिन्दी", "हनद"), ("up-to-date", "uptodate"), ("новий", "новии"), ("anti-slip", "antislip"),
]  # fmt: skip


@pytest.mark.parametrize(("one", "other"), SAME)
def test_the_same_word_however_it_is_written(one: str, other: str) -> None:
    assert tokenise(one) == tokenise(other) != []


@pytest.mark.parametrize(("one", "other"), OTHERS)
def test_other_words_stay_others(one: str, other: str) -> None:
    assert tokenise(one) != tokenise(other)


@given(st.text(max_size=60))
@example("İ'İ-ß 7 QTS")
def test_folding_is_total_and_case_does_not_count(text: str) -> None:
    assert isinstance(folded(text), str)
    if text.isascii():
        assert tokenise(text.upper()) == tokenise(text.lower())


@given(
    st.lists(st.sampled_from(["abcdefg", "éüñ", "אבג", "абв", "東京", "ไทย"]), min_size=1, max_size=5),
    st.sampled_from("\u200b\u00ad\u2060\ufeff\u200d\u034f"),
)
def test_what_nobody_sees_changes_nothing(words: list[str], unseen: str) -> None:
    text = " ".join(words)
    assert tokenise(unseen.join(text)) == tokenise(text)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("shoes", "shoe", True), ("running", "run", True), ("runs", "run", True), ("batteries", "battery", True), ("boxes", "box", True),
        ("baking", "bake", True), ("floors", "flooring", True), ("business", "busy", False), ("animal", "animation", False),
        ("news", "new", False), ("universe", "university", False), ("organ", "organic", False), ("general", "generic", False),
        ("policy", "police", False), ("marketing", "markets", True),
    ],
)  # fmt: skip
def test_inflection_is_taken_off_and_no_more(one: str, other: str, same: bool) -> None:
    assert (base(one) == base(other)) is same


@given(st.text(max_size=30))
def test_any_word_has_a_base(word: str) -> None:
    assert isinstance(base(word), str) and (base(word) != "" or word == "")
