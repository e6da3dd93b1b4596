"""Loopback needs no token; any other bind does; with a token, decisions and metrics ask for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from pydantic import SecretStr

from feature_repo.home import Home
from serving.errors import ServingError
from serving.http.app import create_app
from serving.settings import Settings

LOCKED = ("/v1/decisions/none", "/v1/decisions/none/why", "/metrics")


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.1", "example.org", "", "127.0.0.1.example.org"])
@pytest.mark.parametrize("token", [None, "", " "])
def test_any_bind_but_loopback_is_refused_without_a_token(home: Home, host: str, token: str | None) -> None:
    settings = Settings(PLACARD_HOME=home.root, host=host, token=None if token is None else SecretStr(token))
    with pytest.raises(ServingError, match="PLACARD_TOKEN"):
        create_app(settings)


@pytest.mark.parametrize(("host", "token"), [("127.0.0.1", None), ("::1", None), ("localhost", None), ("0.0.0.0", "secret")])
def test_loopback_or_a_token_is_enough(home: Home, host: str, token: str | None) -> None:
    create_app(Settings(PLACARD_HOME=home.root, host=host, token=None if token is None else SecretStr(token)))


def test_the_default_bind_is_loopback(home: Home) -> None:
    assert Settings(PLACARD_HOME=home.root).http.host == "127.0.0.1"


def test_decisions_and_metrics_ask_for_the_token_and_the_rest_does_not(serve: Callable[..., Any], published_home: Home) -> None:
    api = serve(published_home, token=SecretStr("s3cret"))
    decision = api.ask()["decision_id"]
    for path in (*LOCKED, f"/v1/decisions/{decision}"):
        for header in ({}, {"authorization": "Bearer wrong"}, {"authorization": "s3cret"}, {"authorization": "Basic s3cret"}):
            answer = api.client.get(path, headers=header)
            assert (answer.status_code, answer.json()["error"]["thing"]) == (401, "authorization")
        assert api.client.get(path, headers=[(b"authorization", b"Bearer \xff\xe9")]).status_code == 401
        assert api.client.get(path, headers={"authorization": "Bearer s3cret"}).status_code in (200, 404)
    for path in ("/healthz", "/readyz", "/openapi.json"):
        assert api.client.get(path).status_code == 200


def test_without_a_token_all_is_open_on_loopback(api: Any) -> None:
    assert api.client.get("/metrics").status_code == 200
