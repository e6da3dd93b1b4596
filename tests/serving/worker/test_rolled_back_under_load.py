"""A poisoned challenger, promoted by override and served under traffic, is kept out of the auction and rolled back by the guard."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from feature_repo.home import Home
from pipelines.bench.serving.synthetic import ranker
from pipelines.promotion.promote import promote
from pipelines.registry import journal, roles
from pipelines.registry.register import register_sealed
from serving.bundles import Tables, aliases, refusals
from serving.bundles.calibrator import Calibrator
from serving.settings import Settings
from tests.made import written_again

# MLflow's own imports and stores warn of what they are about to change.
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore"), pytest.mark.timeout(1800)]
WITHIN = 60
INFLATED = 5.0
TRUE = 0.1
"""How likely a person who sees an ad clicks on it, whatever the ad and whoever promised what."""


class People:
    """See and click, as often as is TRUE. answers: (when, rung, policy)."""

    def __init__(self, server: Any, body: dict[str, Any]) -> None:
        self._server, self._body, self._rng = server, body, np.random.default_rng(4)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.answers: list[tuple[float, str, str]] = []
        self.failed: list[str] = []

    def __enter__(self) -> People:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(120)

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self._ask()
            except Exception as error:
                self.failed.append(repr(error))

    def _ask(self) -> None:
        at = time.monotonic()
        person = f"u{self._rng.integers(0, 10_000)}"  # one person would click faster than a person
        status, content = self._server.call("POST", "/v1/ads", {**self._body, "user_id": person})
        answer = json.loads(content)
        self.answers.append((at, answer["rung"], answer["policy"]))
        events = []
        for ad in answer["ads"]:
            said = {"decision_id": answer["decision_id"], "creative_id": ad["creative_id"], "ts": datetime.now(UTC).isoformat()}
            key = f"{answer['decision_id']}-{ad['position']}"
            events.append({**said, "event_id": f"{key}-i", "kind": "impression"})
            if self._rng.random() < TRUE:
                events.append({**said, "event_id": f"{key}-c", "kind": "click"})
        status_of_events = self._server.call("POST", "/v1/events", {"events": events})[0] if events else 200
        if (status, status_of_events) != (200, 200) or not answer["ads"]:
            self.failed.append(f"{status} {status_of_events} {content[:200]!r}")

    def seen(self, rung: str, policy: str, since: float = 0.0) -> float | None:
        """When it was first answered so."""
        return next((at for at, r, p in self.answers if (r, p) == (rung, policy) and at >= since), None)

    def until(self, holds: Callable[[], bool], seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        while not holds() and time.monotonic() < deadline:
            time.sleep(0.05)
        return holds()


@pytest.fixture
def registered_twice(published_home: Home, tmp_path: Path) -> Settings:
    """Version 1 promises what is true, within a hundredth, and is champion; 2 promises five times as much, and was never evaluated."""
    settings = Settings(PLACARD_HOME=published_home.root)
    shutil.rmtree(published_home.bundles)
    made, grid, about = ranker(tmp_path / "made", trees=10, rows=1_000), np.linspace(-12, 4, 200), np.linspace(0.99, 1.01, 200)
    for name, times in (("sound", 1.0), ("poisoned", INFLATED)):
        written_again(made, tmp_path / name, tables=Tables(Calibrator(grid, times * TRUE * about), {}, {}))
        register_sealed(settings, "click", tmp_path / name, "a test", {})
    roles.promote(settings, "click", "1", "sound")
    return settings


@pytest.fixture
def watching(placard: Path, published_home: Home) -> Iterator[subprocess.Popen[bytes]]:
    words = ["guard", "--head", "click", "--watch", "1", "--settle", "2"]
    process = subprocess.Popen([placard, *words], env={**os.environ, "PLACARD_HOME": str(published_home.root)})
    yield process
    process.terminate()
    process.wait(120)


def test_a_poisoned_champion_is_rolled_back_within_a_minute(
    registered_twice: Settings, running: Callable[..., Any], usual: dict[str, Any], watching: subprocess.Popen[bytes],
    published_home: Home, record_property: Callable[[str, object], None],
) -> None:  # fmt: skip
    settings, bundles = registered_twice, published_home.bundles
    with People(running(published_home, 1), usual) as people:
        assert people.until(lambda: len(people.answers) > 100, 300) and {p for _, _, p in people.answers} == {"click@1"}
        change, _ = promote(settings, "click", "2", datetime.now(UTC).date(), override="the meeting wants it live")
        promoted = time.monotonic()
        assert "evaluation" in change.failed
        assert people.until(lambda: people.seen("full", "click@2") is not None, WITHIN), "it is served"
        served = people.seen("full", "click@2") or 0.0
        assert people.until(lambda: people.seen("full", "click@1", served) is not None, WITHIN), "the one before is back"
        passed_over = people.until(lambda: bool(refusals.read_refusals(bundles)), 0)
        back = people.seen("full", "click@1", served) or 0.0
        assert people.until(lambda: len([a for a in people.answers if a[0] > back + 1]) > 50, 300)
    assert passed_over and aliases.read_aliases(bundles)["click"]["champion"] == "1"
    assert {p for at, _, p in people.answers if at > back + 1} == {"click@1"}, "it does not come back"
    assert back - promoted < WITHIN and people.failed == [], "and nobody noticed"
    assert watching.poll() is None, "the guard watches on"
    last = journal.read(bundles, "click")[-1]
    assert (last.alias, last.version, last.before) == ("champion", "1", "2") and "calibration ratio" in last.why
    assert any(c.why == "the meeting wants it live" and "evaluation" in c.failed for c in journal.read(bundles, "click"))
    record_property("rolled_back_seconds", back - promoted)
    print(f"rolled back in {back - promoted:.1f} s, {back - served:.1f} s after it was first served; {len(people.answers)} requests")
