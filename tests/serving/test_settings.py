from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from serving.errors import ServingError
from serving.settings import FIELDS, ROOMS, Settings, export, load, origins, variable


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PLACARD_HOME", str(tmp_path))
    return tmp_path


def origin(name: str) -> tuple[str, str]:
    return next((row.value, row.origin) for row in origins() if row.name == name)


def test_the_environment_beats_the_file_and_the_file_beats_the_default(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert origin("port") == ("8080", "default")
    (folder / "placard.toml").write_text("port = 9000\ncandidates = 500\n")
    assert origin("port") == ("9000", str(folder / "placard.toml"))
    monkeypatch.setenv("PLACARD_PORT", "9100")
    assert origin("port") == ("9100", "environment PLACARD_PORT")
    assert load().engine.candidates == 500
    assert load().home.root == folder


@pytest.mark.parametrize(
    ("text", "named", "value"),
    [
        ("port = 'high'", "setting port", "high"),
        ("port = 70000", "setting port", 70000),
        ("tokn = 'x'", "setting tokn", "x"),
        ("explore_share = 2.0", "setting explore_share", 2.0),
    ],
)
def test_a_wrong_setting_is_named_with_its_value(folder: Path, text: str, named: str, value: object) -> None:
    (folder / "placard.toml").write_text(text)
    with pytest.raises(ServingError) as caught:
        load()
    assert (caught.value.thing, caught.value.value) == (named, value)


def test_a_file_that_is_not_toml_is_named(folder: Path) -> None:
    (folder / "placard.toml").write_text("port = = 1")
    with pytest.raises(ServingError, match="not TOML"):
        load()


def test_a_token_is_never_shown(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLACARD_TOKEN", "very-secret")
    assert all("very-secret" not in str(row) for row in origins())


@pytest.mark.parametrize(
    "address",
    [
        "redis://:very-secret@host:1/0?socket_timeout=1", "redis://host:1/0?socket_timeout=1&password=very-secret",
        "redis://:very?very-secret@host:1/0?socket_timeout=1", "redis://host:1/0?PASSWORD=very-secret&socket_timeout=1",
    ],
)  # fmt: skip
def test_the_password_of_an_address_is_never_shown(folder: Path, monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    names = [name for name, (_, field) in FIELDS.items() if name.endswith(("_url", "_uri"))]
    assert len(names) >= 5
    for name in names:
        monkeypatch.setenv(variable(name), address)
    shown = {row.name: row.value for row in origins() if row.name in names}
    assert set(shown.values()) == {"redis://host:1/0?socket_timeout=1"} and len(shown) == len(names)


def test_each_setting_keeps_its_own_name_in_every_place(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert {"home_path", "seed", "port", "reserve_micros", "sources", "require_evidence"} <= set(ROOMS)
    (folder / "placard.toml").write_text("reserve_micros = 7\nblocked_terms = ['cure']\nprimary_batch = 32\n")
    monkeypatch.setenv("placard_primary_batch", "48")
    monkeypatch.setenv("PLACARD_SOURCES", '["mine"]')
    monkeypatch.setenv("PLACARD_TOP_SLOTS", "3")
    found = Settings(top_slots=1, candidates=5)
    assert (found.delivery.reserve_micros, found.delivery.blocked_terms, found.precision.primary_batch) == (7, ("cure",), 48)
    assert (found.ingest.sources, found.delivery.top_slots, found.engine.candidates) == (("mine",), 1, 5)
    assert found.value("primary_batch") == 48 and found.value("home_path") == folder
    assert origin("primary_batch") == ("48", "environment PLACARD_PRIMARY_BATCH")
    for name in ROOMS:  # what export writes is taken back after the test
        monkeypatch.setenv(variable(name), "")
        monkeypatch.delenv(variable(name))
    monkeypatch.delenv("placard_primary_batch")
    export(found)
    again = load()
    assert again == found and os.environ["PLACARD_BLOCKED_TERMS"] == '["cure"]'


def test_a_change_leaves_the_rest_and_knows_no_other_name(folder: Path) -> None:
    usual = Settings()
    chosen = usual.changed(port=0, seed=3)
    assert (chosen.http.port, chosen.seed, chosen.http.host) == (0, 3, usual.http.host) and usual.http.port == 8080
    with pytest.raises(KeyError):
        usual.changed(prot=0)


def test_a_list_in_the_environment_that_is_not_json_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLACARD_SOURCES", "mine")
    with pytest.raises(ServingError, match="sources"):
        load()


def test_secrets_reach_the_workers(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ROOMS:  # what export writes is taken back after the test
        monkeypatch.setenv(variable(name), "")
        monkeypatch.delenv(variable(name))
    monkeypatch.setenv("PLACARD_HOME", str(folder))
    keys = ["k" * 32, "o" * 32]
    monkeypatch.setenv("PLACARD_TOKEN", "t" * 32)
    monkeypatch.setenv("PLACARD_EVENT_KEYS", json.dumps(keys))
    found = load()
    export(found)
    assert os.environ["PLACARD_TOKEN"] == "t" * 32 and json.loads(os.environ["PLACARD_EVENT_KEYS"]) == keys
    assert load() == found
