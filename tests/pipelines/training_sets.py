"""A platform that holds training sets of a known law, so that candidates can be fitted and judged in seconds."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import TYPE_CHECKING

import pytest

from serving.settings import Settings
from tests.worlds.copied import copied

if TYPE_CHECKING:
    from pipelines.evaluate.assess import Assessment

GOOD, NOISE = date(2026, 1, 10), date(2026, 1, 11)
RANKER = "xgboost_slim"


@pytest.fixture(scope="session")
def good() -> date:
    """The day whose training set can be learned from."""
    return GOOD


@pytest.fixture(scope="session")
def noise() -> date:
    """The day whose labels nothing foretells."""
    return NOISE


@pytest.fixture(scope="session")
def family() -> str:
    return RANKER


@pytest.fixture(scope="session")
def relay() -> Callable[..., None]:
    """lay_out(home, day, signal)."""
    from tests.worlds.training_sets import lay_out

    return lay_out


@pytest.fixture(scope="session")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Both training sets with a fitted candidate each. Shared: a test that changes it works on a copy."""
    signals = ((GOOD, 1.4), (NOISE, 0.0))
    return Settings(PLACARD_HOME=copied("tests.worlds.training_sets", tmp_path_factory.mktemp("platform") / "placard", signals, RANKER))


@pytest.fixture(scope="session")
def outcome(settings: Settings) -> Assessment:
    """The good day's candidate, evaluated without a champion."""
    from pipelines.evaluate.assess import assess

    return assess(settings, "click", GOOD, RANKER)


@pytest.fixture
def say() -> Callable[..., tuple[int, str, str]]:
    """say(words): status, standard output and error of a verb, in this process."""
    from typer.testing import CliRunner

    from pipelines.__main__ import app

    def run(*words: str) -> tuple[int, str, str]:
        done = CliRunner().invoke(app, list(words))
        return done.exit_code, done.stdout, done.stderr

    return run
