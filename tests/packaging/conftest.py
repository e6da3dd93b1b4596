"""A wheel built from the checkout as it is, and empty environments to install it into."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ("feature_repo", "serving", "pipelines", "dags", "pyproject.toml", "setup.py", "README.md", "LICENSE")
UV = ROOT / ".tools" / "bin" / "uv"


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy, without a network: what an earlier build left beside the sources must not come along."""
    sources, out = tmp_path_factory.mktemp("sources"), tmp_path_factory.mktemp("wheel")
    for name in SOURCES:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, sources / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / name, sources / name)
    code = f"from setuptools import build_meta; build_meta.build_wheel({str(out)!r})"
    subprocess.run([sys.executable, "-c", code], cwd=sources, check=True, capture_output=True)
    (built,) = out.glob("*.whl")
    return built


@pytest.fixture(scope="session")
def unpacked(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel's files, as an installation lays them."""
    folder = tmp_path_factory.mktemp("site")
    with zipfile.ZipFile(wheel) as files:
        files.extractall(folder)
    return folder


@dataclass(frozen=True)
class Installed:
    """An environment of its own that holds the wheel with an extra, and an empty folder to work in."""

    environment: Path
    folder: Path

    def run(self, *argv: str) -> subprocess.CompletedProcess[str]:
        """A program of that environment; it sees nothing of this one."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL_ENV", "PLACARD"))}
        program, *rest = argv
        return subprocess.run(
            [str(self.environment / "bin" / program), *rest],
            cwd=self.folder, env=kept | {"COLUMNS": "200", "NO_COLOR": "1"}, capture_output=True, text=True, check=False,
        )  # fmt: skip


@pytest.fixture(scope="session")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Installed]:
    """Installs the wheel with an extra into an empty environment; the registry's packages as they are locked."""

    def install(extra: str) -> Installed:
        if not UV.exists():
            pytest.skip("uv is not here: `make install` brings it")
        folder = tmp_path_factory.mktemp(f"with_{extra or 'nothing'}")
        environment = folder / "environment"
        (folder / "work").mkdir()
        subprocess.run([UV, "venv", "-q", "--python", sys.executable, environment], check=True)
        what = f"{wheel}[{extra}]" if extra else str(wheel)
        lock = ROOT / "requirements" / "platform.txt"
        subprocess.run([UV, "pip", "install", "-q", "--python", environment / "bin" / "python", "-c", lock, what], check=True)
        return Installed(environment, folder / "work")

    return install
