"""One form for what people write in many ways: the examples of each kind, and laws that hold for any text."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from feature_repo.request_time import context_columns
from feature_repo.request_words import CANONICAL, DEVICE_NAMES, device, language, region, spoken, system
from feature_repo.taxonomy import DEVICES
from pipelines.simulator.words import LANGUAGES, OPERATING_SYSTEMS, REGIONS

SAME = {
    device: {
        "mobile": ("Mobile", " MOBILE ", "iPhone", "Android", "smartphone", "Cell", "mobile phone", "Handset"),
        "tablet": ("iPad", "TABLET"),
        "desktop": ("PC", "Laptop", "Mac", "web", "Computer"),
        "tv": ("Smart TV", "smart-tv", "SmartTV", "CTV", "connected_tv", "Television"),
        "unknown": ("", " ", "Unknown"),
        "fridge": ("Fridge", "FRIDGE "),
    },
    language: {
        "en": ("EN", "en ", "En", "en-", "en;q=0.5"),
        "en-us": ("en-US", "en_US", "EN-us", "en_US.UTF-8", "en-US,en;q=0.9"),
        "zh-hant-tw": ("zh-Hant-TW", "ZH_hant_tw"),
        "he": ("iw", "he"),
        "": ("", " "),
    },
    region: {"r005": ("R005", " r005", "ｒ００５"), "saint-denis 2": ("Saint-Denis  2",), "": ("",)},
    system: {"ios": ("iOS", "iPhone OS", "iPadOS"), "macos": ("Mac OS X", "macOS"), "android": ("Android",), "": ("",)},
}


@pytest.mark.parametrize(
    ("form", "word", "text"), [(form, word, text) for form, words in SAME.items() for word, texts in words.items() for text in texts]
)
def test_many_ways_to_write_it_are_one_word(form: object, word: str, text: str) -> None:
    assert callable(form) and form(text) == word


@given(st.sampled_from(sorted(CANONICAL)), st.text(max_size=64))
def test_a_word_in_its_form_stays_as_it_is(kind: str, text: str) -> None:
    form = CANONICAL[kind]
    assert form(form(text)) == form(text)


@given(st.sampled_from(["region", "language", "device"]), st.text(st.characters(codec="ascii"), max_size=64))
def test_capitals_and_spaces_around_it_do_not_matter(kind: str, text: str) -> None:
    form = CANONICAL[kind]
    assert form(f" {text.upper()} ") == form(text)


@given(st.text(max_size=64))
def test_a_language_is_of_the_language_that_its_tag_begins_with(tag: str) -> None:
    assert spoken(language(tag)) == spoken(tag) == language(tag).split("-")[0]


def test_a_device_is_named_once() -> None:
    names = [name for kind, aliases in DEVICE_NAMES.items() for name in (kind, *aliases)]
    assert len(names) == len(set(names)) and set(DEVICE_NAMES) | {"unknown"} == set(DEVICES)


def test_what_logs_of_numbers_say_is_left_alone() -> None:
    assert [form(code) for form in CANONICAL.values() for code in ("0", "1", "3543")] == ["0", "1", "3543"] * len(CANONICAL)


def test_what_the_simulator_writes_is_in_its_form() -> None:
    systems = [name for names in OPERATING_SYSTEMS.values() for name in names]
    for form, words in ((device, DEVICES), (region, REGIONS), (language, LANGUAGES), (system, systems)):
        assert [form(word) for word in words] == list(words)


def test_features_are_made_of_the_language_and_not_of_its_country() -> None:
    def of(tag: str) -> int:
        one = [np.array([word], dtype=object) for word in ("search", "mobile", "ios", "north", tag)]
        return int(context_columns(np.array(["2026-01-19"], "datetime64[us]"), *one)["language_id"][0])

    assert of("en-us") == of("EN") == of("en_GB") != of("de")
