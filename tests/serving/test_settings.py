from __future__ import annotations

from pathlib import Path

import pytest

from serving.errors import ServingError
from serving.settings import load, origins


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
    assert load().candidates == 500
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
