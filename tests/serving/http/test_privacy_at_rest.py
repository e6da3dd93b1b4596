"""Privacy at rest: without consent neither who asked nor what they typed reaches a store or a log; what is kept is its owner's alone."""

from __future__ import annotations

import logging
import stat
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from feature_repo.home import Home
from feature_repo.private_files import open_to_others
from serving.record.request import AdRequest
from serving.snapshot import set_current
from serving.snapshot.manifest import write_columns

SHOES = "running shoes"


def secrets(seed: int, n: int) -> list[str]:
    """Words that stand nowhere else."""
    rng = np.random.default_rng(seed)
    return ["".join(rng.choice(list("bcdfghklmnprstvz"), 14)) for _ in range(n)]


def holding(folder: Path, words: list[str]) -> dict[str, str]:
    """Files with one of the words in them, whichever way the letters are written."""
    found = {}
    for path in (p for p in folder.rglob("*") if p.is_file()):
        content = path.read_bytes().lower()
        found |= {str(path): word for word in words if word.encode() in content or word.encode("utf-16-le") in content}
    return found


@pytest.fixture
def web(serve: Callable[..., Any], published_home: Home, searching: Any) -> Any:
    """An application with campaigns for searches, which keeps more of a request than any other."""
    snapshot = searching.live.snapshot
    set_current(published_home.snapshots, write_columns(published_home.snapshots, snapshot.as_of, dict(snapshot.arrays), len(snapshot)))
    return serve(published_home)


def tell(api: Any, answer: dict[str, Any], *kinds: str) -> None:
    now = datetime.now(UTC).isoformat()
    for ad in answer["ads"]:
        of_ad = {"decision_id": answer["decision_id"], "creative_id": ad["creative_id"], "ts": now}
        api.send(*({**of_ad, "event_id": f"{kind}-{answer['decision_id']}-{ad['creative_id']}", "kind": kind} for kind in kinds))


def test_nothing_of_the_asker_is_kept(web: Any, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]) -> None:
    users, typed = secrets(1, 12), secrets(2, 12)
    with caplog.at_level(logging.DEBUG):
        for user, words in zip(users, typed, strict=True):
            page = web.ask(user_id=user, consent=False)
            search = web.client.post("/v1/search", json={"query": f"{SHOES} {words}", "user_id": user, "consent": False}).json()
            assert words in search["understanding"]["normalised"], "the asker hears how it was read"
            for answer in (page, search):
                tell(web, answer, "impression", "click", "hide")
                assert web.client.get(f"/v1/decisions/{answer['decision_id']}/why").status_code == 200
        assert any(ad for ad in search["ads"])
    assert holding(web.home.root, [*users, *typed]) == {}
    said = caplog.text + "".join(capfd.readouterr())
    assert [word for word in (*users, *typed) if word in said.lower()] == []


def test_with_consent_the_record_has_both(web: Any) -> None:
    """What the test above would find, if it were kept."""
    user, words = secrets(3, 2)
    web.client.post("/v1/search", json={"query": f"{SHOES} {words}", "user_id": user, "consent": True})
    assert set(holding(web.home.root, [user, words]).values()) & {user, words}


def test_what_a_search_wanted_stays_without_its_words(web: Any) -> None:
    answer = web.client.post("/v1/search", json={"query": SHOES, "user_id": "u1", "consent": False}).json()
    record = web.client.get(f"/v1/decisions/{answer['decision_id']}").json()
    assert (record["request"]["user_id"], record["request"]["query"], record["request"]["consent"]) == ("", "", False)
    assert record["query"]["tokens"] == [] and record["query"]["intent"] == answer["understanding"]["intent"]
    assert record["shown"] and record["shown"][0]["keyword"] == "running shoes", "the advertiser's keyword"
    why = web.client.get(f"/v1/decisions/{answer['decision_id']}/why").json()
    assert why["understanding"][0].startswith("query: its text is not kept")


class Telltale:
    """An engine whose error repeats all that it was asked."""

    surfaces = ("proactive", "search")

    def decide(self, request: AdRequest, live: object, arrived: float | None = None) -> object:
        try:
            raise KeyError(request.query)
        except KeyError as error:
            raise RuntimeError(f"cannot decide {request}") from error


def test_an_error_does_not_tell_what_was_asked(web: Any, caplog: pytest.LogCaptureFixture) -> None:
    web.worker.engine = Telltale()
    user, words = secrets(4, 2)
    with caplog.at_level(logging.DEBUG):
        answer = web.client.post("/v1/search", json={"query": words, "user_id": user, "consent": False}).json()
    assert answer["no_ad_reason"] == "internal_error"
    logged = [r for r in caplog.records if answer["decision_id"] in r.getMessage()]
    assert logged and "RuntimeError" in caplog.text and "in decide" in caplog.text, "its kind and its place help to mend it"
    assert words not in caplog.text and user not in caplog.text
    assert holding(web.home.root, [user, words]) == {}


class Failing:
    """A component whose error repeats what was typed."""

    def understand(self, request: AdRequest, context: object, live: object) -> object:
        raise ValueError(f"{request.query} cannot be read")


@pytest.mark.parametrize("consent", [True, False])
def test_a_component_that_fails_does_not_tell_either(web: Any, caplog: pytest.LogCaptureFixture, consent: bool) -> None:
    surface = web.worker.engine._surfaces["search"]
    web.worker.engine._surfaces["search"] = replace(surface, understanding=(*surface.understanding, Failing()))
    (words,) = secrets(5 + consent, 1)
    with caplog.at_level(logging.DEBUG):
        answer = web.client.post("/v1/search", json={"query": words, "user_id": "u1", "consent": consent}).json()
    assert "Failing_failed:ValueError" in answer["flags"]
    assert (words in caplog.text) is consent


def test_files_are_for_their_owner_alone(serve: Callable[..., Any], home: Home) -> None:
    home.root.mkdir(mode=0o700)
    api = serve(home)
    api.ask()
    api.client.get("/metrics")
    made = list(home.root.rglob("*"))
    assert any(path.name == "events.db" for path in made)
    assert [str(path) for path in open_to_others(home.root)] == []
    assert all(stat.S_IMODE(p.stat().st_mode) == (0o700 if p.is_dir() else 0o600) for p in made)
