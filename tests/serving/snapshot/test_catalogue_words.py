"""A catalogue's words meet a request's, however its advertisers wrote them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feature_repo.request_time import DEVICE_NUMBER
from feature_repo.request_words import device, language, region, term
from serving.snapshot import Snapshot, open_snapshot, write_snapshot
from serving.snapshot.target_index import TargetIndex, target_columns
from tests.examples import examples
from tests.serving.snapshot.test_catalogue_snapshot import AS_OF, campaign, catalog, creative


def published(folder: Path, *campaigns: dict[str, Any]) -> Snapshot:
    creatives = [creative(f"c-{c['campaign_id']}", c["campaign_id"]) for c in campaigns]
    return open_snapshot(folder / write_snapshot(folder, AS_OF, catalog(list(campaigns), creatives), {}))


def shown(snapshot: Snapshot, **wanted: str) -> set[str]:
    admitted = snapshot.targets.admitted(wanted)
    names = [snapshot.text("id.campaign_id", row) for row in range(len(snapshot))]
    return {name for name, ok in zip(names, np.ones(len(names)) if admitted is None else admitted, strict=True) if ok}


@pytest.mark.parametrize(
    ("name", "form", "listed", "asked"),
    [
        ("devices", device, "Mobile", "mobile"), ("devices", device, "mobile", "iPhone"), ("devices", device, "Smart TV", "CTV"),
        ("regions", region, "R005", "r005"), ("regions", region, "r005", "R005 "),
        ("languages", language, "EN", "en"), ("languages", language, "en", "en-US"), ("languages", language, "en_US", "en-us"),
        ("genders", term, "Female", "female"), ("age_bands", term, " 65+", "65+"), ("surfaces", term, "Search", "search"),
    ],
)  # fmt: skip
def test_a_list_meets_whoever_says_the_same(tmp_path: Path, name: str, form: Any, listed: str, asked: str) -> None:
    snapshot = published(tmp_path, campaign("kpicky", **{name: [listed]}), campaign("kother", **{name: ["else"]}), campaign("kall"))
    assert shown(snapshot, **{name: form(asked)}) == {"kpicky", "kall"}
    assert snapshot.targets.knows(name, form(asked)) and not snapshot.targets.knows(name, "nowhere")


def test_a_country_narrows_a_language(tmp_path: Path) -> None:
    """Whoever asks for English speakers wants Americans too; whoever asks for Americans does not want the British."""
    snapshot = published(tmp_path, campaign("ken", languages=["en"]), campaign("kus", languages=["en-US"]), campaign("kall"))
    found = {tag: shown(snapshot, languages=tag) for tag in ("en", "en-us", "en-gb", "en-us-texas", "eng", "de", "")}
    assert found["en"] == found["en-gb"] == {"ken", "kall"}
    assert found["en-us"] == found["en-us-texas"] == {"ken", "kus", "kall"}
    assert found["eng"] == found["de"] == found[""] == {"kall"}


TAGS = st.lists(st.sampled_from(["en", "us", "gb", "x", "hant"]), min_size=1, max_size=4).map("-".join)


@given(st.lists(st.lists(TAGS, max_size=4), min_size=1, max_size=12), TAGS)
@settings(max_examples=examples(200))
def test_a_tag_meets_the_tags_that_it_begins_with_and_no_other(lists: list[list[str]], tag: str) -> None:
    index = TargetIndex({**target_columns({"languages": lists}), "campaign": np.arange(len(lists))}, ["languages"])
    admitted = index.admitted({"languages": tag})
    expected = [not wanted or any(tag == w or tag.startswith(f"{w}-") for w in wanted) for wanted in lists]
    assert (np.ones(len(lists), bool) if admitted is None else admitted).tolist() == expected


def test_bid_adjustments_meet_the_same_words(tmp_path: Path) -> None:
    factors = [
        {"kind": "device", "value": "iPhone", "factor": 2.0}, {"kind": "region", "value": " R005", "factor": 3.0},
        {"kind": "device", "value": "fridge", "factor": 5.0}, {"kind": "hour", "value": "7", "factor": 0.5},
    ]  # fmt: skip
    snapshot = published(tmp_path, campaign("k1", bid_adjustments=factors))
    assert snapshot["campaign.adjust.device"][0].tolist() == [2.0 if at == DEVICE_NUMBER["mobile"] else 1.0 for at in range(5)]
    assert snapshot["campaign.adjust.region"][0, snapshot.adjusted_regions["r005"]] == 3.0
    assert snapshot["campaign.adjust.hour"][0, 7] == 0.5
