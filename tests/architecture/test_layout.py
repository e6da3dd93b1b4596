"""The house rules that a machine can check."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from feature_repo.catalog import CATALOG
from feature_repo.events import EVENTS
from feature_repo.services import HEADS
from feature_repo.tables import TABLES

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("feature_repo", "serving", "pipelines")
STAGES = ("understanding", "sourcing", "recall", "integrity", "precision", "delivery")
LONG_FOR_A_REASON: dict[str, str] = {}
"""Files over 300 lines and why; keep it empty."""


def modules(*folders: str) -> Iterator[Path]:
    for folder in folders:
        yield from sorted((ROOT / folder).rglob("*.py"))


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def imported(path: Path) -> Iterator[str]:
    """The modules that a file imports, wherever it does."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (a.name for a in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""


def strings(tree: ast.AST) -> Iterator[tuple[str, int]]:
    """String constants that are not docstrings."""
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and node.body and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            yield node.value, node.lineno


def test_no_file_is_named_after_nothing() -> None:
    nameless = [relative(p) for p in modules(*PACKAGES, "dags") if p.stem in {"utils", "util", "helpers", "common", "misc"}]
    assert nameless == [], "if it has no noun, it has no home yet"


def test_files_stay_short() -> None:
    long = {relative(p): n for p in modules(*PACKAGES, "dags") if (n := len(p.read_text().splitlines())) > 300}
    assert set(long) == set(LONG_FOR_A_REASON), f"over 300 lines without a reason: {long}"


def test_dags_are_wiring_only() -> None:
    allowed = {
        "airflow.sdk",
        "__future__",
        "datetime",
        "pathlib",
        "os",
        "sys",
        "typing",
        "collections",
        "json",
        "urllib",
        "re",
        "placard_dags",
    }
    optional = {"airflow.sdk.exceptions", "airflow.providers.smtp.hooks.smtp"}
    for path in modules("dags"):
        shared = path.parent.name == "placard_dags"
        assert shared or len(path.read_text().splitlines()) < 80, f"{relative(path)} has 80 lines or more"
        for name in imported(path):
            root = name.split(".")[0]
            assert name in allowed or root in allowed - {"airflow.sdk"} or (shared and name in optional), f"{relative(path)} imports {name}"


@pytest.mark.parametrize("stage", STAGES)
def test_a_component_file_is_named_after_its_class(stage: str) -> None:
    for path in modules(f"serving/{stage}"):
        if path.stem == "__init__":
            continue
        classes = [n.name for n in ast.parse(path.read_text()).body if isinstance(n, ast.ClassDef) and n.name[0] != "_"]
        if not classes:
            continue  # pure functions that a component uses
        snake = {re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower() for name in classes}
        assert path.stem in snake, f"{relative(path)} defines {classes}; one of them must be named after the file"


def test_feature_names_stand_in_the_feature_repository_only() -> None:
    columns = {name for schema in (*EVENTS.values(), *CATALOG.values()) for name in schema.names}
    features = {name for table in TABLES for name in table.names} - columns
    assert features
    found = [
        f"{relative(path)}:{line} {text!r}"
        for path in modules("serving", "pipelines", "dags")
        for text, line in strings(ast.parse(path.read_text()))
        if text in features
    ]
    assert found == [], "name features through their table: FeatureTable.feature(...), ModelInput.columns"


def test_only_settings_reads_the_environment() -> None:
    readers = []
    for path in modules(*PACKAGES):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Attribute) and node.attr in {"environ", "getenv"} and relative(path) != "serving/settings.py":
                readers.append(f"{relative(path)}:{getattr(node, 'lineno', 0)}")
    assert readers == [], "read it through serving.settings"


def test_only_the_registry_imports_mlflow() -> None:
    """Four modules of one room, of which MLflow itself runs the last; the bench measures the naive way against ours."""
    room = {f"pipelines/registry/{name}.py" for name in ("mlflow_store", "mlflow_runs", "mlflow_models", "logged_bundle")}
    allowed = {*room, "pipelines/bench/serving/naive.py"}
    importers = set()
    for path in modules(*PACKAGES):
        if any(name.split(".")[0] == "mlflow" for name in imported(path)):
            importers.add(relative(path))
    assert importers <= allowed, "mlflow has one door: pipelines/registry"


def test_nothing_is_pickled() -> None:
    picklers = [
        f"{relative(path)}:{node.lineno}"
        for path in modules(*PACKAGES)
        for node in ast.walk(ast.parse(path.read_text()))
        if (isinstance(node, ast.Import) and any(a.name in {"pickle", "joblib", "dill", "cloudpickle"} for a in node.names))
        or (isinstance(node, ast.ImportFrom) and node.module in {"pickle", "joblib", "dill", "cloudpickle"})
    ]
    assert picklers == [], "bundles are UBJ, ONNX and JSON"


def test_one_module_replaces_files() -> None:
    """Synced, hidden until whole, never shared between writers: that is said once."""
    renamers = {
        f"{relative(path)}:{node.lineno}"
        for path in modules(*PACKAGES, "dags")
        if relative(path) != "feature_repo/whole_file.py"
        for node in ast.walk(ast.parse(path.read_text()))
        if (
            isinstance(node, ast.Attribute)
            and (
                (node.attr in {"replace", "rename", "renames", "fsync"} and getattr(node.value, "id", "") == "os")
                or (node.attr == "move" and getattr(node.value, "id", "") == "shutil")
            )
        )
        or (isinstance(node, ast.ImportFrom) and node.module == "os" and {a.name for a in node.names} & {"replace", "rename", "fsync"})
    }
    assert renamers == set(), "replace a file or folder with feature_repo.whole_file"


@pytest.mark.parametrize("folder", ["pipelines/demo", "pipelines/bench", "pipelines/closed_loop", "tests/e2e"])
def test_who_imitates_traffic_uses_no_prediction_and_no_truth(folder: str) -> None:
    """Visitors whose clicks come from the ranker's own predictions would confirm it to itself: what happened to a shown ad is asked of
    pipelines.simulator.audience alone."""
    predictions, secrets = {"pctr", "pcvr"}, {f"pipelines.simulator.{name}" for name in ("truth", "chances", "clicks", "engagement")}
    for path in modules(folder):
        tree = ast.parse(path.read_text())
        assert secrets.isdisjoint(imported(path)), relative(path)
        named = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)} | {text for text, _ in strings(tree)}
        assert predictions.isdisjoint(named), f"{relative(path)} reads a prediction"


def test_the_heads_are_listed_once() -> None:
    """Rankers' heads; `dags/` may import nothing of ours, so its list is compared instead."""

    def assigned(path: Path) -> list[ast.expr]:
        nodes = ast.walk(ast.parse(path.read_text()))
        return [
            n.value
            for n in nodes
            if isinstance(n, ast.Assign | ast.AnnAssign)
            and n.value is not None
            and any(getattr(t, "id", "") == "HEADS" for t in (n.targets if isinstance(n, ast.Assign) else [n.target]))
        ]

    assert [relative(p) for p in modules(*PACKAGES) if assigned(p)] == ["feature_repo/services.py"]
    assert list(ast.literal_eval(assigned(ROOT / "dags" / "rankers_daily.py")[0])) == list(HEADS)


def test_every_verb_has_a_module_and_the_other_way_round() -> None:
    from pipelines.__main__ import VERBS

    registers = {p.stem for p in modules("pipelines/cli") if re.search(r"^def register\(app", p.read_text(), re.MULTILINE)}
    assert registers == set(VERBS)


def test_the_daily_training_offers_every_ranker() -> None:
    from pipelines.rankers import RANKERS
    from pipelines.training.choice import AUTO

    tree = ast.parse((ROOT / "dags" / "rankers_daily.py").read_text())
    offered = next(n.value for n in tree.body if isinstance(n, ast.Assign) and getattr(n.targets[0], "id", "") == "NAMES")
    assert sorted(ast.literal_eval(offered)) == sorted((AUTO, *RANKERS))


def test_decoders_of_classes_are_made_at_import() -> None:
    """Two threads that are the first to decode into the same class end the process (serving.eventlog.log)."""

    def typed(path: Path) -> Iterator[str]:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func).startswith("msgspec.") and any(k.arg == "type" for k in node.keywords):
                yield f"{relative(path)}:{node.lineno} {ast.unparse(node.func)}"
        for function in (n for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, ast.FunctionDef)):
            made = (n for n in ast.walk(function) if isinstance(n, ast.Call) and ast.unparse(n.func).split(".")[-1] == "Decoder")
            yield from (f"{relative(path)}:{n.lineno} {ast.unparse(n.func)}" for n in made)

    assert [found for path in modules(*PACKAGES) for found in typed(path)] == []
