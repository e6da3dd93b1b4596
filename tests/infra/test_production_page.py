"""The page "Run in production": its local part runs, and what it names of `infra/` is there."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

from tests.conftest import absent
from tests.infra.dockerfile import ROOT
from tests.infra.helm_template import helm_template
from tests.infra.test_compose import ASKED, FILE

PAGE = ROOT / "docs" / "how-to" / "run-in-production.md"
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)
CONSOLE = "\n".join(text for language, text in BLOCKS if language == "console").replace("\\\n", " ")


def test_the_local_part_runs(tmp_path: Path) -> None:
    if shutil.which("promtool") is None:
        absent("promtool", "apt-get install prometheus")
    local = [text for language, text in BLOCKS if language == "bash"]
    assert len(local) >= 4
    home = tmp_path / "home"
    home.mkdir()
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PLACARD_")}
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    environment = kept | {"PATH": path, "PLACARD_HOME": str(home), "NO_COLOR": "1", "COLUMNS": "160", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(["bash", "-euo", "pipefail", "-c", "\n".join(local)], cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    assert "consent_when_absent = refused" in done.stdout
    made = dict(line.split("=", 1) for line in (home / "production.env").read_text().splitlines())
    assert (home / "production.env").stat().st_mode & 0o077 == 0
    assert set(made) == {m[1] for m in ASKED.finditer(FILE.read_text()) if m[2] == "?"}, "what compose asks for"
    assert all(len(made[name]) >= 32 for name in made if name != "PLACARD_CONSENT_WHEN_ABSENT")
    plan = yaml.safe_load((home / "plans" / "launch" / "values-eu.yaml").read_text())
    (rendered,) = helm_template(plan | {"consentWhenAbsent": "refused"})
    assert rendered.objects and not rendered.refused, "the plan's values are the chart's"


def test_the_secret_has_the_keys_that_the_chart_reads() -> None:
    secrets: dict[str, Any] = yaml.safe_load((ROOT / "infra" / "helm" / "placard" / "values.yaml").read_text())["secrets"]
    assert f"generic {secrets['name']} " in CONSOLE
    assert set(re.findall(r"--from-literal=([a-z-]+)=", CONSOLE)) == {*secrets.values()} - {secrets["name"], ""}


def test_the_values_that_are_set_are_the_charts() -> None:
    values: dict[str, Any] = {}
    named = dict(re.findall(r"--set (\S+?)=(\S+)", CONSOLE))
    assert len(named) >= 5
    for name, value in named.items():
        *folders, last = name.split(".")
        at = values
        for folder in folders:
            at = at.setdefault(folder, {})
        at[last] = "sha256:" + "0" * 64 if last == "digest" else value
    (rendered,) = helm_template(values)
    (api,) = rendered.all("Deployment", "api")
    assert api["spec"]["template"]["spec"]["containers"][0]["image"] == "$REGISTRY/placard-serving@sha256:" + "0" * 64


def test_files_that_commands_name_are_there() -> None:
    named = re.findall(r"infra/[\w./-]+", CONSOLE)
    assert len(named) >= 3 and all((ROOT / name).exists() for name in named)
    services = re.findall(r"exec ([a-z-]+) ", CONSOLE)
    assert services and set(services) <= set(yaml.safe_load(FILE.read_text())["services"])
