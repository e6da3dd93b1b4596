"""The whole loop on a real log: TalkingData's ad clicks and installs, to a calibrated conversion ranker and a served slate."""

from __future__ import annotations

import csv
import http.client
import json
import os
import subprocess
import time
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

pytestmark = [pytest.mark.real, pytest.mark.slow, pytest.mark.timeout(1800)]
DAY = "2017-11-09"


class Platform:
    """A fresh platform, worked by its verbs."""

    def __init__(self, root: Path, command: Path) -> None:
        self.root, self._command = root, command
        self.environment = {**os.environ, "PLACARD_HOME": str(root), "PLACARD_PORT": "0", "PLACARD_CONSENT_WHEN_ABSENT": "given"}
        self.environment["PLACARD_EXPLORE_SHARE"] = "0"  # a drawn page is sold at the floor, which is 0 here

    def __call__(self, *words: str) -> dict[str, Any]:
        argv = [str(self._command), *words, "--json"]
        done = subprocess.run(argv, env=self.environment, capture_output=True, text=True, timeout=900, check=False)
        assert done.returncode == 0, f"placard {' '.join(words)}: {done.stderr[-2000:]}"
        return dict(json.loads(done.stdout.splitlines()[-1]))

    def ask(self, body: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        """A served slate and its explanation."""
        ready = self.root / "url"
        server = subprocess.Popen([str(self._command), "serve", "--ready-file", str(ready)], env=self.environment)
        try:
            deadline = time.monotonic() + 300
            while not ready.exists() or not ready.read_text():
                assert server.poll() is None and time.monotonic() < deadline, "it did not get ready"
                time.sleep(0.1)
            at = urlsplit(ready.read_text().strip())
            with closing(http.client.HTTPConnection(at.hostname or "", at.port, timeout=120)) as connection:
                connection.request("POST", "/v1/ads", json.dumps(body), {"content-type": "application/json"})
                slate = json.loads(connection.getresponse().read())
                connection.request("GET", f"/v1/decisions/{slate['decision_id']}/why")
                return slate, json.loads(connection.getresponse().read())
        finally:
            server.terminate()
            server.wait(120)


def fewer_people(log: Path, place: Path) -> int:
    """Writes the clicks of everybody who installed an app and of each third address of the others, who are nearly all and from whom no
    more is learned; gives how many clicks that are."""
    with log.open(newline="") as file:
        first, *rows = csv.reader(file)
    address, installed = first.index("ip"), first.index("is_attributed")
    installers = {row[address] for row in rows if row[installed] == "1"}
    kept = [row for row in rows if row[address] in installers or int(row[address]) % 3 == 0]
    with place.open("w", newline="") as file:
        csv.writer(file).writerows([first, *kept])
    return len(kept)


def test_from_real_clicks_to_a_served_slate(tmp_path: Path, placard: Path, real_logs: Path) -> None:
    log = real_logs / "talkingdata" / "train_sample_to_70pct.csv"
    if not log.exists():
        pytest.skip(f"{log} is not here")
    run = Platform(tmp_path / "placard", placard)
    clicks = fewer_people(log, tmp_path / "clicks.csv")
    assert run("ingest", "talkingdata", str(tmp_path / "clicks.csv"))["kept"] == clicks > 20_000
    run("features", "history", "--from", "2017-11-06", "--to", DAY)
    run("train", "--partition", DAY, "--head", "conversion", "--test-share", "0.3")
    figures = {f["name"]: f["value"] for f in run("evaluate", "--partition", DAY, "--head", "conversion")["figures"]}
    assert figures["roc_auc"] >= 0.95
    assert figures["xgboost.roc_auc.low"] < figures["roc_auc"] < figures["xgboost.roc_auc.high"]
    assert figures["xgboost.calibration_ratio.low"] <= 1 <= figures["xgboost.calibration_ratio.high"]
    assert figures["logistic baseline.roc_auc"] >= 0.94, "the baseline is a fair one"
    run("registry", "register", "--partition", DAY, "--head", "conversion")
    run("promote", "conversion")
    slate, why = run.ask({"surface": "proactive", "user_id": "somebody-new", "slots": 2, "tmax_ms": 60_000})
    assert slate["policy"] == "conversion@1" and len(slate["ads"]) == 2
    assert all(ad["price_micros"] > 0 and ad["charged_on"] == "conversion" for ad in slate["ads"])
    assert all(ad["contributions"] and "pCVR" in ad["score"] for ad in why["ads"])
