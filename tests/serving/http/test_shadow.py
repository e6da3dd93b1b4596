"""Shadow: off the response path, dropped when the queue is full, and its scores land in the decision's record."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from feature_repo.home import Home
from serving.bundles import Bundle, aliases


def eventually(holds: Callable[[], bool], seconds: float = 120) -> bool:
    deadline = time.monotonic() + seconds
    while not holds() and time.monotonic() < deadline:
        time.sleep(0.01)
    return holds()


def counted(api: Any, outcome: str) -> dict[str, int]:
    """Decisions that came to it, by shadow."""
    return {name: n for (name, became), n in api.worker.shadows.counts.items() if became == outcome}


@pytest.fixture
def shadowed(published_home: Home) -> Home:
    aliases.write_aliases(published_home.bundles, {"click": {"champion": "1", "shadow": "2"}})
    return published_home


def test_the_shadows_scores_land_in_the_record(serve: Callable[..., Any], shadowed: Home) -> None:
    api = serve(shadowed)
    answer = api.ask()
    path = f"/v1/decisions/{answer['decision_id']}"
    assert eventually(lambda: api.client.get(path).json()["shadow"] != {})
    record = api.client.get(path).json()
    ads = [*record["shown"], *record["held"]]
    expected = Bundle.load(shadowed.bundles / "click" / "2").predict(np.array([ad["features"] for ad in ads], np.float32))
    assert record["shadow"] == {"click@2": pytest.approx(list(expected))}
    assert record["policy"] == "click@1" and [ad["pctr"] for ad in record["shown"]] != list(expected[: len(record["shown"])])


def test_a_slow_shadow_delays_no_answer_and_what_does_not_fit_is_dropped(
    serve: Callable[..., Any], shadowed: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    api = serve(shadowed, shadow_queue=4)
    go, scoring = threading.Event(), threading.Event()
    kept = api.worker.eventlog.append_shadow

    def slow(*args: Any) -> None:
        scoring.set()
        go.wait(300)
        kept(*args)

    monkeypatch.setattr(api.worker.eventlog, "append_shadow", slow)
    api.ask()
    assert scoring.wait(120), "the first is being scored, and stays so"
    started = time.monotonic()
    answers = [api.ask() for _ in range(10)]
    assert time.monotonic() - started < 120  # the shadow waits for longer
    assert {a["rung"] for a in answers} == {"full"}
    assert api.worker.shadows.counts == {("click@2", "dropped"): 6}, "four wait, six do not fit"
    assert 'placard_shadow_dropped_total{shadow="click@2"} 6.0' in api.client.get("/metrics").text
    go.set()
    assert eventually(lambda: counted(api, "scored") == {"click@2": 5})
    scored = [bool(api.client.get(f"/v1/decisions/{a['decision_id']}").json()["shadow"]) for a in answers]
    assert scored == [True] * 4 + [False] * 6


def test_a_shadow_that_fails_is_counted_and_harms_nobody(
    serve: Callable[..., Any], shadowed: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    api = serve(shadowed)

    def fails(*args: Any) -> None:
        raise RuntimeError("no room")

    monkeypatch.setattr(api.worker.eventlog, "append_shadow", fails)
    assert api.ask()["rung"] == "full"
    assert eventually(lambda: counted(api, "failed") == {"click@2": 1})
    monkeypatch.undo()
    assert api.ask()["rung"] == "full"
    assert eventually(lambda: counted(api, "scored") == {"click@2": 1})


def test_any_number_of_shadows_score_the_same_decisions(
    serve: Callable[..., Any], published_home: Home, registered: Callable[..., None]
) -> None:
    registered(published_home, "3", seed=5)
    aliases.write_aliases(published_home.bundles, {"click": {"champion": "1", "shadow": "2", "shadow_wide": "3", "shadow_again": "3"}})
    api = serve(published_home)
    path = f"/v1/decisions/{api.ask()['decision_id']}"
    assert eventually(lambda: set(api.client.get(path).json()["shadow"]) == {"click@2", "click@3"})
    wanted = {("click@2", "scored"): 1, ("click@3", "scored"): 1}
    assert eventually(lambda: api.worker.shadows.counts == wanted), "two aliases of one version are one shadow"


def test_a_shadow_of_the_champions_own_version_differs_by_nothing(serve: Callable[..., Any], published_home: Home) -> None:
    aliases.write_aliases(published_home.bundles, {"click": {"champion": "1", "shadow": "1", "fast": "2"}})
    api = serve(published_home, candidates=400)
    paths = [f"/v1/decisions/{api.ask(user_id=f'u{i}')['decision_id']}" for i in range(5)]
    assert eventually(lambda: all(api.client.get(path).json()["shadow"] for path in paths))
    compared = 0
    for path in paths:
        record = api.client.get(path).json()
        assert sum(record["scored"].values()) > record["scored"]["click@1"], "the fast model scored some"
        for ad, score in zip([*record["shown"], *record["held"]], record["shadow"]["click@1"], strict=True):
            if not ad["scored_by"]:
                assert ad["pctr"] - score == 0
                compared += 1
    assert compared >= 15


class Sleeps:
    def __init__(self, bundle: Bundle) -> None:
        self.manifest, self.name, self.asked = bundle.manifest, "click@sleeps", threading.Event()
        self.wakes = threading.Event()

    def predict(self, matrix: np.ndarray) -> np.ndarray:
        self.asked.set()
        self.wakes.wait(300)
        return np.full(len(matrix), 0.5)


def test_one_that_sleeps_takes_nothing_from_the_others(
    serve: Callable[..., Any], published_home: Home, registered: Callable[..., None]
) -> None:
    registered(published_home, "3", seed=5)
    aliases.write_aliases(published_home.bundles, {"click": {"champion": "1", "shadow": "2", "shadow_other": "3"}})
    api = serve(published_home, shadow_queue=16, swap_poll_seconds=600)
    live = api.worker.reloader.live
    sleeper: Any = Sleeps(live.bundles["click", "champion"])
    api.worker.reloader.live = replace(live, bundles={**live.bundles, ("click", "shadow_asleep"): sleeper})
    asked = [api.ask()["decision_id"] for _ in range(60)]
    both = eventually(lambda: counted(api, "scored").get("click@2", 0) + counted(api, "scored").get("click@3", 0) == 120)
    sleeper.wakes.set()
    assert both
    assert counted(api, "dropped").keys() == {"click@sleeps"} and counted(api, "dropped")["click@sleeps"] >= 30
    assert all(api.worker.eventlog.decision(key).shadow.keys() >= {"click@2", "click@3"} for key in asked)


class Raises(Sleeps):
    def predict(self, matrix: np.ndarray) -> np.ndarray:
        raise RuntimeError("out of order")


class NotANumber(Sleeps):
    def predict(self, matrix: np.ndarray) -> np.ndarray:
        return np.full(len(matrix), np.nan)


def _but_its_name(answer: dict[str, Any]) -> dict[str, Any]:
    """What an answer says, without the decision's id and the tokens that are signed over it."""
    signed = ("event_token", "impression_url", "click_url")
    ads = [{name: value for name, value in ad.items() if name not in signed} for ad in answer["ads"]]
    return {name: value for name, value in answer.items() if name != "decision_id"} | {"ads": ads}


@pytest.mark.parametrize("kind", [Sleeps, Raises, NotANumber])
def test_whatever_a_shadow_does_the_answers_are_those_without_it(serve: Callable[..., Any], shadowed: Home, kind: type[Sleeps]) -> None:
    alone = serve(shadowed, swap_poll_seconds=600)
    live = alone.worker.reloader.live
    alone.worker.reloader.live = replace(live, bundles={("click", "champion"): live.bundles["click", "champion"]})
    wanted = [_but_its_name(alone.ask(request_id=f"r{i}")) for i in range(5)]
    bad = kind(live.bundles["click", "shadow"])
    alone.worker.reloader.live = replace(live, bundles={**live.bundles, ("click", "shadow"): bad})
    said = [_but_its_name(alone.ask(request_id=f"r{i}")) for i in range(5)]
    assert said == wanted
    if kind is Sleeps:
        asked, scored = bad.asked.wait(120), sum(alone.worker.shadows.counts.values())
        bad.wakes.set()
        assert asked and scored < 5, "five answers came while the shadow had not scored them all"
    else:
        assert eventually(lambda: alone.worker.shadows.counts == {(bad.name, "failed"): 5})
