"""MLflow's aliases beside serving's own, over real stores: what was changed behind our back is told, and so is a store out of reach."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from pipelines.registry import mlflow_store
from pipelines.registry.alias_differences import AliasDifference, Comparison, compared
from pipelines.registry.mlflow_aliases import mlflow_aliases, mlflow_versions
from pipelines.registry.roles import set_alias
from serving.bundles.aliases import version_folder, write_aliases
from serving.bundles.sealed import write_sealed
from serving.settings import Settings

# MLflow's own imports and stores warn of what they are about to change.
pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.timeout(300)]


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def settings(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A head with two versions of which our own command made one champion and one challenger."""
    uri = request.getfixturevalue("postgres_url") if request.param == "postgres" else ""
    made = Settings(PLACARD_HOME=tmp_path_factory.mktemp(request.param) / "placard", mlflow_uri=uri)
    with mlflow_store.mlflow_client(made) as client:
        client.create_registered_model("aside")
        for version in ("1", "2"):
            client.create_model_version("aside", str(made.home.bundles / "aside" / version))
    for version in ("1", "2"):
        said = {"head": "aside", "version": version, "ranker": "bench", "trained_to": "2026-01-01", "metrics": {"roc_auc": 0.7}}
        write_sealed(version_folder(made.home.bundles, "aside", version), said, lambda part: None)
    set_alias(made, "aside", "champion", "1", "a test")
    set_alias(made, "aside", "challenger", "2", "a test")
    return made


def test_what_our_own_commands_do_leaves_no_difference(settings: Settings) -> None:
    found = compared(settings)
    assert found == Comparison(())
    assert mlflow_aliases(settings)["aside"] == {"champion": "1", "challenger": "2"}, "MLflow was read, not left out"
    assert mlflow_versions(settings) == [("aside", "1"), ("aside", "2")]


def test_what_was_changed_behind_our_back_is_told_by_head_and_alias(settings: Settings, placard: Path) -> None:
    with mlflow_store.mlflow_client(settings) as client:
        client.set_registered_model_alias("aside", "champion", "2")
        client.delete_registered_model_alias("aside", "challenger")
        client.set_registered_model_alias("aside", "shadow", "1")
    try:
        assert compared(settings).differences == (
            AliasDifference("aside", "challenger", "2", ""),
            AliasDifference("aside", "champion", "1", "2"),
            AliasDifference("aside", "shadow", "", "1"),
        )
        environment = {"PLACARD_HOME": str(settings.home.root), "PLACARD_MLFLOW_URI": settings.stores.mlflow_uri, "PATH": ""}
        argv = [placard, "registry", "list"]
        said = subprocess.run(argv, env=environment, capture_output=True, text=True, check=True).stdout
        assert "aside @champion: serving has 1, MLflow 2" in said and "aside @shadow: serving has none, MLflow 1" in said
        plain = json.loads(subprocess.run([*argv, "--json"], env=environment, capture_output=True, text=True, check=True).stdout)
        assert {"head": "aside", "alias": "champion", "serving": "1", "mlflow": "2"} in plain["mlflow"]["differences"]
        assert [v["version"] for v in plain["versions"]] == ["1", "2"]
    finally:
        with mlflow_store.mlflow_client(settings) as client:
            client.delete_registered_model_alias("aside", "shadow")
        for alias, version in (("champion", "1"), ("challenger", "2")):
            set_alias(settings, "aside", alias, version, "as it was")


def test_before_anything_is_registered_there_is_nothing_to_compare(tmp_path: Path) -> None:
    fresh = Settings(PLACARD_HOME=tmp_path)
    assert compared(fresh) == Comparison(())
    write_aliases(fresh.home.bundles, {"click": {"champion": "1"}})
    assert compared(fresh).differences == (AliasDifference("click", "champion", "1", ""),), "MLflow's database was taken away"
    assert not fresh.home.mlflow.exists(), "looking makes no database"


class _Server(BaseHTTPRequestHandler):
    """Answers as MLflow 3's REST interface does, a model or a version a page."""

    registered_models = (
        {"name": "click", "aliases": [{"alias": "champion", "version": "3"}, {"alias": "shadow", "version": "4"}]},
        {"name": "conversion"},
        {"name": "language", "aliases": [{"alias": "champion", "version": "1"}]},
    )
    model_versions = ({"name": "click", "version": "4"}, {"name": "click", "version": "3"})

    def do_GET(self) -> None:
        asked = urlsplit(self.path)
        at = int(parse_qs(asked.query).get("page_token", ["0"])[0])
        kind = asked.path.removeprefix("/api/2.0/mlflow/").removesuffix("/search").replace("-", "_")
        known = getattr(self, kind, ())
        more = {"next_page_token": str(at + 1)} if at + 1 < len(known) else {}
        self.send_response(200 if known else 404)
        self.end_headers()
        self.wfile.write(json.dumps({kind: known[at : at + 1], **more}).encode())

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@pytest.fixture
def server() -> Iterator[str]:
    listening = HTTPServer(("127.0.0.1", 0), _Server)
    thread = threading.Thread(target=listening.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.server_port}"
    finally:
        listening.shutdown()
        thread.join()
        listening.server_close()


def test_a_server_is_read_page_by_page(tmp_path: Path, server: str) -> None:
    settings = Settings(PLACARD_HOME=tmp_path, mlflow_uri=server)
    assert mlflow_aliases(settings) == {"click": {"champion": "3", "shadow": "4"}, "language": {"champion": "1"}}
    assert mlflow_versions(settings) == [("click", "3"), ("click", "4")]


@pytest.mark.parametrize(
    "uri",
    [
        "http://127.0.0.1:1",
        "postgresql+psycopg://placard:secret@127.0.0.1:1/mlflow",
        "nonsense://placard:secret@nowhere",
        "sqlite:///{}/text",
    ],
)
def test_a_store_out_of_reach_is_said_and_is_no_error(tmp_path: Path, uri: str) -> None:
    (tmp_path / "text").write_text("this is no database" * 100)
    settings = Settings(PLACARD_HOME=tmp_path, mlflow_uri=uri.format(tmp_path))
    write_aliases(settings.home.bundles, {"click": {"champion": "1"}})
    found = compared(settings)
    assert found.differences == () and "MLflow" in found.unread and "cannot be read" in found.unread
    assert "secret" not in found.unread


def test_listing_imports_neither_mlflow_nor_the_trainers() -> None:
    """They cost seconds each."""
    code = (
        "import sys, pipelines.registry.listing, pipelines.registry.alias_differences;"
        "heavy = {'mlflow', 'xgboost', 'sklearn', 'pandas', 'scipy', 'sqlalchemy', 'requests'} & sys.modules.keys();"
        "sys.exit(', '.join(sorted(heavy)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
