"""Real servers of several workers: whatever kills them, no event is lost, uncharged or charged twice, and no impression forgotten; and
whoever asks at once, no cap is passed."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from feature_repo.home import Home
from serving.eventlog.sqlite import SqliteEventLog
from serving.ledger.sqlite import SqliteLedger
from serving.snapshot import open_current, set_current
from serving.snapshot.manifest import write_columns
from tests.serving.worker.conftest import Server

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]
KILLS = 3 if os.environ.get("CI") else 25
"""CI runs a short form."""
ACKNOWLEDGED = 12
"""Batches of events that are acknowledged before each kill."""
PEOPLE, CAP, ASKED, WORKERS = 6, 5, 240, 4


@pytest.fixture
def killable(placard: Path, tmp_path: Path) -> Iterator[Callable[[Home, int], Server]]:
    """Starts a server in a process group of its own, which can be killed whole."""
    started: list[subprocess.Popen[bytes]] = []

    def start(home: Home, workers: int) -> Server:
        ready = tmp_path / "ready"
        ready.unlink(missing_ok=True)
        settings = {
            "PLACARD_HOME": str(home.root),
            "PLACARD_RESERVE_MICROS": "1000",
            "PLACARD_TMAX_MS": "60000",
            "PLACARD_SHADOW_QUEUE": "0",
            "PLACARD_CONSENT_WHEN_ABSENT": "given",
        }
        process = subprocess.Popen(
            [placard, "serve", "--port", "0", "--workers", str(workers), "--ready-file", str(ready)],
            env={**os.environ, **settings, "PLACARD_EXPLORE_SHARE": "0"}, start_new_session=True,
        )  # fmt: skip
        started.append(process)
        while not ready.exists():
            assert process.poll() is None, "the server did not start"
            time.sleep(0.05)
        return Server(process, int(ready.read_text().rsplit(":", 1)[1]))

    yield start
    for process in started:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


class Customers:
    """People who ask, see and click, and remember what was acknowledged; they do not send anything again."""

    def __init__(self, server: Server, round_: int) -> None:
        self._server, self._round = server, round_
        self.acknowledged: list[str] = []
        self.stop = threading.Event()

    def run(self, who: int) -> None:
        for n in range(100_000):
            if self.stop.is_set():
                return
            try:
                self._once(f"u{self._round}-{who}-{n}")
            except (OSError, http.client.HTTPException, ValueError):  # the server has been killed
                return

    def _once(self, user: str) -> None:
        body = {"surface": "proactive", "user_id": user, "device": "mobile", "region": "regions0", "language": "languages2", "slots": 2}
        answer = json.loads(self._server.call("POST", "/v1/ads", body)[1])
        now = datetime.now(UTC).isoformat()
        events = [
            {"event_id": f"{answer['decision_id']}-{ad['position']}-{kind}", "kind": kind, "ts": now, "decision_id": answer["decision_id"],
             "creative_id": ad["creative_id"]}
            for ad in answer["ads"] for kind in ("impression", "click")
        ]  # fmt: skip
        status, content = self._server.call("POST", "/v1/events", {"events": events})
        if status == 200 and json.loads(content)["accepted"] == len(events):
            self.acknowledged += [str(event["event_id"]) for event in events]


def test_kills_under_billing_load_lose_nothing_and_charge_nothing_twice(
    published_home: Home, killable: Callable[[Home, int], Server]
) -> None:
    acknowledged: list[str] = []
    for round_ in range(KILLS):
        server = killable(published_home, 2)
        customers = Customers(server, round_)
        hands = [threading.Thread(target=customers.run, args=(who,), daemon=True) for who in range(3)]
        for hand in hands:
            hand.start()
        while len(customers.acknowledged) < ACKNOWLEDGED * 4:
            time.sleep(0.01)
        os.killpg(server.process.pid, signal.SIGKILL)
        server.process.wait()
        customers.stop.set()
        for hand in hands:
            hand.join(300)
        acknowledged += customers.acknowledged
    server = killable(published_home, 1)  # its start settles what the last kill left
    os.killpg(server.process.pid, signal.SIGKILL)
    server.process.wait()

    log, ledger = SqliteEventLog(published_home.eventlog / "events.db"), SqliteLedger(published_home.state / "ledger.db")
    now = datetime.now(UTC)
    kept = [event for event, _ in log.events(now - timedelta(days=1), now + timedelta(days=1))]
    assert {*acknowledged} <= {event.event_id for event in kept}, "0 lost"
    due, seen = Counter[str](), Counter[tuple[str, str]]()
    kinds: dict[tuple[str, str], set[str]] = {}
    for event in kept:
        kinds.setdefault((event.decision_id, event.creative_id), set()).add(event.kind)
    for (decision_id, creative_id), happened in kinds.items():
        decision = log.decision(decision_id)
        assert decision is not None
        ad = next(ad for ad in decision.shown if ad.creative_id == creative_id)
        assert ad.price is not None
        due[ad.campaign_id] += ad.price.price_micros if happened == {"impression", "click"} else 0
        seen[decision.request.user_id, ad.campaign_id] += "impression" in happened
    days = {decision.date() for decision in (now - timedelta(days=1), now)}
    spent = {campaign: sum(int(ledger.spent([campaign], day)[0]) for day in days) for campaign in due}
    assert spent == dict(due), "0 uncharged, 0 double"
    exposed = {(user, c): sum(ledger.past(user, day, now).exposures.get(c, 0) for day in days) for user, c in seen}
    assert exposed == dict(seen), "0 exposures lost"
    assert log.unsettled() == []
    log.close()
    ledger.close()


def test_pages_asked_for_at_once_pass_no_cap_with_four_workers(
    published_home: Home, killable: Callable[[Home, int], Server], usual: dict[str, Any]
) -> None:
    snapshot = open_current(published_home.snapshots)
    arrays = {name: np.array(array) for name, array in snapshot.arrays.items()}
    arrays["campaign.cap"][:] = CAP
    set_current(published_home.snapshots, write_columns(published_home.snapshots, snapshot.as_of, arrays, len(snapshot)))
    server = killable(published_home, WORKERS)

    def ask(n: int) -> list[tuple[str, str]]:
        user = f"u{n % PEOPLE}"
        status, content = 503, b""
        while status == 503:  # all places of a worker's queue may be taken
            status, content = server.call("POST", "/v1/ads", {**usual, "user_id": user, "slots": 3})
        answer, now = json.loads(content), datetime.now(UTC).isoformat()
        events = [
            {"event_id": f"{answer['decision_id']}-{ad['position']}-{again}", "kind": "impression", "ts": now,
             "decision_id": answer["decision_id"], "creative_id": ad["creative_id"]}
            for ad in answer["ads"] for again in range(2)
        ]  # fmt: skip
        if events and n % 3:  # of the others nothing is told
            assert server.call("POST", "/v1/events", {"events": events})[0] == 200
        return [(user, ad["campaign_id"]) for ad in answer["ads"]]

    with ThreadPoolExecutor(12) as pool:
        shown = Counter(pair for page in pool.map(ask, range(ASKED)) for pair in page)
    assert max(shown.values()) == CAP, "as often as the cap allows, and never more"
    assert len({campaign for _, campaign in shown}) > 5, "others take the places of what has reached its cap"
