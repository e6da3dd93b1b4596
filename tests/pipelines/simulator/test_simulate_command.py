"""`placard simulate`: one market a folder, safe to run twice, one JSON object."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from feature_repo.home import Home
from pipelines.cli.simulate import register

OPTIONS = ["--users", "80", "--creatives", "60", "--impressions", "900", "--start", "2026-02-02"]


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> typer.Typer:
    monkeypatch.setenv("PLACARD_HOME", str(tmp_path / "home"))
    app = typer.Typer()
    app.callback()(lambda: None)
    register(app)
    return app


def run(app: typer.Typer, *options: str, status: int = 0) -> dict[str, Any]:
    result = CliRunner().invoke(app, ["simulate", "--json", *options])
    assert result.exit_code == status, result.output
    return dict(json.loads(result.stdout)) if status == 0 else {"said": result.output}


def test_a_run_reports_what_it_wrote_and_is_safe_to_repeat(app: typer.Typer, tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    first = run(app, "--days", "3", *OPTIONS)
    assert (first["first"], first["last"], first["days"]) == ("2026-02-02", "2026-02-04", 3)
    assert 500 < first["impressions"] < 1800 and 0 <= first["ctr"] < 0.1
    assert len(list(home.images.glob("*.png"))) == first["new_creatives"]
    before = {p: p.read_bytes() for p in home.root.rglob("*.parquet")}
    assert run(app, "--days", "3", *OPTIONS) == first
    assert run(app, "--days", "3") == first, "the folder's own market is the default"
    assert {p: p.read_bytes() for p in home.root.rglob("*.parquet")} == before


def test_a_partition_is_one_more_day_of_the_market(app: typer.Typer, tmp_path: Path) -> None:
    run(app, "--days", "1", "--no-images", *OPTIONS)
    more = run(app, "--partition", "2026-02-05")
    assert (more["first"], more["days"]) == ("2026-02-05", 1)
    assert [str(d) for d in Home(tmp_path / "home").days("impressions")] == ["2026-02-02", "2026-02-05"]
    assert not list((tmp_path / "home").rglob("*.png"))


@pytest.mark.parametrize(
    ("options", "status"),
    [
        (["--seed", "9"], 2),
        (["--partition", "2026-13-01"], 2),
        (["--partition", "2020-01-01"], 2),
        (["--partition", "2026-02-02", "--users", "90"], 2),
        (["--start", "soon"], 2),
    ],
)
def test_what_does_not_fit_is_refused(app: typer.Typer, options: list[str], status: int) -> None:
    run(app, "--days", "1", "--no-images", *OPTIONS)
    run(app, *options, status=status)


def test_a_partition_needs_a_market(app: typer.Typer) -> None:
    run(app, "--partition", "2026-02-02", status=4)
