"""A world is made once for each content of its sources and configuration, whole or not at all, and copies do not know each other."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.worlds.content import ROOT, content
from tests.worlds.copied import VERSIONS, copied

MAKER = "a_maker_of_this_test"


@pytest.fixture
def maker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A module that counts how often it made its world, in `made.log`, and fails while a file `fail` lies there."""
    (tmp_path / f"{MAKER}.py").write_text(
        f"""
from pathlib import Path
HERE = Path({str(tmp_path)!r})
def make(folder, *words):
    with (HERE / "made.log").open("a") as log:
        log.write("made ")
    folder.mkdir()
    (folder / "words").write_text(repr(words))
    if (HERE / "fail").exists():
        raise ValueError("half way")
"""
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    yield MAKER
    sys.modules.pop(MAKER, None)


def made(folder: Path) -> int:
    return len((folder / "made.log").read_text().split())


def test_it_is_made_once_and_a_copy_does_not_know_the_next(maker: str, tmp_path: Path) -> None:
    one = copied(maker, tmp_path / "one", "a", kept=tmp_path / "kept")
    (one / "words").write_text("changed")
    two = copied(maker, tmp_path / "two", "a", kept=tmp_path / "kept")
    assert made(tmp_path) == 1 and (two / "words").read_text() == "('a',)"


def test_another_configuration_is_another_world(maker: str, tmp_path: Path) -> None:
    for name, word in (("one", "a"), ("two", "b"), ("three", "a")):
        assert (copied(maker, tmp_path / name, word, kept=tmp_path / "kept") / "words").read_text() == repr((word,))
    assert made(tmp_path) == 2


def test_what_was_not_finished_is_made_again(maker: str, tmp_path: Path) -> None:
    (tmp_path / "fail").touch()
    with pytest.raises(ValueError, match="half way"):
        copied(maker, tmp_path / "one", kept=tmp_path / "kept")
    (tmp_path / "fail").unlink()
    assert not (tmp_path / "one").exists()
    assert (copied(maker, tmp_path / "one", kept=tmp_path / "kept") / "words").exists() and made(tmp_path) == 2


def test_the_oldest_content_goes(maker: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for n in range(VERSIONS + 2):
        monkeypatch.setattr("tests.worlds.copied.content", lambda _, n=n: f"content-{n}")
        copied(maker, tmp_path / f"copy-{n}", kept=tmp_path / "kept")
        for path in (tmp_path / "kept").glob("*/content-*"):  # a tick of the clock apart, however quick the machine
            os.utime(path, (int(path.name[-1]), int(path.name[-1])))
    kept = sorted(p.name for p in (tmp_path / "kept").glob("*/*"))
    assert kept == [f"content-{n}" for n in range(VERSIONS + 2)][-VERSIONS:]


def test_two_processes_that_ask_at_once_make_one(maker: str, tmp_path: Path) -> None:
    path = tmp_path / f"{maker}.py"
    path.write_text(path.read_text() + "    import time\n    while not (HERE / 'go').exists(): time.sleep(0.01)\n")
    program = (
        "import sys; from pathlib import Path; from tests.worlds.copied import copied; here = Path(sys.argv[1]);"
        f"(here / sys.argv[2]).touch(); copied({maker!r}, here / f'copy-{{sys.argv[2]}}', kept=here / 'kept')"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT)])}
    running = [subprocess.Popen([sys.executable, "-c", program, str(tmp_path), name], env=environment) for name in ("first", "second")]
    while not all((tmp_path / name).exists() for name in ("first", "second")):
        assert all(p.poll() is None for p in running)
        time.sleep(0.01)
    (tmp_path / "go").touch()
    assert [p.wait() for p in running] == [0, 0]
    assert made(tmp_path) == 1
    assert (tmp_path / "copy-first" / "words").read_bytes() == (tmp_path / "copy-second" / "words").read_bytes()


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A repository with a maker that imports one module of ours at the top, one inside a function, and that one a third."""
    files = {
        "tests/worlds/made.py": "from pipelines import one\n\n\ndef make(folder):\n    import serving.room.two\n",
        "pipelines/__init__.py": "", "pipelines/one.py": "", "pipelines/unused.py": "", "pipelines/page.html": "",
        "serving/__init__.py": "", "serving/room/__init__.py": "", "serving/room/two.py": "from ..three import name\n",
        "serving/three.py": "name = 1\n", "feature_repo/__init__.py": "", "requirements/platform.txt": "numpy==1\n",
    }  # fmt: skip
    for name, text in files.items():
        path = tmp_path / "checkout" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path / "checkout"


@pytest.mark.parametrize(
    ("changed", "counts"),
    [
        ("tests/worlds/made.py", True), ("pipelines/one.py", True), ("pipelines/__init__.py", True), ("serving/room/two.py", True),
        ("serving/three.py", True), ("pipelines/page.html", True), ("requirements/platform.txt", True), ("pipelines/unused.py", False),
        ("feature_repo/__init__.py", False),
    ],
)  # fmt: skip
def test_content_changes_with_what_makes_it(checkout: Path, changed: str, counts: bool) -> None:
    before = content("tests.worlds.made", checkout)
    assert content("tests.worlds.made", checkout) == before
    with (checkout / changed).open("a") as file:
        file.write("# changed\n")
    assert (content("tests.worlds.made", checkout) != before) == counts


def test_who_imports_by_name_may_import_anything(checkout: Path) -> None:
    (checkout / "serving" / "three.py").write_text("from importlib import import_module\nname = import_module('pipelines.un' + 'used')\n")
    before = content("tests.worlds.made", checkout)
    (checkout / "pipelines" / "unused.py").write_text("changed = True\n")
    assert content("tests.worlds.made", checkout) != before
