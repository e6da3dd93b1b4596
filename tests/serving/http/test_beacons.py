"""Events by signed address: a token tells of one ad on one page, and nobody can make one up."""

from __future__ import annotations

import base64
import os
import stat
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from feature_repo.home import Home
from serving.errors import ServingError
from serving.snapshot import open_current, set_current
from serving.snapshot.manifest import write_columns
from serving.worker.signing import Signer, Told, own_key
from tests.examples import examples
from tests.serving.http.test_access import ASK, TOKEN, TOLD
from tests.serving.http.test_events import event_of, spent

NOW = datetime(2026, 3, 9, 12, tzinfo=UTC)
A_TOKEN = Told("d1", "a1", 400_000, int((NOW + timedelta(days=30)).timestamp()))


def test_a_token_comes_back_as_it_was_until_it_ends() -> None:
    signer = Signer([b"k" * 32])
    token = signer.token(A_TOKEN)
    assert signer.read(token, NOW) == A_TOKEN
    with pytest.raises(ServingError, match="good until"):
        signer.read(token, NOW + timedelta(days=31))


def test_keys_are_replaced_without_a_gap() -> None:
    old, new = b"o" * 32, b"n" * 32
    token = Signer([old]).token(A_TOKEN)
    assert Signer([new, old]).read(token, NOW) == A_TOKEN
    assert Signer([new, old]).token(A_TOKEN) == Signer([new]).token(A_TOKEN), "the first key signs"
    with pytest.raises(ServingError, match="signed"):
        Signer([new]).read(token, NOW)


@given(st.data())
@settings(max_examples=examples(200))
def test_no_other_text_is_a_token(data: st.DataObject) -> None:
    signer = Signer([b"k" * 32])
    token = signer.token(A_TOKEN)
    at = data.draw(st.integers(0, len(token) - 1))
    other = data.draw(st.sampled_from([token[:at], token[:at] + "x" + token[at:], token[:at] + token[at + 1 :], token * 3]) | st.text())
    if other != token:
        with pytest.raises(ServingError, match="signed"):
            signer.read(other, NOW)


def test_all_processes_share_one_key_that_only_the_owner_reads(tmp_path: Path) -> None:
    path = tmp_path / "state" / "event.key"
    with ThreadPoolExecutor(16) as pool:
        keys = {*pool.map(lambda _: own_key(path), range(64))}
    assert len(keys) == 1 and len(keys.pop()) == 64
    assert stat.S_IMODE(path.stat().st_mode) == 0o600 and os.listdir(path.parent) == ["event.key"]


def landing_at(home: Home, url: str) -> None:
    """Every ad of the catalogue leads there."""
    snapshot = open_current(home.snapshots)
    arrays = {name: np.array(array) for name, array in snapshot.arrays.items()}
    arrays["text.landing_url"] = np.full(len(snapshot), url.encode() or b" ")
    set_current(home.snapshots, write_columns(home.snapshots, snapshot.as_of, arrays, len(snapshot)))


def test_the_pixel_and_the_click_of_an_answer_are_events(serve: Callable[..., Any], published_home: Home) -> None:
    landing_at(published_home, "https://shop.example/shoes?size=42&colour=red")
    api = serve(published_home, token=SecretStr(TOKEN))
    ad = api.client.post("/v1/ads", json=ASK, headers=TOLD).json()["ads"][0]
    for _ in range(3):
        pixel = api.client.get(ad["impression_url"])
        assert (pixel.status_code, pixel.headers["content-type"], pixel.headers["cache-control"]) == (200, "image/gif", "no-store")
        assert pixel.content.startswith(b"GIF89a")
    for _ in range(3):
        click = api.client.get(ad["click_url"], follow_redirects=False)
        assert (click.status_code, click.headers["location"]) == (302, "https://shop.example/shoes?size=42&colour=red")
    assert spent(api, ad["campaign_id"]) == ad["price_micros"], "reloaded pages tell of nothing new"


@pytest.mark.parametrize("url", ["", "javascript:alert(1)", "//shop.example", "ftp://shop.example/x", "file:///etc/passwd"])
def test_a_click_leads_to_a_page_of_the_web_or_nowhere(serve: Callable[..., Any], published_home: Home, url: str) -> None:
    landing_at(published_home, url)
    api = serve(published_home)
    answer = api.client.get(api.ask()["ads"][0]["click_url"], follow_redirects=False)
    assert (answer.status_code, answer.json()["error"]["thing"]) == (404, "landing page")


def test_a_token_of_another_ad_or_of_nobody_is_refused(api: Any) -> None:
    answer = api.ask()
    forged = base64.urlsafe_b64encode(b'["d","c",1,9999999999]').decode().rstrip("=") + ".AAAA"
    for path in ("/v1/seen", "/v1/click"):
        assert api.client.get(path, params={"token": forged}).status_code == 403
        assert api.client.get(path).status_code == 422
    mine, other = answer["ads"][0]["event_token"], answer["ads"][1]["event_token"]
    for token, status in ((forged, 403), (other, 403), (mine, 200)):
        sent = api.client.post("/v1/events", json={"events": [{**event_of(answer, kind="impression"), "event_token": token}]})
        assert sent.status_code == status


def test_what_cannot_be_billed_now_is_503_and_no_fault_of_the_token(api: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(events: list[Any]) -> Any:
        raise ServingError("budget of campaign", "k1", "Send the events again.")

    ad = api.ask()["ads"][0]
    with monkeypatch.context() as patch:
        patch.setattr(api.worker, "bill", unknown)
        for address in (ad["impression_url"], ad["click_url"]):
            answer = api.client.get(address, follow_redirects=False)
            assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert api.client.get(ad["impression_url"]).status_code == 200


def test_with_a_token_set_events_need_it_or_the_ads_own(serve: Callable[..., Any], published_home: Home) -> None:
    api = serve(published_home, token=SecretStr(TOKEN))
    answer = api.client.post("/v1/ads", json=ASK, headers=TOLD).json()
    event = event_of(answer, kind="impression")
    assert api.client.post("/v1/events", json={"events": [event]}).status_code == 401
    assert api.client.post("/v1/events", json={"events": [event]}, headers=TOLD).json()["accepted"] == 1
    signed = {**event_of(answer, 1, kind="impression"), "event_token": answer["ads"][1]["event_token"]}
    assert api.client.post("/v1/events", json={"events": [signed]}).json()["accepted"] == 1
    assert api.client.post("/v1/events", json={"events": [signed, event]}).status_code == 401, "each event needs its own"


def test_images_are_those_of_live_ads_and_no_other_files(serve: Callable[..., Any], published_home: Home) -> None:
    snapshot = open_current(published_home.snapshots)
    images = "catalog/images"
    named = [f"{images}/a.png", "../outside.png", f"{images}/../../secret.png", f"{images}/none.png", f"{images}/a.svg", ""]
    arrays = {name: np.array(array) for name, array in snapshot.arrays.items()}
    arrays["text.image_path"] = np.array([named[i % len(named)].encode() for i in range(len(snapshot))])
    set_current(published_home.snapshots, write_columns(published_home.snapshots, snapshot.as_of, arrays, len(snapshot)))
    published_home.images.mkdir(parents=True)
    for path in (published_home.images / "a.png", published_home.images / "a.svg", published_home.root / "secret.png"):
        path.write_bytes(b"picture")
    (published_home.root.parent / "outside.png").write_bytes(b"picture")
    api = serve(published_home)
    statuses = {}
    for row in range(len(named)):
        answer = api.client.get(f"/v1/creatives/{snapshot.text('id.creative_id', row)}/image")
        statuses[named[row]] = answer.status_code
        if answer.status_code == 200:
            assert (answer.content, answer.headers["content-type"]) == (b"picture", "image/png")
    assert statuses == {name: 200 if name == "catalog/images/a.png" else 404 for name in named}
    assert api.client.get("/v1/creatives/nobody/image").status_code == 404
