"""`placard ledger`: an emptied ledger is told, and taken for the right one only when somebody says so."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from feature_repo.home import Home
from pipelines.__main__ import app


def test_an_emptied_ledger_is_told_until_it_is_accepted(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLACARD_HOME", str(home.root))
    run = CliRunner().invoke
    first = json.loads(run(app, ["ledger", "check", "--json"]).stdout)
    assert first["ledger"] and first["trouble"] == ""
    for file in home.state.glob("ledger.db*"):
        file.unlink()
    told = run(app, ["ledger", "check"])
    assert told.exit_code == 3 and first["ledger"] in told.stdout and "placard ledger accept" in told.stdout
    accepted = json.loads(run(app, ["ledger", "accept", "--json"]).stdout)
    again = run(app, ["ledger", "check", "--json"])
    assert again.exit_code == 0 and json.loads(again.stdout) == {"ledger": accepted["ledger"], "trouble": ""}
    assert accepted["ledger"] != first["ledger"]
