"""`placard guard`: acts once, tells by its status, and goes on after a look that failed."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from sqlite3 import OperationalError
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

import serving.eventlog.opening
from feature_repo.home import Home
from pipelines.cli import guard as verb
from serving.bundles import aliases, refusals
from serving.eventlog.log import EventLog
from serving.settings import Settings

Make = Callable[..., Any]


@pytest.mark.parametrize("head", ["click", "conversion"])
def test_the_verb_acts_once_and_says_so_by_its_status(
    head: str,
    settings: Settings,
    home: Home,
    eventlog: EventLog,
    serve: Callable[..., None],
    convert: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
    turn: datetime,
) -> None:
    """The registry's part is played by the refusals file alone."""

    def refuse(settings: Settings, head: str, version: str, reason: str) -> str:
        refusals.write_refusals(home.bundles, {head: {version: reason}})
        return "0"

    monkeypatch.setenv("PLACARD_HOME", str(home.root))
    monkeypatch.setattr("pipelines.registry.refusal.refuse", refuse)
    monkeypatch.setattr(serving.eventlog.opening, "_open", lambda settings: eventlog)
    monkeypatch.setattr(type(eventlog), "close", lambda self: None)
    app = typer.Typer()
    verb.register(app)
    say = ("--head", head, "--partition", str(turn.date() + timedelta(days=2)))
    well = CliRunner().invoke(app, [*say, "--json"])
    assert well.exit_code == 0 and json.loads(well.stdout)["rolled_back"] is False
    serve(600, 0.5, 0.1) if head == "click" else convert(600, 0.5, 10)
    done = CliRunner().invoke(app, [*say, "--json"])
    plain = json.loads(done.stdout)
    assert done.exit_code == 3 and plain["rolled_back"] is True and plain["champion"] == "0" and plain["name"] == "guard"
    assert {f["name"]: f["holds"] for f in plain["figures"]}["calibration_ratio"] is False
    again = CliRunner().invoke(app, say)
    assert again.exit_code == 0 and "already" in again.stdout
    assert CliRunner().invoke(app, [*say, "--watch", "1"]).exit_code == 2
    aliases.write_aliases(home.bundles, {})
    nobody = CliRunner().invoke(app, say)
    assert nobody.exit_code == 0 and f"placard promote {head}" in nobody.stdout, "a DAG on a new platform does not fail"


def test_a_watch_goes_on_after_a_look_that_could_not_be_taken(
    settings: Settings,
    home: Home,
    eventlog: EventLog,
    serve: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    looks: list[object] = [OperationalError("database is locked"), OperationalError("database is locked"), eventlog]
    refused: list[str] = []

    def open_log(settings: Settings) -> object:
        found = looks.pop(0)
        if isinstance(found, Exception):
            raise found
        return found

    class Over(BaseException):
        """Ctrl-C."""

    def wait(seconds: float) -> None:
        if not looks:
            raise Over

    monkeypatch.setenv("PLACARD_HOME", str(home.root))
    monkeypatch.setattr(serving.eventlog.opening, "_open", open_log)
    monkeypatch.setattr(type(eventlog), "close", lambda self: None)
    monkeypatch.setattr("time.sleep", wait)
    monkeypatch.setattr("pipelines.registry.refusal.refuse", lambda settings, head, version, reason: refused.append(version) or "0")
    serve(300, 0.5, 0.1, datetime.now(UTC) - timedelta(minutes=5))
    with pytest.raises(Over):
        verb.guard("click", 1.0, None, 7, 10.0, 1.0, False)
    said = capsys.readouterr().err
    assert refused == ["1"], "the third look was taken, and acted"
    assert said.count("database is locked") == 1, "what goes wrong again and again is told once"
