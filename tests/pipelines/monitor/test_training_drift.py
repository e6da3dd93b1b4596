"""Drift since a model's training rows ended: what moved is told from windows that still fill, and is an alert and a gate."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
import typer
from typer.testing import CliRunner

from feature_repo.home import Home
from feature_repo.services import CLICK
from feature_repo.tables import AD_CREATIVE, AD_PERFORMANCE, TABLES
from pipelines.bench.serving.synthetic import ranker
from pipelines.cli import quality
from pipelines.errors import Missing
from pipelines.gates.gates import FEATURE_DRIFT
from pipelines.monitor.training_drift import training_drift, window_of
from pipelines.promotion.live_evidence import drifted
from serving.bundles import Bundle, Manifest
from serving.bundles.aliases import version_folder, write_aliases
from tests.made import written_again

TAUGHT, DAY = date(2026, 3, 2), date(2026, 3, 9)
READ = [(t.name, f.name) for t in TABLES for f in t.features if f.name in CLICK.names]
MONTH = next((t, f) for t, f in READ if f.endswith("_30d"))
Publish = Callable[..., None]


def logged_since(home: Home, first: date) -> None:
    home.partition("impressions", first).mkdir(parents=True)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle whose training rows ended on the day after TAUGHT's features."""
    folder = tmp_path_factory.mktemp("ranker")
    one = ranker(folder / "made", trees=2, rows=500)
    written_again(one, folder / "told", replace(one.manifest, trained_to=f"{TAUGHT + timedelta(days=1)}T08:00:00"))
    return folder / "told"


@pytest.fixture
def manifest(made: Path) -> Manifest:
    return Bundle.inspect(made)


def test_a_window_is_what_the_name_says_else_the_tables() -> None:
    assert window_of(AD_PERFORMANCE, "ctr_7d") == 7 and window_of(AD_PERFORMANCE, "ctr_1d") == 1
    assert window_of(AD_CREATIVE, "headline_chars") == 0


def test_the_index_is_taken_since_the_training_rows_ended(home: Home, publish: Publish, manifest: Manifest) -> None:
    logged_since(home, date(2026, 1, 1))
    publish(TAUGHT - timedelta(days=3), shift=3.0, moved=READ[0])
    publish(TAUGHT)
    publish(DAY)
    found = training_drift(home, manifest, DAY)
    assert found.share == 0.0 and found.holds
    assert set(found.report.setup["compared"].values()) == {f"{TAUGHT} → {DAY}"}, "neither earlier nor later"
    counts = {f.name: f.value for f in found.report.figures}
    assert counts["features_judged"] == len(READ) and counts["features_filling"] == 0, "those that the model reads"


def test_what_moved_in_a_full_window_is_drift_and_in_a_filling_one_is_not(home: Home, publish: Publish, manifest: Manifest) -> None:
    publish(TAUGHT)
    publish(DAY, shift=3.0, moved=MONTH)
    logged_since(home, TAUGHT - timedelta(days=28))
    young = training_drift(home, manifest, DAY)
    figure = next(f for f in young.report.figures if f.name == ".".join(MONTH))
    assert young.share == 0.0 and figure.holds is None and "30 days were filling" in (figure.target or "") and figure.value > 0.25
    logged_since(home, TAUGHT - timedelta(days=29))
    old = training_drift(home, manifest, DAY)
    assert old.share == pytest.approx(1 / len(READ)) and old.holds, "one of many is no alert"
    assert next(f for f in old.report.figures if f.name == ".".join(MONTH)).holds is False


def test_nothing_published_since_is_missing_and_no_evidence(home: Home, publish: Publish, manifest: Manifest) -> None:
    publish(TAUGHT)
    with pytest.raises(Missing, match=str(TAUGHT)):
        training_drift(home, manifest, DAY)
    assert drifted(home, manifest, DAY) is None
    publish(DAY)
    logged_since(home, date(2026, 1, 1))
    assert drifted(home, manifest, DAY) == 0.0


def test_the_verb_fails_as_an_alert_when_too_many_moved(home: Home, publish: Publish, made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLACARD_HOME", str(home.root))
    app = typer.Typer()
    quality.register(app)

    def run() -> tuple[int, dict[str, object]]:
        done = CliRunner().invoke(app, ["quality", "drift", "--partition", str(DAY), "--of", "click", "--json"])
        return done.exit_code, json.loads(done.stdout)

    status, plain = run()
    assert status == 0 and "placard promote click" in str(plain["setup"]), "nobody reigns, nobody is alarmed"
    place = version_folder(home.bundles, "click", "1")
    place.parent.mkdir(parents=True)
    shutil.copytree(made, place)
    write_aliases(home.bundles, {"click": {"champion": "1"}})
    logged_since(home, date(2026, 1, 1))
    publish(TAUGHT)
    publish(DAY)
    assert run()[0] == 0
    for table in (AD_PERFORMANCE, AD_CREATIVE):  # another day's numbers stand for those of a broken pipeline
        path = home.feature_partition(table.name, DAY)
        _scaled(path)
    status, plain = run()
    figures = {f["name"]: f for f in plain["figures"]}  # type: ignore[attr-defined]
    assert status == 3 and figures[FEATURE_DRIFT.metric]["holds"] is False
    assert (home.reports / "drift_click" / f"{DAY}.html").exists()


def _scaled(path: Path) -> None:
    """Every number of a partition ten times as large, and more."""
    table = pq.read_table(path, partitioning=None)
    for i, field in enumerate(table.schema):
        if pa.types.is_floating(field.type):
            table = table.set_column(i, field, pc.add(pc.multiply(table[i], 10.0), 7.0).cast(field.type))
    pq.write_table(table, path)
