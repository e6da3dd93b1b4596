"""The bill of CPU-seconds: who is charged, what is shown, and when a run fails that would have passed."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from tests import cpu_seconds
from tests.cpu_seconds import BUILT, COST, FAILS, LIMIT, LONGER_FOR_A_REASON, PACE, Bill, Meter, pace, spent


def report(name: str, seconds: float, built: tuple[tuple[str, float], ...] = (), pace: float = 1.0, **keywords: int) -> Any:
    told = [(COST, seconds), (BUILT, list(built)), (PACE, pace)]
    return SimpleNamespace(when="teardown", nodeid=name, user_properties=told, keywords=keywords)


def ended(*reports: Any, status: int = 0) -> int:
    bill, session = Bill(), SimpleNamespace(exitstatus=status)
    for one in reports:
        bill.pytest_runtest_logreport(one)
    bill.pytest_sessionfinish(session, status)  # type: ignore[arg-type]
    return int(session.exitstatus)


def test_a_long_test_fails_the_run_unless_it_is_slow_or_has_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    long = FAILS * LIMIT + 1
    assert ended(report("t.py::a", LIMIT - 1, (("t.py::world", 99.0),))) == 0, "what a fixture takes is not the test's"
    assert ended(report("t.py::a[x]", long)) == 1
    assert ended(report("t.py::a[x]", LIMIT + 1)) == 0, "it is named only"
    assert ended(report("t.py::a[x]", long, pace=1.5)) == 0, "the machine is slow, not the test"
    assert ended(report("t.py::a[x]", 2 * long, pace=1.5)) == 1
    assert ended(report("t.py::a[x]", long, slow=1)) == 0
    assert ended(report("t.py::a", long), status=2) == 2, "another end stays what it was"
    bill = Bill(judging=False)
    bill.pytest_runtest_logreport(report("t.py::a", long))
    assert bill.too_long == {}, "in make slow"
    monkeypatch.setitem(LONGER_FOR_A_REASON, "t.py::a", "a reason")
    assert ended(report("t.py::a[x]", long)) == 0


def test_the_slowest_are_shown_in_order() -> None:
    bill, lines = Bill(), []
    for n in range(30):
        bill.pytest_runtest_logreport(report(f"t.py::t{n:02}", n / 10, (("t.py::world", 50.0),) if n == 3 else ()))
    bill.pytest_runtest_logreport(report("t.py::long", LIMIT + 5))
    bill.pytest_terminal_summary(SimpleNamespace(section=lines.append, write_line=lambda line, **_: lines.append(line)))
    assert "the slowest 20" in lines[0] and lines[1].split() == ["50.00", "s", "fixture", "t.py::world"]
    assert [line.split()[-1] for line in lines[2:5]] == ["t.py::long", "t.py::t29", "t.py::t28"]
    assert len(lines) == 1 + 20 + 1 and lines[-1].startswith("TOO LONG: t.py::long took 20.0")


def test_what_a_wide_fixture_takes_is_its_own_and_what_it_asked_for_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([0.0, 1.0, 4.0, 6.0])  # the outer starts, the inner starts, the inner ends, the outer ends
    monkeypatch.setattr(cpu_seconds, "spent", lambda: next(clock))
    meter = Meter()

    def setup(name: str, scope: str = "module") -> Any:
        return meter.pytest_fixture_setup(SimpleNamespace(scope=scope, baseid="t.py", argname=name))

    outer, inner = setup("outer"), setup("inner")
    for hook in (outer, inner):
        next(hook)
    for hook in (inner, outer):
        with pytest.raises(StopIteration):
            hook.send(None)
    assert meter._built == [("t.py::inner", 3.0), ("t.py::outer", 3.0)]


def test_children_that_ended_are_counted() -> None:
    import subprocess
    import sys

    before = spent()
    subprocess.run([sys.executable, "-c", "import time\nwhile time.process_time() < 0.3: pass"], check=True)
    assert spent() - before >= 0.3


def test_the_pace_is_never_below_one(monkeypatch: pytest.MonkeyPatch) -> None:
    for seconds, found in ((0.01, 1.0), (3 * cpu_seconds.PACE_WORK, 3.0)):
        clock = iter([0.0, seconds])
        monkeypatch.setattr(cpu_seconds, "spent", lambda clock=clock: next(clock))
        assert pace() == pytest.approx(found)


def test_the_meter_is_on(pytestconfig: pytest.Config) -> None:
    assert pytestconfig.pluginmanager.has_plugin("cpu-meter")
    assert all(reason for reason in LONGER_FOR_A_REASON.values())
