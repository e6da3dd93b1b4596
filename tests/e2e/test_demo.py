"""`placard demo`, small: logs in, the last day under the real scheduler, a served and explained ad out, nothing left running."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import psutil
import pytest

from pipelines.scheduling.airflow_home import PROGRAM

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]


def test_the_whole_story_in_small(tmp_path: Path, placard: Path) -> None:
    if not PROGRAM.exists():
        pytest.skip("there is no .venv-airflow: run `make install`")
    home = tmp_path / "placard"
    argv = [str(placard), "demo", "--users", "2500", "--creatives", "300", "--impressions", "80000", "--json"]
    done = subprocess.run(argv, env={**os.environ, "PLACARD_HOME": str(home)}, capture_output=True, text=True, timeout=1700, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    outcome = json.loads(done.stdout)["outcome"]
    assert len(outcome["seconds"]) == 6 and outcome["served"]["requests"] == 200 and outcome["served"]["shown"] > 200
    text = "\n".join(outcome["lines"])
    assert "@champion" in text and "@shadow" in text and "pCTR" in text and "micros per" in text and "quality score" in text
    for word in ("Report", "Data Docs"):
        path = next(line for line in outcome["lines"] if line.strip().startswith(word)).split()[-1]
        assert Path(path).is_file(), f"{word} names a page that is there"
    running = [p for p in psutil.process_iter(["environ"]) if (p.info["environ"] or {}).get("PLACARD_HOME", "") == str(home)]
    assert running == [], "nothing is left running"
