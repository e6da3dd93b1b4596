"""Which sources make a world, and a hash of them."""

from __future__ import annotations

import ast
import hashlib
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
OURS = ("feature_repo", "serving", "pipelines")
LOCK = "requirements/platform.txt"


def content(maker: str, root: Path = ROOT) -> str:
    """A hash of the maker, of all modules of ours that it imports (directly or not), of the data files beside them, of the lock of the
    libraries and of the Python version."""
    found = hashlib.sha256(sys.version.encode())
    for path in [*sorted(modules(maker, root)), *data_files(root), root / LOCK]:
        found.update(f"{path.relative_to(root)} {len(path.read_bytes())} ".encode() + path.read_bytes())
    return found.hexdigest()[:24]


def modules(maker: str, root: Path = ROOT) -> set[Path]:
    """The files of the maker and of everything that it imports from this repository, at the top of a module or inside a function. A
    module that imports by a name made at run time may import anything: then every module of ours counts."""
    seen: set[Path] = set()
    waiting = list(_files(maker, root))
    while waiting:
        path = waiting.pop()
        if path in seen:
            continue
        seen.add(path)
        for name in _imported(path, root):
            waiting += _files(name, root) if name else [p for ours in OURS for p in (root / ours).rglob("*.py")]
    return seen


def data_files(root: Path = ROOT) -> list[Path]:
    """What our packages hold beside Python."""
    files = (p for ours in OURS for p in (root / ours).rglob("*") if p.is_file())
    return sorted(p for p in files if p.suffix not in (".py", ".pyc"))


def _files(name: str, root: Path) -> Iterator[Path]:
    """The files that importing `name` runs: its packages' and its own. A name in a module gives the module's file."""
    parts = name.split(".")
    for n in range(1, len(parts) + 1):
        base = root.joinpath(*parts[:n])
        for path in (base / "__init__.py", base.with_suffix(".py")):
            if path.is_file():
                yield path


@cache
def _imported(path: Path, root: Path) -> frozenset[str]:
    """Every name that a module imports, the names of a from-import with their module's; "" stands for one that is made at run time."""
    names = set()
    package = path.parent.relative_to(root).parts
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else ()
            module = ".".join((*above, *([node.module] if node.module else [])))
            names |= {f"{module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Name | ast.Attribute) and getattr(node, "id", getattr(node, "attr", "")) in (
            "import_module",
            "__import__",
        ):
            names.add("")
    return frozenset(names)
