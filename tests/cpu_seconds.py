"""What each test costs in CPU-seconds, user and system, of the process and of the children that it waited for: the slowest are printed,
and a test outside `slow` that takes longer than LIMIT is named. It fails the run when it takes FAILS times as long on a machine as fast
as the one LIMIT was set on: CPU-seconds grow on a slow machine, and beside other work on a core that is shared, so the process that ran a
long test measures a fixed piece of work right after it, and the test's seconds are divided by how much longer that work took. Wall time
is not judged: it depends on what else the machine does. What a fixture wider than one test takes is counted apart, as the fixture's, not
charged to the test that happens to ask for it first."""

from __future__ import annotations

import resource
from collections.abc import Generator
from typing import Any

import numpy as np
import pytest

LIMIT = 15.0
"""CPU-seconds."""
FAILS = 2.0
"""How many times LIMIT a test may take: the fixed work tells the machine's pace only roughly."""
PACE_WORK = 0.17
"""CPU-seconds that `fixed_work` takes on a quiet machine of the kind that LIMIT was set on."""
SHOWN = 20
LONGER_FOR_A_REASON: dict[str, str] = {
    "tests/pipelines/ingest/test_identity.py::test_any_order_any_cut_and_any_repetition_give_the_same_tables": (
        "a log is ingested in many orders and cuts, with every case of the large profile"
    ),
    "tests/pipelines/bench/rankers/test_report.py::test_a_training_set_that_is_kept_is_measured_as_it_lies": (
        "rankers are fitted and measured on a whole training set"
    ),
    "tests/pipelines/evaluate/test_paired.py::test_intervals_cover_the_truth": (
        "how often intervals hold the truth is counted over many samples"
    ),
    "tests/pipelines/evaluate/ope/test_intervals.py::test_coverage_of_the_truth_in_short": (
        "how often intervals hold the truth is counted over many logs"
    ),
    "tests/pipelines/bench/rankers/test_peers.py::test_a_peer_learns_corrects_and_takes_what_it_has_never_seen": (
        "peers learn with the settings that their users have"
    ),
    "tests/pipelines/features/embeddings/test_two_tower.py::test_it_beats_what_is_popular_and_is_the_same_twice": (
        "two trainings of two towers"
    ),
    "tests/pipelines/language/test_language_training.py::test_the_same_searches_teach_the_same": "two trainings of all text models",
    "tests/pipelines/features/test_features_verbs.py::test_build_and_publish_are_enough": "a day built and published by the command itself",
    "tests/pipelines/features/test_publish.py::test_kill_9_leaves_the_old_or_the_new_and_a_rerun_ends_the_same": (
        "a publication that is killed, and all of it again"
    ),
    "tests/pipelines/features/test_killed_publications.py::"
    "test_a_kill_during_a_publication_leaves_the_old_or_the_new_and_a_rerun_ends_the_same": (
        "three publications with Feast, one of which is killed"
    ),
    "tests/pipelines/registry/test_killed_registrations.py::"
    "test_a_kill_while_a_model_is_registered_leaves_the_old_or_the_new_and_a_rerun_ends_the_same": (
        "four registrations with MLflow, one of which is killed, and the making of its database"
    ),
    "tests/pipelines/promotion/test_judged.py::test_the_first_is_judged_by_bounds_and_the_next_against_the_champion_on_the_same_rows": (
        "two candidates, each from the fit to the verdict"
    ),
    "tests/pipelines/rankers/test_deep_families.py::test_attention_finds_the_candidate_among_earlier_actions": "networks are trained",
}
"""Tests, named as pytest names them without what they are parametrised with, and why they may take longer."""
COST, BUILT, PACE = "cpu_seconds", "built", "pace"
"""Names of what travels with a test's report: its own cost, that of the fixtures built for it and for others, and the machine's pace right
after it, 1 when the test was not long."""


def spent() -> float:
    """CPU-seconds so far of this process and of the children that have ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(u.ru_utime + u.ru_stime for u in used)


def fixed_work() -> None:
    """The same work each time: a loop in Python, and a sort that leaves the processor's caches."""
    total = 0
    for n in range(1_500_000):
        total += n & 7
    np.sort(np.random.default_rng(0).random(1_500_000))


def pace() -> float:
    """How many times longer this machine takes now than the one that LIMIT was set on; 1 when it is faster."""
    before = spent()
    fixed_work()
    return max(1.0, (spent() - before) / PACE_WORK)


class Meter:
    """Measures in the process that runs the tests."""

    def __init__(self) -> None:
        self._built: list[tuple[str, float]] = []
        self._inner = 0.0

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(self, fixturedef: Any) -> Generator[None, Any, Any]:
        if fixturedef.scope == "function":
            return (yield)
        before, outer, self._inner = spent(), self._inner, 0.0
        try:
            return (yield)
        finally:
            whole = spent() - before
            self._built.append((f"{fixturedef.baseid}::{fixturedef.argname}", whole - self._inner))
            self._inner = outer + whole

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, Any, Any]:
        self._built, self._inner = [], 0.0
        before = spent()
        item.stash[_SINCE] = before
        return (yield)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item) -> Generator[None, Any, Any]:
        report = yield
        if report.when == "teardown":
            built = sum(cost for _, cost in self._built)
            cost = spent() - item.stash[_SINCE] - built
            report.user_properties += [(COST, cost), (BUILT, list(self._built)), (PACE, pace() if cost > LIMIT else 1.0)]
        return report


class Bill:
    """Adds up in the process that reports: the same one, or xdist's controller. judging: whether a long test fails the run."""

    def __init__(self, judging: bool = True) -> None:
        self.judging = judging
        self.tests: dict[str, float] = {}
        self.pace: dict[str, float] = {}
        self.fixtures: list[tuple[str, float]] = []
        self.slow: set[str] = set()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        told = dict(report.user_properties)
        if report.when == "teardown" and COST in told:
            self.tests[report.nodeid], self.pace[report.nodeid] = told[COST], told[PACE]
            self.fixtures += [(name, cost) for name, cost in told[BUILT]]
            if "slow" in report.keywords:
                self.slow.add(report.nodeid)

    @property
    def fails(self) -> dict[str, float]:
        """Those that are too long on any machine."""
        return {name: seconds for name, seconds in self.too_long.items() if seconds / self.pace[name] > FAILS * LIMIT}

    @property
    def too_long(self) -> dict[str, float]:
        if not self.judging:
            return {}
        return {n: s for n, s in self.tests.items() if s > LIMIT and n not in self.slow and n.split("[")[0] not in LONGER_FOR_A_REASON}

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        rows = [(seconds, name) for name, seconds in self.tests.items()] + [(s, f"fixture {n}") for n, s in self.fixtures]
        if not rows:
            return
        terminalreporter.section(f"the slowest {SHOWN}, in CPU-seconds; {sum(s for s, _ in rows):.0f} in all")
        for seconds, name in sorted(rows, reverse=True)[:SHOWN]:
            terminalreporter.write_line(f"{seconds:7.2f} s  {name}")
        for name, seconds in self.too_long.items():
            terminalreporter.write_line(
                f"TOO LONG: {name} took {seconds:.1f} CPU-seconds, over {LIMIT:g}, at pace {self.pace[name]:.1f}; over {FAILS * LIMIT:g} "
                "times the pace fails the run. Make it cheaper, mark it slow, or say why in tests/cpu_seconds.py.",
                red=True,
            )

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        if exitstatus == pytest.ExitCode.OK and self.fails:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED


_SINCE = pytest.StashKey[float]()


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(Meter(), "cpu-meter")
    if not hasattr(config, "workerinput"):
        tries_all = config.getoption("--hypothesis-profile", None) == "large"  # a property may then take as long as it needs
        config.pluginmanager.register(Bill(judging=not tries_all), "cpu-bill")
