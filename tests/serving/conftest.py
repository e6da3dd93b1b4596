"""A published catalogue with registered bundles, and the API over a copy of it."""

from __future__ import annotations

import shutil
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from feature_repo.home import Home
from serving.bundles import aliases
from serving.bundles.smoke import smoke
from serving.engine.stages import Profiles
from serving.http.app import create_app
from serving.settings import Settings
from serving.worker.worker import Worker
from tests.made import Known, written_again
from tests.serving.proactive_engine import ask, bench, published
from tests.serving.search_engine import click, encoder, over, searched_catalog, searching

__all__ = ["ask", "bench", "click", "encoder", "over", "published", "searched_catalog", "searching"]
"""Fixtures of the rooms that have a small engine to send requests through."""

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # it would rather have another client than the one that is locked
    from starlette.testclient import TestClient

ADS = 400
ASK = {"surface": "proactive", "user_id": "u1", "device": "mobile", "language": "languages2", "slots": 3}


@dataclass(frozen=True)
class Api:
    """A running application: its client, what is behind it, and its state folder."""

    client: TestClient
    worker: Worker
    home: Home

    def ask(self, **changes: object) -> dict[str, Any]:
        answer = self.client.post("/v1/ads", json={**ASK, **changes})
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def send(self, *events: dict[str, object]) -> dict[str, Any]:
        answer = self.client.post("/v1/events", json={"events": events})
        assert answer.status_code == 200, answer.text
        return dict(answer.json())


def register(home: Home, version: str, seed: int = 2, source: str = "1") -> None:
    """A click bundle of another version, trained on other noise."""
    from pipelines.bench.serving.synthetic import ranker

    made = ranker(home.bundles / "made", seed, trees=10, rows=1_000)
    folder = home.bundles / "click" / version
    written_again(made, folder, replace(made.manifest, version=version))
    shutil.rmtree(home.bundles / "made")


@pytest.fixture(scope="session")
def registered() -> Callable[..., None]:
    return register


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A catalogue, versions 1 and 2 of a click ranker; champion is 1. Copied, never changed."""
    from pipelines.bench.serving.synthetic import catalogue

    home = Home(tmp_path_factory.mktemp("template") / "placard")
    catalogue(home.snapshots, ADS)
    register(home, "1")
    register(home, "2", seed=3)
    aliases.write_aliases(home.bundles, {"click": {"champion": "1"}})
    return home


@pytest.fixture
def published_home(template: Home, tmp_path: Path) -> Home:
    return Home(Path(shutil.copytree(template.root, tmp_path / "placard")))


def settings_of(home: Home, **changes: Any) -> Settings:
    usual: dict[str, Any] = {
        "explore_share": 0, "reserve_micros": 1_000, "tmax_ms": 60_000, "shadow_queue": 256, "consent_when_absent": "given",
    }  # fmt: skip
    return Settings(PLACARD_HOME=home.root, **{**usual, **changes})


@pytest.fixture(scope="session")
def settings_for() -> Callable[..., Settings]:
    return settings_of


@pytest.fixture
def quick_smoke(monkeypatch: pytest.MonkeyPatch) -> None:
    """The smoke test in this process: starting another takes a second, and tests/serving/worker does start it."""
    monkeypatch.setattr("serving.bundles.verified._smoke", smoke)


@pytest.fixture
def serve(quick_smoke: None) -> Iterator[Callable[..., Api]]:
    """Starts an application over a state folder; it is stopped after the test."""
    with ExitStack() as running:

        def start(home: Home, profiles: Profiles | None = None, **changes: Any) -> Api:
            app = create_app(settings_of(home, **changes), profiles or Known())
            client = running.enter_context(TestClient(app, raise_server_exceptions=False))
            return Api(client, app.state.worker, home)

        yield start


@pytest.fixture(scope="session")
def api(template: Home, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """One application that many tests share: they must not change what it serves."""
    home = Home(Path(shutil.copytree(template.root, tmp_path_factory.mktemp("api") / "placard")))
    app = create_app(settings_of(home), Known())
    with TestClient(app, raise_server_exceptions=False) as client:
        yield Api(client, app.state.worker, home)


@pytest.fixture(scope="session")
def usual() -> dict[str, Any]:
    """A request that is answered with ads."""
    return dict(ASK)
