"""What the distribution declares, what the environments are locked to, and what the code imports agree."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from pipelines.operations.extras import distribution_of
from tests.packaging.conftest import ROOT

REQUIREMENTS = ROOT / "requirements"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
PACKAGES = ("feature_repo", "serving", "pipelines")
LOCKED_IN = {"": ("serving",), "serving": ("serving",), "platform": ("platform",), "spark": ("platform",), "train": ("train", "torch")}
"""Extra → the files that lock the environment which has it; "" is what every installation has."""
HOLDS = {"": ("",), "serving": ("", "serving"), "platform": ("", "serving", "platform"), "train": ("", "serving", "platform", "train")}
"""Extra → those that come with it."""
NEEDS_TORCH = ("pipelines/rankers/networks/", "pipelines/features/embeddings/tower.py")
FOR_BENCH_RANKERS = {"torch-rechub"}
"""Peers are no dependency: `make peers` installs them where rankers are compared with them."""


def declared(extra: str) -> list[Requirement]:
    lines = PROJECT["optional-dependencies"][extra] if extra else PROJECT["dependencies"]
    return [r for r in map(Requirement, lines) if r.name != "placard"]


def locked(*names: str) -> dict[str, str]:
    text = "\n".join((REQUIREMENTS / f"{name}.txt").read_text() for name in names)
    return dict(re.findall(r"^([a-z0-9._-]+)(?:\[[^]]*\])?==([^ ;\\\n]+)", text, re.MULTILINE))


def asked(name: str) -> dict[str, Requirement]:
    """The lines of an .in file, with those of the files that it includes."""
    out: dict[str, Requirement] = {}
    for line in (REQUIREMENTS / f"{name}.in").read_text().splitlines():
        if line.startswith("-r "):
            out |= asked(line.removeprefix("-r ").removesuffix(".in"))
        elif line and not line.startswith("#"):
            requirement = Requirement(line)
            out[canonicalize_name(requirement.name)] = requirement
    return out


def test_every_extra_is_held_against_a_lock() -> None:
    assert set(LOCKED_IN) == {"", *PROJECT["optional-dependencies"]}


@pytest.mark.parametrize("extra", LOCKED_IN)
def test_bounds_admit_what_is_locked(extra: str) -> None:
    versions = locked(*LOCKED_IN[extra])
    for requirement in declared(extra):
        name = canonicalize_name(requirement.name)
        assert name in versions, f"{name} of the extra {extra or 'base'!r} is locked in none of {LOCKED_IN[extra]}"
        assert requirement.specifier.contains(versions[name], prereleases=True), f"{requirement} does not admit {versions[name]}"
        operators = {s.operator for s in requirement.specifier}
        assert operators == {">=", "<"}, f"{requirement}: bounded on both sides, and not to one version"


def test_what_is_declared_is_asked_for_by_name() -> None:
    """A dependency that is locked only because another one needs it would go when that one does."""
    for extra, name in (("", "serving"), ("serving", "serving"), ("platform", "platform"), ("spark", "platform"), ("train", "train")):
        named = {canonicalize_name(r.name): r for r in declared(extra)}
        wanted = asked(name) | {canonicalize_name("torch"): Requirement((REQUIREMENTS / "torch.txt").read_text().strip())}
        assert named.keys() <= wanted.keys(), f"add to requirements/{name}.in: {named.keys() - wanted.keys()}"
        for dependency, requirement in named.items():
            assert requirement.extras <= wanted[dependency].extras


def test_serving_declares_all_that_its_environment_asks_for() -> None:
    names = {canonicalize_name(r.name) for extra in ("", "serving") for r in declared(extra)}
    assert names == set(asked("serving"))


def imports(path: Path) -> Iterator[tuple[str, bool]]:
    """Top-level names of the third-party modules that a file imports, and whether it does so only when something is called."""

    def walk(node: ast.AST, called: bool) -> Iterator[tuple[str, bool]]:
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            return
        if isinstance(node, ast.Import):
            yield from ((alias.name, called) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield str(node.module), called
        for child in ast.iter_child_nodes(node):
            yield from walk(child, called or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))

    for name, called in walk(ast.parse(path.read_text()), False):
        top = name.partition(".")[0]
        if top not in sys.stdlib_module_names and top not in PACKAGES:
            yield top, called


def extra_for(file: str, called: bool) -> str:
    """The extra that must bring what a file imports. Verbs import their work when they are called, so their files need no extra."""
    if file == "feature_repo/whole_registry_store.py":
        return "serving"  # Feast itself imports it, by its name
    if file == "feature_repo/asof_store.py":
        return "platform"  # Feast imports this one too; it joins for the factory, and serving has its imports by `feast[duckdb]`
    if file.startswith("feature_repo/"):
        return "platform" if called else ""  # tables are built by the factory and read by serving
    if file.startswith("serving/"):
        return "" if file in ("serving/settings.py", "serving/room_settings.py") else "serving"
    if called or file.startswith(NEEDS_TORCH):
        return "train"
    return "" if file.startswith(("pipelines/cli/", "pipelines/__main__.py", "pipelines/scheduling/dags_folder.py")) else "platform"


def test_what_is_imported_is_declared() -> None:
    undeclared = []
    for path in (p for package in PACKAGES for p in sorted((ROOT / package).rglob("*.py"))):
        file = path.relative_to(ROOT).as_posix()
        for name, called in imports(path):
            extra = extra_for(file, called)
            have = {canonicalize_name(r.name) for e in HOLDS[extra] for r in declared(e)} | (
                FOR_BENCH_RANKERS if extra == "train" else set()
            )
            if distribution_of(name) not in have:
                undeclared.append(f"{file} imports {name}: {distribution_of(name)} is not in the extra {extra or 'base'!r}")
    assert undeclared == []


LOCKS = sorted(p.name for p in REQUIREMENTS.glob("*.txt") if p.name != "torch.txt")


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_holds_hashes_and_names_no_place(name: str) -> None:
    text = (REQUIREMENTS / name).read_text()
    assert locked(name.removesuffix(".txt"))
    for block in re.split(r"\n(?=[a-zA-Z0-9])", text.strip()):
        assert re.match(r"[a-z0-9._-]+(\[[^]]*\])?==\S+.* \\\n", block) and "--hash=sha256:" in block, block.splitlines()[0]
    assert not re.search(r"://|^--|find-links|index-url|(?<!\S)/|file:", text, re.MULTILINE)


def test_torch_is_pinned_by_version_alone() -> None:
    assert re.fullmatch(r"torch==[0-9.]+\n", (REQUIREMENTS / "torch.txt").read_text())
    assert "torch" not in locked("train")


def test_whatever_is_installed_from_a_lock_must_have_its_hash() -> None:
    lines = [line for line in (ROOT / "Makefile").read_text().splitlines() if re.search(r"-r requirements/\S+\.txt", line)]
    assert len(lines) >= 5
    for line in lines:
        assert ("--require-hashes" in line) != ("requirements/torch.txt" in line), line
