"""The platforms' public examples, and: whatever is written or searched, an ad's text is short enough, brace-free and HTML-safe."""

from __future__ import annotations

import html

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.language.keyword_insertion import insert
from serving.language.markup import fault, width


@pytest.mark.parametrize(
    ("placeholder", "written"),
    [
        ("{keyword:Shoes}", "pc sound card"),
        ("{Keyword:Shoes}", "Pc sound card"),
        ("{KeyWord:Shoes}", "Pc Sound Card"),
        ("{KEYWord:Shoes}", "PC Sound Card"),
        ("{KeyWORD:Shoes}", "Pc Sound CARD"),
        ("{KEYWORD:Shoes}", "PC SOUND CARD"),
        ("{kEYword:Shoes}", "pc sound card"),
    ],
)
def test_capitals_of_the_placeholder_are_those_of_the_keyword(placeholder: str, written: str) -> None:
    found = insert(f"Buy {placeholder} now", "PC Sound card", 30)
    assert (found.text, found.keyword, found.why) == (f"Buy {written} now", "pc sound card", "")


@pytest.mark.parametrize(
    ("template", "keyword", "refused", "text", "why"),
    [
        ("Buy {KeyWord:Shoes}", "a keyword that is much too long", "", "Buy Shoes", "too_long"),
        ("Buy {KeyWord:Shoes}", "sneekers", "misspelt", "Buy Shoes", "misspelt"),
        ("Buy {KeyWord:Shoes}", "", "", "Buy Shoes", "no_keyword"),
        ("Buy {KeyWord}", "", "", "Buy", "no_keyword"),
        ("Shoes", "sneakers", "trademark", "Shoes", ""),
        ("Tom & <b>Jerry</b> {", "x", "", "Tom &amp; &lt;b&gt;Jerry&lt;/b&gt;", ""),
    ],
)
def test_the_default_stands_where_the_keyword_may_not(template: str, keyword: str, refused: str, text: str, why: str) -> None:
    found = insert(template, keyword, 20, refused)
    assert (found.text, found.keyword, found.why) == (text, "", why)


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("From {param1:20} dollars", "From 20 dollars"),
        ("{Key Word:Shoes} on sale", "Shoes on sale"),
        ('Ends in {=COUNTDOWN("2026/12/24","en")}', "Ends in"),
        ("Hotels in {LOCATION(City):your town}", "Hotels in your town"),
        ("Hotels in LOCATION(City)", "Hotels in"),
        ("{IF(device=mobile,Tap):Click} here", "Click here"),
        ("{KeyWord:Shoes} from {param2:9}", "Garden Hose from 9"),
    ],
)
def test_of_other_platforms_markup_the_default_appears(template: str, text: str) -> None:
    assert html.unescape(insert(template, "garden hose", 40).text) == text


@pytest.mark.parametrize(
    ("keyword", "written"), [("Fußball", "Fußball"), ("Δρόμος", "Δρόμος"), ("東京ホテル", "東京ホテル"), ("Café", "Café")]
)
def test_the_keyword_keeps_its_letters(keyword: str, written: str) -> None:
    assert insert("{KeyWord:x}", keyword, 30).text == written


def test_letters_of_double_width_count_as_two() -> None:
    assert insert("{keyword:x}", "京" * 15, 30).keyword and insert("{keyword:x}", "京" * 16, 30).why == "too_long"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("Buy {keyword:shoes}", ""), ("Buy {Key Word:shoes}", ""), ("A plain text of more than thirty characters", ""),
        ("Ends in {=COUNTDOWN(x)}", "markup"), ("{param1} off", "markup"), ("Hotels in LOCATION(City)", "markup"),
        ("%%KEYWORD%%", "markup"), ("Buy {keyword:running shoes for everybody}", "too_long"), ("{keyword:" + "京" * 16 + "}", "too_long"),
    ],
)  # fmt: skip
def test_a_text_that_nobody_may_see_does_not_enter(text: str, why: str) -> None:
    assert fault(text, 30) == why


def test_exactly_the_limit_fits() -> None:
    assert insert("{keyword:x}", "a" * 30, 30).keyword and not insert("{keyword:x}", "a" * 31, 30).keyword


PIECES = st.one_of(st.text(max_size=12), st.sampled_from(["{keyword:", "{KeyWord:a b}", "{", "}", "{{keyword:x}}", "<script>", "&", '"']))


@given(st.lists(PIECES, max_size=8).map("".join), st.text(max_size=60), st.integers(1, 60), st.sampled_from(["", "blocked"]))
def test_any_text_is_valid(template: str, keyword: str, limit: int, refused: str) -> None:
    found = insert(template, keyword, limit, refused)
    seen = html.unescape(found.text)
    assert not set("{}") & set(found.text) and not set("<>\"'") & set(found.text) and seen == " ".join(seen.split())
    if found.keyword:
        assert width(seen) <= limit and not refused and not found.why and found.keyword.lower() in seen.lower()


@given(st.text(max_size=40), st.text(max_size=40))
def test_what_holds_no_placeholder_stays_as_it_is(template: str, keyword: str) -> None:
    assert insert(template.replace("{", ""), keyword, 30) == insert(template.replace("{", ""), "", 5, "blocked")
