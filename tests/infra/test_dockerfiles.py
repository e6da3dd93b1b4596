"""The images: pinned bases, the locked requirements with their hashes, run by nobody in particular, and no more in them than is needed."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from serving.settings import FIELDS, variable
from tests.infra.dockerfile import DOCKERFILES, ROOT, stages
from tests.verb_line import parse_as_verb

LOCKS = {"serving": ("build", "serving"), "platform": ("build", "platform"), "airflow": ("build", "platform", "airflow")}
OTHER_VARIABLES = {"PLACARD_COMMAND"}
"""What dags/placard_dags/tasks.py reads in Airflow's environment."""


def name_of(path: Path) -> str:
    return path.name.removesuffix(".Dockerfile")


def test_there_is_one_for_each_environment() -> None:
    assert {name_of(path) for path in DOCKERFILES} == set(LOCKS)


@pytest.mark.parametrize("path", DOCKERFILES, ids=name_of)
def test_bases_are_pinned_to_a_release(path: Path) -> None:
    own = {stage.name for stage in stages(path)}
    bases = [stage.image for stage in stages(path) if stage.image not in own]
    assert bases and all(re.fullmatch(r"python:3\.11\.\d+-slim-bookworm", base) for base in bases)


@pytest.mark.parametrize("path", DOCKERFILES, ids=name_of)
def test_what_is_copied_exists_and_is_let_through(path: Path) -> None:
    """.dockerignore leaves everything out but what it names."""
    let = {line.removeprefix("!") for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    copied = 0
    for stage in stages(path):
        for rest in stage.all("COPY"):
            *sources, _ = [word for word in shlex.split(rest) if not word.startswith("--")]
            if "--from=" in rest:
                continue
            for source in sources:
                assert (ROOT / source).exists(), source
                assert source.split("/")[0] in let, f"{source} is ignored by .dockerignore"
                copied += 1
    assert copied >= 8


@pytest.mark.parametrize("path", DOCKERFILES, ids=name_of)
def test_nothing_is_installed_without_its_hash(path: Path) -> None:
    installs = [line for stage in stages(path) for run in stage.all("RUN") for line in run.split("&&") if "install" in line]
    locked = [line for line in installs if "--require-hashes" in line]
    assert {m for line in locked for m in re.findall(r"/requirements/(\w+)\.txt", line)} == set(LOCKS[name_of(path)])
    assert all("--no-deps" in line for line in locked), "pip would look for `sqlalchemy[mypy]`, which the lock has under its own name"
    rest = [line for line in installs if line not in locked]
    assert len(rest) == 1 and "--no-deps /wheel/*.whl" in rest[0], "our own wheel, which is built without fetching anything"
    assert any("pip wheel --no-deps --no-build-isolation" in run for stage in stages(path) for run in stage.all("RUN"))


@pytest.mark.parametrize("path", DOCKERFILES, ids=name_of)
def test_nobody_in_particular_runs_it(path: Path) -> None:
    last = stages(path)[-1]
    assert [int(n) for n in last.all("USER")[-1].split(":")] == [10001, 10001], "numbers: Kubernetes checks runAsNonRoot by them"
    after = [i.word for i in last.instructions[[i.word for i in last.instructions].index("USER") :]]
    assert not {"RUN", "COPY", "ADD"} & set(after)
    assert "HOME=/tmp" in last.all("ENV")[0], "whatever a library keeps goes where it may be written"


@pytest.mark.parametrize("path", DOCKERFILES, ids=name_of)
def test_what_it_sets_are_settings(path: Path) -> None:
    known = {variable(name) for name in FIELDS} | OTHER_VARIABLES
    named = set(re.findall(r"\b(PLACARD_\w+)=", path.read_text()))
    assert "PLACARD_HOME" in named and named <= known


def test_the_serving_image_has_no_trainer_no_registry_and_no_scheduler() -> None:
    text = (ROOT / "requirements" / "serving.txt").read_text()
    locked = set(re.findall(r"^([a-z0-9._-]+)(?:\[[^]]*\])?==", text, re.MULTILINE))
    assert locked and not locked & {"torch", "mlflow", "mlflow-skinny", "apache-airflow", "apache-airflow-core", "pyspark", "pytest"}
    path = next(p for p in DOCKERFILES if name_of(p) == "serving")
    assert "platform.txt" not in path.read_text() and "apt-get" not in path.read_text()


@pytest.mark.parametrize("path", [p for p in DOCKERFILES if name_of(p) != "airflow"], ids=name_of)
def test_what_it_runs_is_a_verb(path: Path) -> None:
    last = stages(path)[-1]
    assert last.argv("ENTRYPOINT") == ["placard"]
    parse_as_verb(last.argv("CMD"))


def test_the_serving_image_says_whether_it_is_alive() -> None:
    """At the address of the liveness route, on the port that it sets and exposes."""
    last = stages(next(p for p in DOCKERFILES if name_of(p) == "serving"))[-1]
    (check,) = last.all("HEALTHCHECK")
    assert "/healthz" in check and "PLACARD_PORT" in check
    compile(last.argv("HEALTHCHECK")[-1], "healthcheck", "exec")
    assert last.all("EXPOSE") == re.findall(r"PLACARD_PORT=(\d+)", last.all("ENV")[0])
