"""Suites beside each other: each output whole, the closing lines last, and no failure that is lost."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

import pytest

from tests.suites import NO_TESTS, Suite, suites_of, together


def suite(name: str, program: str) -> Suite:
    return Suite(name, [sys.executable, "-c", program])


def test_outputs_are_whole_and_the_closing_lines_come_last(tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    """The main suite waits for the other's first line before it says its own, and the other for the main one's before its second."""
    wait = f"import time, pathlib\ndef wait(name):\n    while not pathlib.Path({str(tmp_path)!r}, name).exists(): time.sleep(0.01)\n"
    touch = f"\npathlib.Path({str(tmp_path)!r}, '{{}}').touch()\n"
    main = wait + "wait('b')\nprint('main 1', flush=True)" + touch.format("a") + "print('main 2')\n"
    other = wait + "print('other 1', flush=True)" + touch.format("b") + "wait('a')\nprint('other 2')\n"
    assert together([suite("main", main), suite("other", other)], narrowed=False) == 0
    said = capfdbinary.readouterr().out.decode()
    assert "main 1\nmain 2\n" in said and "other 1\nother 2\n" in said
    assert said.endswith("\nmain: main 2\nother: other 2\n")


@pytest.mark.parametrize("failing", [0, 1, 2])
def test_one_failure_fails_all(failing: int) -> None:
    suites = [suite(str(n), f"raise SystemExit({int(n == failing)})") for n in range(3)]
    assert together(suites, narrowed=False) == 1
    assert [s.status for s in suites] == [int(n == failing) for n in range(3)], "the others ran to their end"


def test_why_a_suite_failed_is_told_at_the_end(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    said = "print('TOO LONG: t.py::a took 40')\nprint('FAILED t.py::b')\nprint('x FAILED')\nprint('2 passed')\nraise SystemExit(1)"
    assert together([suite("main", said), suite("other", "print('FAILED to fail')\nprint('1 passed')")], narrowed=False) == 1
    end = "\nmain: 2 passed\nother: 1 passed\nmain: TOO LONG: t.py::a took 40\nmain: FAILED t.py::b\nmain: ended with status 1\n"
    assert capfdbinary.readouterr().out.decode().endswith(end)


def test_a_suite_without_tests_is_no_failure_when_tests_were_named(tmp_path: Path) -> None:
    none, passed = f"raise SystemExit({NO_TESTS})", "print('1 passed')"
    for programs, narrowed, status in (
        ((passed, none), True, 0), ((none, passed), True, 0), ((none, none), True, 1), ((passed, none), False, 1),
    ):  # fmt: skip
        assert together([suite(str(n), p) for n, p in enumerate(programs)], narrowed) == status


def test_a_command_that_is_killed_or_does_not_exist_is_a_failure() -> None:
    assert together([suite("a", "pass"), suite("b", "import os; os.kill(os.getpid(), 9)")], narrowed=False) == 1
    missing = Suite("missing", ["/no/such/program"])
    assert together([suite("a", "pass"), missing], narrowed=False) == 1 and "/no/such/program" in missing.closing
    assert together([missing, suite("a", "pass")], narrowed=False) == 1


def test_words_of_pytest_stand_where_they_are_asked_for() -> None:
    found = suites_of(["a", "pytest -m 'not slow' {PYTEST}", "b", "pytest tests/dags"], shlex.split("-k 'this or that'"))
    assert [s.command for s in found] == [["pytest", "-m", "not slow", "-k", "this or that"], ["pytest", "tests/dags"]]
