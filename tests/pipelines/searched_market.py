"""A small market's searches, and the text models learned from them, registered and published."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

import pytest

from feature_repo.home import Home
from serving.settings import Settings
from tests.worlds.copied import copied

if TYPE_CHECKING:
    from pipelines.language.query_log import QueryLog
    from pipelines.language.train import LearnedLanguage


@dataclass(frozen=True)
class Searched:
    settings: Settings
    day: date
    log: QueryLog
    learned: list[LearnedLanguage]

    @property
    def home(self) -> Home:
        return self.settings.home


@pytest.fixture(scope="session")
def searched(tmp_path_factory: pytest.TempPathFactory) -> Searched:
    """LearnedLanguage from four days, both models champions, the last day published with the encoder."""
    from pipelines.gates.gates import judge
    from pipelines.language.query_log import query_log
    from pipelines.language.train import LearnedLanguage, candidate
    from tests.worlds.searched_market import LAST

    world = copied("tests.worlds.searched_market", tmp_path_factory.mktemp("searched") / "world")
    settings = Settings(home_path=world / "placard")
    achieved = json.loads((world / "achieved.json").read_text())
    learned = [
        LearnedLanguage(head, candidate(settings.home, head, LAST), found, judge(head, found, None)) for head, found in achieved.items()
    ]
    return Searched(settings, LAST, query_log(settings.home, LAST), learned)
