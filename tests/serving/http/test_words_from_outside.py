"""Sets and words from outside: callers write them as they like, and hear which of them nobody knows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from feature_repo.home import Home
from tests.examples import examples

FLAGS = {"device_unknown", "region_unknown", "language_unknown"}
WORD = st.text(st.characters(exclude_characters=[chr(i) for i in range(32)], exclude_categories=["Cs"]), max_size=64)


def record(api: Any, answer: dict[str, Any]) -> dict[str, Any]:
    return dict(api.client.get(f"/v1/decisions/{answer['decision_id']}").json())


@pytest.mark.parametrize(
    "written",
    [{"device": "iPhone"}, {"device": " MOBILE "}, {"language": "LANGUAGES2"}, {"language": "languages2-US"}, {"region": "Regions2"}],
)
def test_however_it_is_written_the_same_ads_are_shown(api: Any, written: dict[str, str]) -> None:
    plain = {"device": "mobile", "language": "languages2", "region": "regions2"}
    usual, other = api.ask(**plain), api.ask(**{**plain, **written})
    assert other["flags"] == usual["flags"] == []
    assert [ad["creative_id"] for ad in other["ads"]] == [ad["creative_id"] for ad in usual["ads"]]
    assert [ad["pctr"] for ad in other["ads"]] == [ad["pctr"] for ad in usual["ads"]]


@pytest.mark.parametrize(
    ("sent", "flags"),
    [
        ({"device": "fridge"}, ["device_unknown"]),
        ({"device": "unknown"}, []),
        ({"device": ""}, []),
        ({"region": "regions3"}, ["region_unknown"]),
        ({"language": "xx-YY"}, ["language_unknown"]),
        ({"language": "", "region": ""}, []),
        ({"device": "toaster", "region": "mars", "language": "klingon"}, ["device_unknown", "region_unknown", "language_unknown"]),
    ],
)
def test_what_nobody_knows_is_flagged(api: Any, sent: dict[str, str], flags: list[str]) -> None:
    answer = api.ask(**sent)
    assert answer["flags"] == flags and len(answer["ads"]) == 3 and answer["rung"] == "full"


@given(WORD, WORD, WORD, WORD)
@settings(max_examples=examples(60), suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_words_are_answered_and_never_said_back(api: Any, device: str, region: str, language: str, os: str) -> None:
    answer = api.ask(device=device, region=region, language=language, os=os)
    assert set(answer["flags"]) <= FLAGS and answer["ads"]


def test_before_anything_is_published_no_region_is_unknown(serve: Callable[..., Any], home: Home) -> None:
    answer = serve(home).ask(region="mars", language="klingon", device="fridge")
    assert FLAGS & set(answer["flags"]) == {"device_unknown"}


@pytest.mark.parametrize(("setting", "flags"), [("given", []), ("refused", ["no_consent"]), (None, ["no_consent"])])
def test_an_absent_consent_is_what_the_setting_says(
    serve: Callable[..., Any], published_home: Home, setting: str | None, flags: list[str]
) -> None:
    api = serve(published_home, consent_when_absent=setting)
    absent, null = api.ask(), api.ask(consent=None)
    assert absent["flags"] == null["flags"] == flags
    assert record(api, absent)["request"]["consent"] is (setting == "given")
    assert api.ask(consent=True)["flags"] == [] and api.ask(consent=False)["flags"] == ["no_consent"]
