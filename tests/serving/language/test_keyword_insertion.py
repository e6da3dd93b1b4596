"""The platforms' public examples, and: whatever is written or searched, an ad's text is short enough, brace-free and HTML-safe."""

from __future__ import annotations

import html

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.language.keyword_insertion import insert


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


def test_exactly_the_limit_fits() -> None:
    assert insert("{keyword:x}", "a" * 30, 30).keyword and not insert("{keyword:x}", "a" * 31, 30).keyword


PIECES = st.one_of(st.text(max_size=12), st.sampled_from(["{keyword:", "{KeyWord:a b}", "{", "}", "{{keyword:x}}", "<script>", "&", '"']))


@given(st.lists(PIECES, max_size=8).map("".join), st.text(max_size=60), st.integers(1, 60), st.sampled_from(["", "blocked"]))
def test_any_text_is_valid(template: str, keyword: str, limit: int, refused: str) -> None:
    found = insert(template, keyword, limit, refused)
    seen = html.unescape(found.text)
    assert not set("{}") & set(found.text) and not set("<>\"'") & set(found.text) and seen == " ".join(seen.split())
    if found.keyword:
        assert len(seen) <= limit and not refused and not found.why and found.keyword.lower() in seen.lower()


@given(st.text(max_size=40), st.text(max_size=40))
def test_what_holds_no_placeholder_stays_as_it_is(template: str, keyword: str) -> None:
    assert insert(template.replace("{", ""), keyword, 30) == insert(template.replace("{", ""), "", 5, "blocked")
