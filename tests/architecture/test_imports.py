"""How our own modules import each other: without cycles, at the top, and under the names that they have."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("feature_repo", "serving", "pipelines")
TORCH = ("pipelines.rankers.networks.", "pipelines.features.embeddings.tower")
"""What needs torch, which only the training environment has."""
Imports = Mapping[str, ast.Module]


def sources(root: Path = ROOT) -> Imports:
    """Every module of ours, by its dotted name."""
    paths = [path for package in PACKAGES for path in sorted((root / package).rglob("*.py"))]
    return {".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__"): ast.parse(path.read_text()) for path in paths}


def imported(node: ast.AST, modules: Imports) -> Iterator[str]:
    """Our own modules that one import statement brings."""
    if isinstance(node, ast.Import):
        yield from (a.name for a in node.names if a.name in modules)
    elif isinstance(node, ast.ImportFrom) and node.module:
        for a in node.names:
            full = f"{node.module}.{a.name}"
            if full in modules or node.module in modules:
                yield full if full in modules else node.module


def typing_only(tree: ast.Module) -> set[ast.AST]:
    """What stands under `if TYPE_CHECKING`."""
    guarded = [n for n in tree.body if isinstance(n, ast.If) and "TYPE_CHECKING" in ast.unparse(n.test)]
    return {inner for node in guarded for inner in ast.walk(node)}


COMMAND_LINE = ("pipelines.cli.", "pipelines.__main__")


def cycle(modules: Imports) -> list[str]:
    """The modules of one cycle among all imports, wherever they stand; empty where there is none."""
    graph = {name: {m for node in ast.walk(tree) for m in imported(node, modules) if m != name} for name, tree in modules.items()}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def hidden(modules: Imports) -> list[str]:
    """Imports of our own modules inside functions that have no reason to stand there."""
    found = []
    for name, tree in modules.items():
        if name.startswith(COMMAND_LINE):
            continue  # a verb imports its work when it is called: `--help` is quick
        allowed = {*tree.body, *typing_only(tree)}
        for node in ast.walk(tree):
            if node not in allowed:
                found += [f"{name} imports {m}" for m in imported(node, modules) if not m.startswith(TORCH)]
    return found


def public_classes_of_one_name(modules: Imports) -> dict[str, list[str]]:
    places: dict[str, list[str]] = {}
    for name, tree in modules.items():
        for node in tree.body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places.setdefault(node.name, []).append(name)
    return {name: where for name, where in places.items() if len(where) > 1}


def renamed(modules: Imports) -> list[str]:
    """Imports of ours under another name. A verb's function has the verb's name, so that pipelines/cli may call its work otherwise."""
    return [
        f"{name}: {ast.unparse(node)}"
        for name, tree in modules.items()
        if not name.startswith("pipelines.cli.")
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom) and any(imported(node, modules)) and any(a.asname for a in node.names)
    ]


@pytest.fixture(scope="module")
def ours() -> Imports:
    """Parsed once, and let go after the last test of this file."""
    return sources()


def test_no_import_cycle_not_even_a_hidden_one(ours: Imports) -> None:
    assert cycle(ours) == []


def test_our_own_modules_are_imported_at_the_top(ours: Imports) -> None:
    assert hidden(ours) == [], "only verbs, and what needs torch, import later"


def test_no_two_public_classes_have_one_name(ours: Imports) -> None:
    assert public_classes_of_one_name(ours) == {}


def test_no_import_needs_another_name(ours: Imports) -> None:
    assert renamed(ours) == [], "two things of one name: give one of them a better name"


def test_violations_are_seen(tmp_path: Path) -> None:
    """Else the tests above would pass for anything."""
    texts = {
        "serving/a.py": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from serving.b import B\nclass A: ...\n",
        "serving/b.py": "def late():\n    from serving import a\nclass B: ...\n",
        "pipelines/cli/verb.py": "def run():\n    from serving.b import B as Work\n",
        "pipelines/rankers/deep.py": "def fit():\n    from pipelines.rankers.networks.net import Net\n",
        "pipelines/rankers/networks/net.py": "import torch\nclass Net: ...\n",
        "pipelines/c.py": "from serving.b import B as Other\nclass A: ...\nclass _B: ...\n",
    }
    for name, text in texts.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    modules = sources(tmp_path)
    assert set(cycle(modules)) == {"serving.a", "serving.b"}
    assert hidden(modules) == ["serving.b imports serving.a"]
    assert public_classes_of_one_name(modules) == {"A": ["serving.a", "pipelines.c"]}
    assert renamed(modules) == ["pipelines.c: from serving.b import B as Other"]


def test_the_simulator_takes_vocabularies_from_the_taxonomy_and_no_list_that_a_feature_reads() -> None:
    """What a feature counts as informative, say, is the platform's guess; the market has an opinion of its own."""
    taken = {
        alias.name
        for name, tree in sources().items()
        if name.startswith("pipelines.simulator")
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module == "feature_repo.taxonomy"
        for alias in node.names
    }
    assert taken <= {"AGE_BANDS", "CATEGORIES", "DEVICES", "GENDERS", "INTENTS", "MATCH_TYPES", "OBJECTIVES", "SURFACES"}
