"""The wheel holds all that runs, says what it needs, and works where nothing else of ours is."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from email.parser import Parser
from importlib.metadata import version
from pathlib import Path

import pytest

from pipelines.scheduling.dags_folder import DAGS
from tests.packaging.conftest import ROOT, Installed

PACKAGES = ("feature_repo", "serving", "pipelines")


def metadata(unpacked: Path) -> tuple[dict[str, list[str]], Path]:
    (info,) = unpacked.glob("placard-*.dist-info")
    parsed = Parser().parsestr((info / "METADATA").read_text())
    return {name: parsed.get_all(name) or [] for name in set(parsed.keys())}, info


def test_every_file_of_the_packages_and_every_dag_is_in_it(unpacked: Path) -> None:
    kept = {
        p.relative_to(ROOT) for package in PACKAGES for p in (ROOT / package).rglob("*") if p.is_file() and "__pycache__" not in p.parts
    }
    assert [str(p) for p in sorted(kept) if not (unpacked / p).is_file()] == []
    assert {"feature_store.yaml", ".feastignore", "py.typed"} <= {p.name for p in kept}
    dags = {str(p.relative_to(ROOT / "dags")) for p in (ROOT / "dags").rglob("*") if p.is_file() and "__pycache__" not in p.parts}
    carried = unpacked / "pipelines" / "dags"
    assert {str(p.relative_to(carried)) for p in carried.rglob("*") if p.is_file()} == dags
    assert {".airflowignore", "placard_dags/tasks.py"} <= dags


def test_it_brings_no_package_but_ours(unpacked: Path) -> None:
    assert {p.name for p in unpacked.iterdir() if not p.name.endswith(".dist-info")} == set(PACKAGES)


def test_every_package_is_typed(unpacked: Path) -> None:
    assert all((unpacked / package / "py.typed").is_file() for package in PACKAGES)


def test_it_says_what_it_needs_and_under_which_licence(unpacked: Path) -> None:
    said, info = metadata(unpacked)
    assert said["License-Expression"] == ["Apache-2.0"]
    assert (info / "licenses" / "LICENSE").read_text() == (ROOT / "LICENSE").read_text()
    assert {"serving", "platform", "train"} <= set(said["Provides-Extra"])
    bare = [line for line in said["Requires-Dist"] if "extra ==" not in line]
    assert bare and all(">=" in line and "<" in line for line in bare), "bounded on both sides"
    assert (info / "entry_points.txt").read_text().split() == ["[console_scripts]", "placard", "=", "pipelines.__main__:main"]


def test_the_licence_is_the_apache_licence() -> None:
    text = (ROOT / "LICENSE").read_text()
    assert "Apache License" in text and "Version 2.0, January 2004" in text and "END OF TERMS AND CONDITIONS" in text


OF_EXTRAS = ("catboost", "duckdb", "faiss", "fastapi", "feast", "ibis", "lightgbm", "mlflow", "onnx", "onnxruntime", "PIL", "redis",
             "scipy", "sklearn", "starlette", "torch", "uvicorn", "xgboost")  # fmt: skip


@dataclass(frozen=True)
class Answer:
    status: int
    out: str
    err: str


@pytest.fixture(scope="module")
def without_extras(unpacked: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Answer]:
    """What the wheel's own command answers, by the words of a call, where the packages of the extras are as if not installed. One process
    makes all the calls: starting takes the longest."""
    calls = ["--help", "config show --json", "dags path", "dags path --json", "simulate --days 1", "serve --port 0"]
    code = (
        "import io, json, sys\n"
        "from contextlib import redirect_stderr, redirect_stdout\n"
        "class Hidden:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        f"        if name.split('.')[0] in {OF_EXTRAS!r}: raise ModuleNotFoundError(f'No module named {{name!r}}', name=name)\n"
        "sys.meta_path.insert(0, Hidden())\n"
        "from pipelines.__main__ import main\n"
        "answers = {}\n"
        f"for words in {calls!r}:\n"
        "    sys.argv, out, err, status = ['placard', *words.split()], io.StringIO(), io.StringIO(), 0\n"
        "    with redirect_stdout(out), redirect_stderr(err):\n"
        "        try: main()\n"
        "        except SystemExit as end: status = end.code or 0\n"
        "    answers[words] = [status, out.getvalue(), err.getvalue()]\n"
        "print(json.dumps(answers))\n"
    )
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PLACARD")}
    done = subprocess.run(
        [sys.executable, "-P", "-c", code],
        cwd=tmp_path_factory.mktemp("empty"), env=kept | {"PYTHONPATH": str(unpacked), "COLUMNS": "200", "NO_COLOR": "1"},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    answers = json.loads(done.stdout)
    return lambda words: Answer(*answers[words])


def test_the_dags_of_the_wheel_are_found(unpacked: Path, without_extras: Callable[[str], Answer]) -> None:
    folder = str(unpacked / "pipelines" / "dags")
    assert without_extras("dags path").out.split() == [folder]
    assert json.loads(without_extras("dags path --json").out) == {"path": folder}


def test_the_dags_of_a_checkout_are_its_own() -> None:
    assert DAGS == ROOT / "dags"


def test_without_any_extra_the_command_starts(without_extras: Callable[[str], Answer]) -> None:
    asked = without_extras("--help")
    assert asked.status == 0 and "simulate" in asked.out
    assert {"name", "value", "origin", "meaning"} <= set(json.loads(without_extras("config show --json").out)["settings"][0])


@pytest.mark.parametrize(("words", "extra"), [("simulate --days 1", "platform"), ("serve --port 0", "serving")])
def test_a_verb_that_lacks_a_package_names_the_extra_that_brings_it(
    without_extras: Callable[[str], Answer], words: str, extra: str
) -> None:
    refused = without_extras(words)
    assert refused.status == 4
    assert f"pip install 'placard[{extra}]'" in " ".join(refused.err.split())
    assert "Traceback" not in refused.err


@pytest.mark.slow
def test_installed_alone_it_starts_and_says_what_is_missing(installed: Callable[[str], Installed]) -> None:
    bare = installed("")
    asked = bare.run("python", "-c", "from importlib.metadata import version; print(version('placard'))")
    assert asked.stdout.strip() == version("placard"), asked.stderr
    assert "simulate" in bare.run("placard", "--help").stdout
    dags = Path(bare.run("placard", "dags", "path").stdout.strip())
    assert dags.is_relative_to(bare.environment) and (dags / "features_daily.py").is_file()
    told = json.loads(bare.run("placard", "doctor", "--json").stdout)
    (extras,) = (check for check in told["checks"] if check["name"] == "extras")
    assert "feast" in extras["seen"] and "placard[serving]" in extras["fix"] and "placard[platform]" in extras["fix"]
    refused = bare.run("placard", "simulate", "--days", "1")
    assert refused.returncode == 4 and "placard[platform]" in refused.stderr and "Traceback" not in refused.stderr


@pytest.mark.slow
def test_with_the_extra_serving_every_module_of_serving_is_there(installed: Callable[[str], Installed]) -> None:
    serving = installed("serving")
    code = (
        "import pkgutil, importlib, serving, feature_repo\n"
        "for package in (serving, feature_repo):\n"
        "    for module in pkgutil.walk_packages(package.__path__, package.__name__ + '.'):\n"
        "        if module.name != 'feature_repo.definitions': importlib.import_module(module.name)\n"
        "from feature_repo.feast_store import open_store\n"
        "from serving.settings import load\n"
        "print(open_store(load().home).project)\n"
    )
    done = serving.run("python", "-c", code)
    assert done.stdout.strip().endswith("placard"), done.stderr


@pytest.mark.slow
def test_with_the_extra_platform_it_simulates_and_builds(installed: Callable[[str], Installed]) -> None:
    platform = installed("platform")
    sizes = ("--days", "2", "--users", "200", "--creatives", "40", "--impressions", "2000", "--json")
    made = platform.run("placard", "simulate", "--start", "2026-01-01", *sizes)
    assert made.returncode == 0, made.stderr
    built = platform.run("placard", "features", "build", "--partition", "2026-01-02", "--table", "ad_creative")
    assert built.returncode == 0, built.stderr
    assert list((platform.folder / ".placard").rglob("*.parquet"))
