"""What a request without consent means to the servers that are started for somebody: of a demo, of a benchmark, of a platform."""

from __future__ import annotations

import pytest

from feature_repo.home import Home
from pipelines.demo.journal import Journal
from pipelines.operations.said_consent import given_where_unsaid, of_platform
from serving.errors import ServingError
from serving.settings import Settings

NAME = "PLACARD_CONSENT_WHEN_ABSENT"


@pytest.mark.parametrize(("said", "means"), [(None, "given"), ("given", "given"), ("refused", "refused")])
def test_simulated_people_consent_unless_the_settings_say_otherwise(home: Home, said: str | None, means: str) -> None:
    assert given_where_unsaid(Settings(home_path=home.root, consent_when_absent=said)) == {NAME: means}


def test_a_platform_must_say_unless_it_is_a_demos(home: Home) -> None:
    unsaid = Settings(home_path=home.root)
    with pytest.raises(ServingError, match=NAME):
        of_platform(unsaid)
    assert of_platform(unsaid.changed(consent_when_absent="refused")) == {NAME: "refused"}
    Journal(home, {"users": 100}).once("part", lambda: 1)
    assert of_platform(unsaid) == {NAME: "given"}
