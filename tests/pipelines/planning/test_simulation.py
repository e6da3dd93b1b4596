"""The simulated machine: queueing theory where theory knows the answer, and what scenarios do."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import simpy
from hypothesis import given, settings
from hypothesis import strategies as st

from feature_repo.home import Home
from pipelines.errors import PipelineError
from pipelines.planning.demand import Demand
from pipelines.planning.kept import write
from pipelines.planning.plan import CapacityPlan, plan
from pipelines.planning.prices import EXAMPLE
from pipelines.planning.simulation.machine import Answers, Machine, arrivals, simulate
from pipelines.planning.simulation.outcome import outcome
from pipelines.planning.simulation.scenarios import Scenario, scenarios
from pipelines.planning.simulation.service_times import POINTS, USUAL, ServiceTimes
from pipelines.planning.simulation.simulation import figures, machine_of, render, run
from pipelines.planning.simulation.worker_model import Job, WorkerModel
from serving.http.admission_rule import for_decisions
from serving.settings import Settings
from tests.examples import examples

LONG = 1e9
STEADY = Scenario("steady", "", 2_000.0, 2_000.0, 2_000.0)


@pytest.fixture(scope="module")
def planned() -> CapacityPlan:
    demand = Demand(200_000, 600, regions={"eu": 30, "us": 50, "asia": 20}, users_per_shard=10_000)
    return plan(demand, 100, "given", keys=1_000)


def mean_of_theory(times: ServiceTimes, rate: float, at_once: int) -> float:
    """Mean seconds in the system under Poisson arrivals: Pollaczek and Khinchine's formula where one at a time is worked on, and
    service / (1 - load) where all share the core (Kleinrock, Queueing Systems II, 4.4)."""
    q = np.interp(np.linspace(0, 1, 100_001), np.linspace(0, 1, POINTS), times.quantiles_ms) / 1000
    mean, second, load = q.mean(), (q**2).mean(), rate * q.mean()
    return float(mean + rate * second / (2 * (1 - load)) if at_once == 1 else mean / (1 - load))


@pytest.mark.parametrize("at_once", [1, 10**9], ids=["one at a time", "shared"])
@pytest.mark.parametrize("load", [0.3, 0.7])
def test_means_are_those_of_queueing_theory(at_once: int, load: float) -> None:
    times = ServiceTimes(tuple(float(q) for q in np.geomspace(1, 40, POINTS)))
    rate = load / times.mean_ms * 1000
    seen = simulate(Machine(1, rate, times, at_once, 10**9, LONG), STEADY, 3)
    assert seen.ads.all()
    assert seen.took.mean() == pytest.approx(mean_of_theory(times, rate, at_once), rel=0.05)


@settings(max_examples=examples(60), deadline=None)
@given(
    jobs=st.lists(st.tuples(st.floats(0, 2), st.floats(0.001, 0.5), st.sampled_from([0.0, 0.0, 0.3])), min_size=1, max_size=40),
    at_once=st.integers(1, 4), waiting=st.integers(0, 4), deadline=st.floats(0.01, 2),
)  # fmt: skip
def test_everybody_is_answered_once_and_the_core_does_all_the_work(
    jobs: list[tuple[float, float, float]], at_once: int, waiting: int, deadline: float
) -> None:
    env = simpy.Environment()
    model = WorkerModel(env, for_decisions(at_once, waiting, deadline), deadline, 0.01)
    made = [Job(came, work, wait) for came, work, wait in sorted(jobs)]

    def clients():  # type: ignore[no-untyped-def]
        for job in made:
            if job.came > env.now:
                yield env.timeout(job.came - env.now)
            model.arrive(job)

    env.process(clients())  # type: ignore[no-untyped-call]
    env.run()
    work = {id(job): (work, wait) for job, (_, work, wait) in zip(made, sorted(jobs), strict=True)}
    done = 0.0
    for job in made:
        assert job.outcome in {"ads", "late", "refused"}
        asked, wait = work[id(job)]
        least = asked + wait if job.outcome == "ads" else 0.01
        done += asked if job.outcome == "ads" else 0.01
        assert job.ended - job.came >= least - 1e-6
        if job.outcome == "late":
            assert job.ended - job.came >= deadline
    assert max(job.ended for job in made) >= done - 1e-6, "one core does one second of work a second"


def test_who_would_foreseeably_be_late_is_refused_as_in_serving() -> None:
    """Three at a moment, each of 40 ms, two at once, a deadline of 100 ms: the two have taught the queue that one takes 80 ms."""
    env = simpy.Environment()
    model = WorkerModel(env, for_decisions(2, 100, 0.1), 0.1, 0.001)
    model._rule.took = 0.08
    jobs = [Job(0.0, 0.04) for _ in range(3)]
    for job in jobs:
        model.arrive(job)
    env.run()
    assert [job.outcome for job in jobs] == ["ads", "ads", "refused"]
    assert model._rule.took == pytest.approx(0.08, rel=0.02)


def test_a_process_that_has_rested_takes_longer() -> None:
    env = simpy.Environment()
    model = WorkerModel(env, for_decisions(2, 100, 1.0), 1.0, 0.001)
    jobs = [Job(at, 0.01, rested=0.005) for at in (0.1, 0.1151, 0.2)]

    def clients():  # type: ignore[no-untyped-def]
        for job in jobs:
            yield env.timeout(job.came - env.now)
            model.arrive(job)

    env.process(clients())  # type: ignore[no-untyped-call]
    env.run()
    assert [job.ended - job.came for job in jobs] == pytest.approx([0.015, 0.01, 0.015])
    measured = ServiceTimes.of([0.010] * 50, [0.013] * 50)
    assert measured.rested_ms == pytest.approx(3.0) and measured.scaled(20.0).rested_ms == pytest.approx(6.0)


def test_arrivals_follow_the_load() -> None:
    ramp = Scenario("ramp", "", 100.0, 100.0, 100.0, load=lambda at: 0.5 if at < 50 else 1.5)
    came = arrivals(ramp, 200, np.random.default_rng(1))
    assert (np.diff(came) >= 0).all() and came.min() >= 0 and came.max() < 100
    for inside, due in ((came < 50, 5_000), (came >= 50, 15_000)):
        assert inside.sum() == pytest.approx(due, abs=5 * due**0.5)


def test_nobody_gets_ads_after_the_deadline_and_overload_is_refused() -> None:
    seen = simulate(Machine(1, 1_500, USUAL, 2, 8, 0.1), replace(STEADY, lasts=20.0), 1)
    assert seen.took[seen.ads].max() <= 0.1
    assert 0.5 < (~seen.ads).mean() < 1, "nine times what it can do"


def test_a_plan_of_one_region_has_nowhere_to_go(planned: CapacityPlan) -> None:
    alone = plan(replace(planned.demand, regions={"all": 100.0}), 100, "given", keys=1_000)
    everywhere = [s.name for s in scenarios(planned)]
    assert everywhere == ["diurnal", "regional_failure", "cache_flush", "slow_shard", "burst"]
    assert [s.name for s in scenarios(alone)] == [n for n in everywhere if n != "regional_failure"]


def test_scenarios_do_what_they_say(planned: CapacityPlan, tmp_path: Path) -> None:
    machine = replace(machine_of(planned, Settings(home_path=tmp_path)), workers=1, rate=planned.server_qps / 1.5 / 4)
    found = {o.scenario: o for o in run(planned, machine, 1)}
    assert found["diurnal"].shed < 0.01 and found["diurnal"].recovery_s == 0
    assert found["burst"].shed > 0.8 and found["burst"].recovery_s is not None and found["burst"].recovery_s <= 10
    assert found["regional_failure"].shed > 0.1, "half of the traffic more than a machine is planned for"
    assert found["slow_shard"].p99_ms is not None and found["slow_shard"].shed < 0.2
    named = {f.name: f for f in figures(planned, list(found.values()))}
    assert named["diurnal_p99_ms"].holds and len(named) == 5 * 4 - 1
    text = render(planned, machine, list(found.values()))
    assert text.count("data:image/png") == 5 and "regional failure" in text


def test_recovery_is_counted_from_the_end_of_the_disturbance() -> None:
    came = np.arange(0, 60, 0.01)
    took = np.full(len(came), 0.01)
    took[(came >= 20) & (came < 33)] = 0.05
    ads = np.ones(len(came), bool)
    scenario = Scenario("made", "", 60.0, 20.0, 30.0)
    assert outcome(scenario, Answers(came, took, ads)).recovery_s == 3
    took[came >= 20] = 0.05
    assert outcome(scenario, Answers(came, took, ads)).recovery_s is None
    assert outcome(scenario, Answers(came, took, ads & (came < 20))).p99_ms is None


def test_service_times_that_cannot_be_are_refused() -> None:
    for wrong in (
        (1.0,) * 100,
        tuple(float(n) for n in range(POINTS)),
        (float("nan"),) * POINTS,
        tuple(np.linspace(2, 1, POINTS).tolist()),
    ):
        with pytest.raises(PipelineError):
            ServiceTimes(wrong)
    drawn = np.random.default_rng(0).gamma(20, 0.0005, 20_000)
    kept = ServiceTimes.of(drawn)
    assert kept.mean_ms == pytest.approx(1000 * drawn.mean(), rel=0.02)
    assert kept.scaled(3.0).mean_ms == pytest.approx(3.0)


def test_the_verb_reports_every_scenario(planned: CapacityPlan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from typer.testing import CliRunner

    from pipelines.__main__ import app

    one_core = replace(EXAMPLE, server_cores=1)
    write(Home(tmp_path), plan(planned.demand, 100, "given", prices=one_core, keys=1_000))
    monkeypatch.setenv("PLACARD_HOME", str(tmp_path))
    done = CliRunner().invoke(app, ["plan", "simulate", "--json"])
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert {f["name"] for f in told["figures"]} >= {"diurnal_p99_ms", "burst_recovery_s", "slow_shard_shed_share"}
    assert Path(told["page"]).exists()
    assert "eu-" in CliRunner().invoke(app, ["plan", "where", "u1", "--region", "eu"]).stdout
