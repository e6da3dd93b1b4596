"""The bills of materials name what is locked."""

from __future__ import annotations

import json
import re
import subprocess

import pytest

from tests.packaging.conftest import ROOT, UV


@pytest.mark.slow
@pytest.mark.parametrize(("environment", "locks"), [("serving", ("serving",)), ("train", ("train", "torch", "peers"))])
def test_it_names_every_locked_package(environment: str, locks: tuple[str, ...]) -> None:
    if not UV.exists():
        pytest.skip("uv is not here: `make install` brings it")
    file = ROOT / "sbom" / f"{environment}.json"
    file.unlink(missing_ok=True)
    subprocess.run(["make", "-s", f"sbom/{environment}.json"], cwd=ROOT, check=True)
    bill = json.loads(file.read_text())
    assert bill["bomFormat"] == "CycloneDX"
    wanted = {
        pair
        for lock in locks
        for pair in re.findall(r"^([a-z0-9._-]+)(?:\[[^]]*\])?==([^ ;\\\n]+)", (ROOT / "requirements" / f"{lock}.txt").read_text(), re.M)
    }
    assert {(c["name"], c["version"]) for c in bill["components"]} == wanted and wanted
    assert str(ROOT) not in file.read_text()
