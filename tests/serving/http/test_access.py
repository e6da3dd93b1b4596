"""Loopback needs no token; any other bind does, a long one; with a token all that decides, tells or describes asks for it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from pydantic import SecretStr

from feature_repo.home import Home
from serving.errors import ServingError
from serving.http.app import create_app
from serving.settings import Settings

ASK = {"surface": "proactive", "user_id": "u1", "device": "mobile", "region": "regions1", "language": "languages2", "slots": 3}
AN_EVENT = {"event_id": "e", "decision_id": "d", "creative_id": "c", "kind": "click", "ts": "2026-01-05T12:00:00Z"}
LOCKED = ("/v1/decisions/none", "/v1/decisions/none/why", "/metrics")


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.1", "example.org", "", "127.0.0.1.example.org"])
@pytest.mark.parametrize("token", [None, "", " "])
def test_any_bind_but_loopback_is_refused_without_a_token(home: Home, host: str, token: str | None) -> None:
    settings = Settings(PLACARD_HOME=home.root, host=host, token=None if token is None else SecretStr(token))
    with pytest.raises(ServingError, match="PLACARD_TOKEN"):
        create_app(settings)


@pytest.mark.parametrize(("host", "token"), [("127.0.0.1", None), ("::1", None), ("localhost", None), ("0.0.0.0", "secret" * 6)])
def test_loopback_or_a_token_is_enough(home: Home, host: str, token: str | None) -> None:
    create_app(Settings(PLACARD_HOME=home.root, host=host, token=None if token is None else SecretStr(token)))


def test_the_default_bind_is_loopback(home: Home) -> None:
    assert Settings(PLACARD_HOME=home.root).http.host == "127.0.0.1"


TOKEN = "s3cret" * 6
TOLD = {"authorization": f"Bearer {TOKEN}"}


def test_a_token_that_can_be_guessed_opens_loopback_only(home: Home) -> None:
    short = SecretStr("x" * 31)
    create_app(Settings(PLACARD_HOME=home.root, host="127.0.0.1", token=short))
    with pytest.raises(ServingError, match="32 or more"):
        create_app(Settings(PLACARD_HOME=home.root, host="10.0.0.1", token=short))
    with pytest.raises(ServingError, match="event_keys"):
        create_app(Settings(PLACARD_HOME=home.root, event_keys=(SecretStr("x" * 32), SecretStr("short"))))


def test_with_a_token_everything_but_health_asks_for_it(serve: Callable[..., Any], published_home: Home) -> None:
    api = serve(published_home, token=SecretStr(TOKEN))
    decision = api.client.post("/v1/ads", json=ASK, headers=TOLD).json()["decision_id"]
    asked = [
        *(("GET", path, None) for path in (*LOCKED, f"/v1/decisions/{decision}", "/docs", "/openapi.json")),
        ("POST", "/v1/ads", ASK), ("POST", "/v1/search", {"query": "shoes"}), ("POST", "/v1/events", {"events": [AN_EVENT]}),
    ]  # fmt: skip
    for method, path, body in asked:
        for header in ({}, {"authorization": "Bearer wrong"}, {"authorization": TOKEN}, {"authorization": f"Basic {TOKEN}"}):
            answer = api.client.request(method, path, headers=header, json=body)
            assert (answer.status_code, answer.json()["error"]["thing"]) == (401, "authorization"), (method, path, header)
        assert api.client.request(method, path, headers=[(b"authorization", b"Bearer \xff\xe9")], json=body).status_code == 401
        assert api.client.request(method, path, headers=TOLD, json=body).status_code in (200, 404), path
    assert api.client.get("/healthz").status_code == 200
    assert api.client.get("/readyz").json() == {"ready": True}, "versions and paths are for who has the token"
    assert api.client.get("/readyz", headers=TOLD).json()["snapshot"]


def test_without_a_token_all_is_open_on_loopback(api: Any) -> None:
    assert api.client.get("/metrics").status_code == 200


def test_a_campaign_is_taken_down_and_let_run_again_by_whoever_has_the_token(serve: Callable[..., Any], published_home: Home) -> None:
    api = serve(published_home, token=SecretStr(TOKEN))

    def campaigns() -> set[str]:
        return {ad["campaign_id"] for ad in api.client.post("/v1/ads", json=ASK, headers=TOLD).json()["ads"]}

    shown = min(campaigns())
    paths = [f"/v1/campaigns/{shown}/{what}" for what in ("pause", "resume")]
    assert [api.client.post(path).status_code for path in paths] == [401, 401]
    assert api.client.post(paths[0], headers=TOLD).json() == {"campaign_id": shown, "paused": True}
    wait_until(lambda: shown not in campaigns())
    assert api.client.post(paths[1], headers=TOLD).json() == {"campaign_id": shown, "paused": False}
    wait_until(lambda: shown in campaigns())
    unknown = api.client.post("/v1/campaigns/nobody/pause", headers=TOLD)
    assert unknown.status_code == 404 and unknown.json()["error"]["value"] == "nobody"


def wait_until(holds: Callable[[], bool]) -> None:
    """Ends when it holds."""
    for _ in range(3_000):
        if holds():
            return
        time.sleep(0.02)
    raise AssertionError("it never came to hold")
