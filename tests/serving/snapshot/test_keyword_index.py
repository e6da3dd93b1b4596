"""The keyword index against a brute-force reading of the platforms' rules; the rules by example."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from feature_repo.catalog import KEYWORD
from feature_repo.inflection import base
from feature_repo.taxonomy import MATCH_TYPES
from feature_repo.text import normalise, stem, tokenise
from pipelines.bench.serving.synthetic import catalogue
from serving.errors import SnapshotMissing
from serving.record.query import Query, Term
from serving.snapshot import current_version, open_snapshot
from serving.snapshot.keyword_columns import keyword_columns
from serving.snapshot.keyword_index import QUERY_WORDS, KeywordIndex
from tests.examples import examples

GROUPS = 4
"""Ad groups g0..g3; g0 and g1 of campaign k0, the others of k1; two ads each."""
Bought = tuple[str, str, str, bool, int]
"""(ad group, text, match type, negative, bid); the ad group "k0" stands for a negative of the whole campaign."""


def index(bought: Sequence[Bought]) -> KeywordIndex:
    creatives = pa.table(
        {
            "ad_group_id": [f"g{i // 2}" for i in range(GROUPS * 2)],
            "campaign_id": [f"k{i // 4}" for i in range(GROUPS * 2)],
        }
    )
    rows = [
        {
            "keyword_id": f"w{i:03d}", "ad_group_id": "" if group[0] == "k" else group,
            "campaign_id": group if group[0] == "k" else f"k{int(group[1]) // 2}", "created_ts": None, "source": "", "text": text,
            "match_type": kind, "negative": negative, "bid_micros": bid,
        }
        for i, (group, text, kind, negative, bid) in enumerate(bought)
    ]  # fmt: skip
    return KeywordIndex(keyword_columns({"keywords": pa.Table.from_pylist(rows, KEYWORD)}, creatives))


def query(text: str, expanded: Sequence[str] = ()) -> Query:
    tokens = tuple(tokenise(text))
    return Query(text, normalise(text), tokens, tuple(map(stem, tokens)), expanded=tuple(Term(t, 0.5, "clicks") for t in expanded))


def found(bought: Sequence[Bought], text: str, expanded: Sequence[str] = ()) -> dict[int, tuple[str, str, bool]]:
    """By ad row: (match type, keyword, close)."""
    made = index(bought)
    rows, match = made.match(query(text, expanded))
    assert len(set(rows.tolist())) == len(rows)
    out = made.excluded(query(text, expanded), rows)
    rows, match = rows[~out], match.at(~out)
    return {
        int(r): (MATCH_TYPES[k], made.text(int(w)), bool(c))
        for r, k, w, c in zip(rows, match.kind, match.keyword, match.close, strict=True)
    }


@pytest.mark.parametrize(
    ("keyword", "kind", "text", "matches", "close"),
    [
        ("running shoes", "exact", "Running  SHOES", True, False),
        ("running shoes", "exact", "running shoe", True, True),
        ("running shoes", "exact", "shoes running", True, True),
        ("running shoes", "exact", "runningshoes", True, True),
        ("runningshoes", "exact", "running shoes", True, True),
        ("running shoes", "exact", "red running shoes", False, False),
        ("running shoes", "phrase", "red running shoes sale", True, False),
        ("running shoes", "phrase", "red running shoe", True, True),
        ("running shoes", "phrase", "shoes for running", False, False),
        ("running shoes", "broad", "shoes for running", True, False),
        ("running shoes", "broad", "red shoes", False, False),
        ("東京 ホテル", "phrase", "安い 東京 ホテル", True, False),
        ("東京ホテル", "phrase", "安い東京ホテル", True, False),
        ("東京ホテル", "exact", "東京 ホテル", True, False),
        ("東京ホテル", "exact", "ホテル東京", False, False),
        ("東京 ホテル", "broad", "ホテル予約東京", True, False),
        ("東京", "broad", "京都 東ホテル", False, False),
        ("ランニングシューズメンズ", "phrase", "赤いランニングシューズメンズ人気", True, False),
        ("iPhoneケース", "phrase", "安い iphone ケース", True, False),
        ("โรงแรม", "phrase", "จองโรงแรมราคาถูก", True, False),
        ("shoes for men", "exact", "men shoes", True, True),
        ("men shoes", "exact", "shoes for the men", True, True),
        ("shoes for men", "broad", "cheap men shoes", True, False),
        ("flights to rome", "exact", "flights from rome", False, False),
        ("business", "exact", "busy", False, False),
        ("animal", "exact", "animation", False, False),
        ("mens t-shirt", "exact", "Men’s tshirt", True, False),
        ("shoes", "broad", "", False, False),
        ("shoes", "broad", "!!! 😀", False, False),
    ],
)
def test_a_keyword_matches_as_the_platforms_say(keyword: str, kind: str, text: str, matches: bool, close: bool) -> None:
    got = found([("g0", keyword, kind, False, 10)], text)
    assert set(got) == ({0, 1} if matches else set())
    assert all(v == (kind, keyword, close) for v in got.values())


@pytest.mark.parametrize(
    ("negative", "kind", "text", "shown"),
    [
        ("free", "broad", "free running shoes", False),
        ("frees", "broad", "free running shoes", True),
        ("shoes free", "broad", "free running shoes", False),
        ("shoes free", "phrase", "free running shoes", True),
        ("running shoes", "phrase", "free running shoes", False),
        ("running shoes", "exact", "free running shoes", True),
        ("shoes running", "exact", "running shoes", True),
        ("running shoes", "exact", "running shoes", False),
        ("無料", "broad", "無料ホテル", False),
        ("無料", "phrase", "東京無料ホテル", False),
        ("無料", "broad", "無 料", False),
        ("無料", "broad", "料理 無線", True),
        ("無料", "exact", "無料", False),
        ("無料", "exact", "無料ホテル", True),
        ("ฟรี", "broad", "โรงแรมฟรี", False),
        ("免费", "phrase", "酒店免费早餐", False),
        ("free", "broad", "fr\u200bee shoes", False),
        ("free", "broad", "ＦＲＥＥ shoes", False),
        ("مجاني", "broad", "مَجّاني", False),
    ],
)
@pytest.mark.parametrize("place", ["g0", "k0"])
def test_a_negative_keeps_out_by_its_very_words(negative: str, kind: str, text: str, shown: bool, place: str) -> None:
    bought: list[Bought] = [(g, word, "broad", False, 10) for g in ("g0", "g1", "g2") for word in ("shoes", text.split()[-1])]
    got = found([*bought, (place, negative, kind, True, 0)], text)
    out = set() if shown else {0, 1} if place == "g0" else {0, 1, 2, 3}
    assert set(got) == set(range(6)) - out


def test_a_negative_keeps_out_however_long_the_query() -> None:
    bought: list[Bought] = [
        ("g0", "shoes", "broad", False, 10),
        ("g0", "free of charge", "phrase", True, 0),
        ("g1", "shoes", "broad", False, 9),
    ]
    long = "shoes " + "word " * 300
    assert set(found(bought, f"{long} free of charge")) == {2, 3} and set(found(bought, f"{long} free and charge")) == {0, 1, 2, 3}


@pytest.mark.parametrize("lost", ["keyword.group", "keyword.never_group", "meaning.row"])
def test_a_catalogue_that_lost_a_part_of_an_index_is_refused(tmp_path: Path, lost: str) -> None:
    """Without its negatives it would show what they keep out."""
    catalogue(tmp_path, 100, keywords=300)
    folder = tmp_path / current_version(tmp_path)
    assert open_snapshot(folder).keywords is not None
    (folder / f"{lost}.npy").unlink()
    with pytest.raises(SnapshotMissing, match=lost):
        open_snapshot(folder)


def test_the_best_keyword_stands_for_an_ad() -> None:
    bought: list[Bought] = [
        ("g0", "running shoes", "broad", False, 99), ("g0", "running shoes", "exact", False, 5),
        ("g0", "shoes running", "exact", False, 50),
        ("g1", "shoes", "broad", False, 7), ("g1", "running", "broad", False, 8),
    ]  # fmt: skip
    got = found(bought, "running shoes")
    assert got[0] == ("exact", "running shoes", False) and got[2] == ("broad", "running", False)


@pytest.mark.parametrize(("most", "groups"), [(1, [2]), (2, [2]), (3, [2, 0]), (5, [2, 0, 1]), (100, [2, 0, 1, 3])])
def test_of_too_many_ads_those_of_the_best_keywords_are_found(most: int, groups: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    """Whole groups, until there are enough."""
    monkeypatch.setattr("serving.snapshot.keyword_index.MOST_ADS", most)
    bought: list[Bought] = [
        ("g0", "shoes", "broad", False, 9), ("g1", "shoes", "broad", False, 8), ("g2", "shoes", "exact", False, 1),
        ("g3", "shoes", "broad", False, 2),
    ]  # fmt: skip
    rows, _ = index(bought).match(query("shoes"))
    assert rows.tolist() == [row for group in groups for row in (2 * group, 2 * group + 1)]


def test_an_expanded_term_matches_broadly_and_says_that_it_is_close() -> None:
    bought: list[Bought] = [
        ("g0", "trainers", "broad", False, 9),
        ("g1", "trainers", "exact", False, 9),
        ("g2", "shoes", "broad", False, 9),
    ]
    got = found(bought, "shoes", ["trainers"])
    assert got == dict.fromkeys((0, 1), ("broad", "trainers", True)) | dict.fromkeys((4, 5), ("broad", "shoes", False))


def test_a_broad_keyword_is_met_by_one_related_term_at_a_time() -> None:
    bought: list[Bought] = [
        ("g0", "red trainers", "broad", False, 9),
        ("g1", "trainers jogging", "broad", False, 9),
        ("g2", "trail running", "broad", False, 9),
    ]
    got = found(bought, "red shoes", ["trainers", "jogging", "trail running"])
    assert got == {
        **dict.fromkeys((0, 1), ("broad", "red trainers", True)), **dict.fromkeys((4, 5), ("broad", "trail running", True)),
    }, "two terms that each stand for a word of the query do not make a keyword of both"  # fmt: skip


def test_a_keyword_is_kept_as_people_may_see_it() -> None:
    assert index([("g0", "  Men's  SHOES ", "broad", False, 1)]).text(0) == "Men's SHOES"
    assert index([("g0", "[garden hose]", "exact", False, 1)]).text(0) == "garden hose"


@pytest.mark.parametrize("kind", MATCH_TYPES)
def test_a_broad_negative_of_many_words_stays_broad(kind: str) -> None:
    words = [f"w{chr(97 + i)}" for i in range(12)]
    made = index([("g0", " ".join(words), kind, True, 0)])
    turned = made.excluded(query(" ".join(reversed(words))), np.arange(2))
    assert turned.all() == (kind == "broad") and not made.excluded(query(" ".join(words[1:])), np.arange(2)).any()


def test_a_number_and_its_unit_are_one_word_to_both_sides_and_the_keyword_keeps_its_own() -> None:
    for text in ("10 km run", "10km run"):
        for keyword in ("10 km run", "10km run"):
            asked = Query(text, "10km run", ("10km", "run"), ("10km", "run"))
            made = index([("g0", keyword, "exact", False, 1)])
            rows, match = made.match(asked)
            assert len(rows) and not match.close.any() and made.text(0) == keyword
            assert index([("g0", keyword, "exact", True, 1)]).excluded(asked, rows).all()


@pytest.mark.parametrize("kind", MATCH_TYPES)
def test_a_negative_with_a_unit_meets_what_was_typed_and_not_what_it_was_corrected_to(kind: str) -> None:
    asked = Query("10 km sneekers", "10km sneakers", ("10km", "sneakers"), ("10km", "sneaker"), corrections=(("sneekers", "sneakers"),))
    assert index([("g0", "10 km sneekers", kind, True, 1)]).excluded(asked, np.arange(2)).all()
    assert not index([("g0", "10 km sneakers", kind, True, 1)]).excluded(asked, np.arange(2)).any()


@pytest.mark.parametrize("kind", MATCH_TYPES)
def test_a_negative_of_many_words_keeps_out_whatever_holds_its_first_ten(kind: str) -> None:
    words = [f"w{chr(97 + i)}" for i in range(12)]
    made = index([("g0", " ".join(words), kind, True, 0)])
    rows = np.arange(GROUPS * 2)
    assert made.excluded(query(" ".join(words)), rows)[:2].all() and made.excluded(query(" ".join(["so", *words])), rows)[:2].all()
    assert not made.excluded(query(" ".join(words[:9])), rows).any() and not made.excluded(query(" ".join(words)), rows)[2:].any()


def test_a_misspelt_keyword_is_met_by_the_query_as_it_was_typed() -> None:
    made = index([("g0", "sneekers", "exact", False, 9)])
    rows, _ = made.match(Query("sneekers", "sneakers", ("sneakers",), (stem("sneakers"),), corrections=(("sneekers", "sneakers"),)))
    assert rows.tolist() == [0, 1]


@pytest.mark.parametrize(("kind", "matches"), [("exact", False), ("phrase", True), ("broad", True)])
def test_a_corrected_reading_adds_close_variants_of_phrase_and_broad_keywords(kind: str, matches: bool) -> None:
    asked = Query("red sneekers", "red sneakers", ("red", "sneakers"), ("red", "sneaker"), corrections=(("sneekers", "sneakers"),))
    rows, match = index([("g0", "red sneakers", kind, False, 9), ("g1", "red", "broad", False, 9)]).match(asked)
    close = dict(zip(rows.tolist(), match.close.tolist(), strict=True))
    assert close == ({0: True, 1: True} if matches else {}) | {2: False, 3: False}, "what was typed finds what it finds"


def test_keywords_of_ads_that_are_not_there_are_left_out() -> None:
    assert len(index([("g9", "shoes", "broad", False, 1), ("g0", " ".join("abcdefghijk"), "broad", False, 1)])) == 0
    assert found([], "shoes") == {}


WORDS = st.sampled_from(["run", "runs", "shoe", "shoes", "red", "Zürich", "靴", "10km", "x" * 60])
TEXT = st.one_of(st.lists(WORDS, max_size=7), st.lists(WORDS, min_size=28, max_size=40)).map(" ".join)
BOUGHT = st.lists(
    st.tuples(
        st.sampled_from(["g0", "g1", "g2", "g3"]), st.lists(WORDS, min_size=1, max_size=4).map(" ".join), st.sampled_from(MATCH_TYPES),
        st.booleans(), st.integers(0, 100),
    ),
    max_size=12,
)  # fmt: skip


def runs(words: Sequence[str], part: Sequence[str]) -> bool:
    return any(list(words[i : i + len(part)]) == list(part) for i in range(len(words) - len(part) + 1))


def oracle(bought: Sequence[Bought], text: str) -> tuple[set[str], set[str]]:
    """(ad groups that match, those that a negative keeps out), reading every keyword."""
    tokens = tokenise(text)
    stems = [stem(t) for t in tokens[:QUERY_WORDS]]
    matched, out = set(), set()
    for group, keyword, kind, negative, _ in bought:
        mine = tokenise(keyword)
        if negative:
            hit = {"exact": mine == tokens, "phrase": runs(tokens, mine), "broad": set(mine) <= set(tokens)}[kind]
            if hit:
                out.add(group)
        else:
            exact = sorted(map(base, mine)) == sorted(map(base, tokens[:QUERY_WORDS]))
            mine = [stem(w) for w in mine]
            if {"exact": exact, "phrase": runs(stems, mine), "broad": set(mine) <= set(stems)}[kind]:
                matched.add(group)
    return matched, out


@settings(max_examples=examples(300), deadline=None)
@given(BOUGHT, TEXT)
@example([("g0", "red red", "exact", False, 1)], "red")
def test_it_finds_what_reading_every_keyword_finds(bought: Sequence[Bought], text: str) -> None:
    matched, out = oracle(bought, text)
    got = {f"g{row // 2}" for row in found(bought, text)}
    assert got & out == set(), "an ad with a matching negative"
    assert got == matched - out


@settings(max_examples=examples(100), deadline=None)
@given(st.lists(WORDS, min_size=1, max_size=4).map(" ".join), TEXT)
def test_exact_is_phrase_or_reordered_and_phrase_is_broad(keyword: str, text: str) -> None:
    exact, phrase, broad = (bool(found([("g0", keyword, kind, False, 1)], text)) for kind in MATCH_TYPES)
    assert broad >= phrase and broad >= exact


@given(st.text(max_size=300))
def test_any_query_is_answered(text: str) -> None:
    found([("g0", "shoes", "broad", False, 1), ("g1", "free", "phrase", True, 1)], text)
