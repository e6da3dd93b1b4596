"""`placard --help` and every verb's own: right, with an example that the verb would take, and whole where it is piped."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from pipelines.__main__ import VERBS, app
from tests.verb_line import parse_as_verb

LONG_NAME = "a" * 60 + "-" + "b" * 60


def commands(command: Any = None, context: Any = None, words: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any, Any]]:
    """Every verb and subcommand: its words, its command, its context."""
    command = command or get_command(app)
    here = command.make_context(" ".join(("placard", *words)), [], parent=context, resilient_parsing=True)
    if words:
        yield words, command, here
    for name in command.list_commands(here) if hasattr(command, "list_commands") else []:
        yield from commands(command.get_command(here, name), here, (*words, name))


EVERY = list(commands())


def test_the_list_of_verbs_says_what_their_modules_say() -> None:
    found = {words[0]: command.get_short_help_str(limit=1000) for words, command, _ in EVERY if len(words) == 1}
    assert found == VERBS


@pytest.mark.parametrize(("words", "command", "context"), EVERY, ids=[" ".join(words) for words, _, _ in EVERY])
def test_every_verb_has_an_example_that_it_would_take(words: tuple[str, ...], command: Any, context: Any) -> None:
    shown = command.get_help(context)
    lines = [line.strip() for line in shown.partition("Example:")[2].splitlines() if line.strip()]
    assert lines, "an example is missing"
    for line in lines:
        name, *argv = shlex.split(line)
        assert name == "placard" and tuple(argv[: len(words)]) == words, "the example is one of this verb"
        parse_as_verb(argv)


@pytest.mark.parametrize("words", [["-h"], ["train", "-h"], ["registry", "list", "-h"]])
def test_h_is_help(words: list[str]) -> None:
    short, long = CliRunner().invoke(app, words), CliRunner().invoke(app, [*words[:-1], "--help"])
    assert short.exit_code == long.exit_code == 0
    assert short.stdout == long.stdout and "Usage:" in short.stdout


def test_the_version_is_the_packages() -> None:
    from importlib.metadata import version

    assert CliRunner().invoke(app, ["--version"]).stdout.strip() == f"placard {version('placard')}"


def test_help_imports_no_verb(placard: Path) -> None:
    script = f"import sys; sys.argv = ['placard', '--help']; exec(open({str(placard)!r}).read().split('if __name__')[0])"
    script += "\ntry:\n  main()\nexcept SystemExit: pass\nprint(sorted(sys.modules), file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    loaded = set(re.findall(r"'([\w.]+)'", done.stderr))
    assert "simulate" in done.stdout and "pipelines.cli.verbs" in loaded
    assert not {f"pipelines.cli.{verb}" for verb in VERBS} & loaded
    assert not {"numpy", "pydantic", "pyarrow", "rich", "serving.settings"} & loaded


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_knows_verbs_and_their_options(shell: str) -> None:
    def complete(*words: str) -> str:
        line = " ".join(("placard", *words))
        given = {"_PLACARD_COMPLETE": f"complete_{shell}", "_TYPER_COMPLETE_ARGS": line, "COMP_WORDS": line}
        given |= {"COMP_CWORD": str(len(words)), "_TYPER_COMPLETE_FISH_ACTION": "get-args"}
        return CliRunner().invoke(app, [], env=given, prog_name="placard").stdout

    assert {"simulate", "serve", "shadow"} <= set(re.findall(r"\w+", complete("s"))) and "train" not in complete("s")
    assert "--partition" in complete("train", "--part")
    assert "register" in complete("registry", "re")
    assert "--debug" in complete("--de")


@pytest.mark.parametrize(
    "words",
    [["ingest", "talkingdata", f"/nowhere/{LONG_NAME}.csv"], ["train", "--partition", "2026-01-31", "--ranker", LONG_NAME]],
)
def test_a_message_is_whole_where_it_is_piped(words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLACARD_HOME", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "60")
    last = CliRunner().invoke(app, words).stderr.strip().splitlines()[-1]
    assert LONG_NAME in last and len(last) > 150
