from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from feature_repo.days import today
from feature_repo.home import Home
from pipelines.cli import ingest as verb
from pipelines.ingest.day import collect_day
from pipelines.ingest.format import IngestError
from pipelines.simulator.config import MarketConfig, save
from serving.settings import Settings

Samples = dict[str, Callable[[Path], Path]]
Run = Callable[..., Result]
DAY = date(2026, 1, 6)


@pytest.fixture
def run(home: Home, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("PLACARD_HOME", str(home.root))
    app = typer.Typer()
    app.callback()(lambda: None)
    verb.register(app)
    return lambda *argv: CliRunner().invoke(app, ["ingest", *map(str, argv)])


@pytest.mark.parametrize("name", ["talkingdata", "open-bandit"])
def test_json_reports_every_row(name: str, run: Run, tmp_path: Path, samples: Samples) -> None:
    path = samples[name](tmp_path / "log")
    first, second = (json.loads(run(name, path, "--json").stdout) for _ in range(2))
    assert first["rows_in"] == first["kept"] == second["duplicated"] > 0
    assert first["quarantined"] == second["kept"] == 0
    assert first["files"] and first["tables"]["engagements"] > 0


def test_files_that_are_named_together_are_one_delivery(run: Run, tmp_path: Path, samples: Samples) -> None:
    path = samples["talkingdata"](tmp_path / "log")
    other = path.with_name("other.csv")
    other.write_text("\n".join(path.read_text().splitlines()[:2]) + "\n")
    told = json.loads(run("talkingdata", path, other, "--json").stdout)
    assert (told["rows_in"], told["kept"], [f["file"] for f in told["files"]]) == (6, 6, ["clicks.csv", "other.csv"])
    again = json.loads(run("talkingdata", other, "--json").stdout)
    assert (again["kept"], again["duplicated"], again["alike"]) == (0, 1, 0)
    assert run("talkingdata", path, tmp_path / "nowhere.csv").exit_code == 2


def test_people_read_where_the_broken_rows_lie(run: Run, tmp_path: Path, samples: Samples) -> None:
    path = samples["talkingdata"](tmp_path / "log")
    header, *lines = path.read_text().splitlines()
    path.write_text("\n".join([header, *lines * 5, "9,9,9"]) + "\n")
    result = run("talkingdata", path)
    assert "26 rows in = 25 kept + 1 quarantined + 0 duplicated" in result.stdout
    assert ".jsonl" in result.stdout.replace("\n", "")


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (("criteo", "x.csv"), "open-bandit"),
        (("talkingdata",), "PATH"),
        (("talkingdata", "/nowhere.csv"), "/nowhere.csv"),
        (("talkingdata", "x.csv", "--partition", "2026-01-06"), "--partition"),
        (("serving",), "--partition"),
        (("day", "x.csv", "--partition", "2026-01-06"), "x.csv"),
        (("day", "--partition", "6 January"), "YYYY-MM-DD"),
    ],
)
def test_wrong_use_is_named_with_its_fix(argv: tuple[str, ...], said: str, run: Run, home: Home) -> None:
    result = run(*argv)
    assert result.exit_code == 2
    assert said in result.stderr.replace("\n", " ")
    assert not home.root.exists()


def test_a_day_is_collected_from_every_source(run: Run, home: Home) -> None:
    home.root.mkdir(parents=True)
    save(home, MarketConfig(users=60, creatives=40, impressions_per_day=100, images=False))
    first, second = (json.loads(run("day", "--partition", DAY, "--json").stdout) for _ in range(2))
    assert [s["source"] for s in first["sources"]] == ["simulator", "serving"]
    assert first["rows_in"] == first["kept"] == second["duplicated"] > 0
    assert home.days("impressions") == [DAY]
    assert "nothing has been served" in first["sources"][1]["outcome"]


def test_a_day_without_input_says_so_and_is_not_green(run: Run) -> None:
    done = run("day", "--partition", DAY, "--json")
    result = json.loads(done.stdout)
    assert result["rows_in"] == 0 and "placard simulate" in result["sources"][0]["outcome"]
    assert done.exit_code == 4 and result["lacking"] == ["every log"]
    assert str(DAY) in done.stderr and "Nothing of the day can be built" in done.stderr.replace("\n", " ")


def test_a_day_whose_logs_came_by_hand_is_green(run: Run, tmp_path: Path, samples: Samples) -> None:
    assert run("talkingdata", samples["talkingdata"](tmp_path / "log")).exit_code == 0
    done = run("day", "--partition", "2017-11-07", "--json")
    assert done.exit_code == 0 and json.loads(done.stdout)["lacking"] == []


def test_a_day_that_has_not_ended_may_still_bring_its_input(run: Run) -> None:
    assert run("day", "--partition", today(), "--json").exit_code == 0


def test_a_day_outside_the_market_is_said(home: Home) -> None:
    home.root.mkdir(parents=True)
    save(home, MarketConfig(users=60, creatives=40, impressions_per_day=100, images=False))
    (collected,) = collect_day(Settings(home_path=home.root), date(2025, 1, 1), ["simulator"])
    assert "90 days from 2026-01-05" in collected.outcome and collected.ingested is None


def test_a_source_that_has_no_days_is_refused(home: Home) -> None:
    with pytest.raises(IngestError, match="simulator, serving"):
        collect_day(Settings(home_path=home.root), DAY, ["talkingdata"])


def test_serving_that_never_served_is_an_empty_day(run: Run, home: Home) -> None:
    result = json.loads(run("serving", "--partition", DAY, "--json").stdout)
    assert (result["rows_in"], result["kept"]) == (0, 0)
    assert not home.root.exists()


def test_a_table_is_ingested_by_options_by_a_file_and_by_a_guess(run: Run, tmp_path: Path) -> None:
    log, mapping = tmp_path / "log.csv", tmp_path / "log.yaml"
    log.write_text("member_id,sku,event_time,clicked\nana,s1,2026-01-05T10:00Z,1\nbob,s2,2026-01-05T10:00Z,0\n")
    options = ("--as", "impressions", "--map", "user=member_id,item=sku", "--map", "ts=event_time,clicked=clicked")
    first = json.loads(run("table", log, *options, "--source", "shop", "--json").stdout)
    assert (first["source"], first["kept"], first["tables"]["engagements"]) == ("shop", 2, 1)
    assert "4 fields found" in run("table", log, "--guess", "--mapping", mapping).stdout
    by_file = json.loads(run("table", tmp_path / "l*.csv", "--mapping", mapping, "--source", "shop", "--json").stdout)
    assert (by_file["rows_in"], by_file["duplicated"]) == (2, 2)
    assert "as: impressions" in run("table", log, "--guess").stdout


@pytest.mark.parametrize(
    "argv",
    [
        ("table", "log.csv"),
        ("table", "log.csv", "--as", "impressions"),
        ("table", "gone*.csv", "--guess"),
        ("table", "log.csv", "--guess", "--mapping", "log.csv"),
        ("table", "log.csv", "--mapping", "no such one"),
        ("table", "log.csv", "--as", "impression", "--map", "user=member_id"),
        ("talkingdata", "log.csv", "--map", "user=ip"),
        ("table", "log.csv", "--as", "impressions", "--map", "user=member_id,item=gone,ts=event_time"),
    ],
)
def test_a_table_without_what_it_needs_is_bad_input(
    argv: tuple[str, ...], run: Run, tmp_path: Path, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "log.csv").write_text("member_id,sku,event_time\nana,s1,2026-01-05T10:00Z\n")
    assert run(*argv).exit_code == 2
    assert not any(home.files("impressions"))
