"""Airflow's real scheduler on this machine: started, given a day, watched, and ended with everything that it started."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from typing import Final

from feature_repo.home import Home
from pipelines.errors import PipelineError, Refused
from pipelines.operations.processes import Processes
from pipelines.operations.waiting import wait_until
from pipelines.scheduling.airflow_api import AirflowApi, DagRun, TaskRun
from pipelines.scheduling.airflow_home import AirflowHome, prepare
from pipelines.scheduling.dags_folder import DAGS

POLL_SECONDS: Final = 0.5
FIRST: Final = "features_daily"
FOLLOWING: Final = ("rankers_daily",)
"""What a day's features start through their asset."""
REFUSING: Final = "gate"
"""The task of a head whose refusal is an answer: Airflow skips it, and its run is a success."""

Say = Callable[[str], None]


def silence(_: str) -> None:
    """For who wants no progress."""


@dataclass(frozen=True)
class DayRun:
    """A day under the scheduler. seconds: wall time from the first trigger to the last end, without Airflow's own start."""

    day: date
    runs: tuple[DagRun, ...]
    tasks: Mapping[str, tuple[TaskRun, ...]]
    seconds: float

    @property
    def succeeded(self) -> bool:
        return all(run.state == "success" for run in self.runs)


class Scheduler:
    """A running Airflow."""

    def __init__(self, airflow: AirflowHome, processes: Processes) -> None:
        self.airflow, self.processes, self.api = airflow, processes, AirflowApi(airflow)

    def wait_ready(self, say: Say = silence) -> None:
        """Returns once the scheduler beats and every DAG is known. Raises PipelineError for a DAG that does not import, and when one of
        Airflow's programs ends."""
        wanted = {p.stem for p in DAGS.glob("*_daily.py")}
        wait_until(lambda: self._late(wanted), self.processes.check, say)

    def _late(self, wanted: set[str]) -> list[str]:
        try:
            if late := self.api.unhealthy():
                return [f"Airflow's {part}" for part in late]
            if errors := self.api.import_errors():
                raise PipelineError("DAGs", f"{len(errors)} do not import", errors[0])
            return [f"DAG {name}" for name in sorted(wanted - self.api.dags())]
        except OSError:
            return ["Airflow's API server"]

    def run_day(self, day: date, following: Sequence[str] = FOLLOWING, say: Say = silence) -> DayRun:
        """Triggers features_daily with the day as partition key and waits for it and for the DAGs that its asset starts.

        Ends early, with what there is, when features_daily fails: nothing follows then. A task that hangs is ended by Airflow.
        """
        key, started = day.isoformat(), time.monotonic()
        for dag in (FIRST, *following):
            self.api.unpause(dag)
        before = {run.run for dag in following for run in self.api.runs(dag, key)}
        first = self.api.trigger(FIRST, key)
        tell = _Teller(say)
        while True:
            self.processes.check()
            time.sleep(POLL_SECONDS)
            try:
                runs = [next(r for r in self.api.runs(FIRST, key) if r.run == first)]
                runs += [r for dag in following for r in self.api.runs(dag, key)[:1] if r.run not in before]
                tasks = {run.dag: tuple(self.api.tasks(run)) for run in runs}
            except OSError:  # its API server is too busy to answer; whether it lives is looked at above
                continue
            tell(runs, tasks)
            over = runs[0].state == "failed" or len(runs) == 1 + len(following)
            if over and all(run.finished for run in runs):
                return DayRun(day, tuple(runs), tasks, time.monotonic() - started)

    def failures(self, done: DayRun) -> Iterator[str]:
        """`dag.task: the verb's own last words`, for each task that failed by itself."""
        return self._said(done, lambda task: task.state == "failed")

    def refusals(self, done: DayRun) -> Iterator[str]:
        """Likewise, for each gate that refused a candidate."""
        return self._said(done, lambda task: task.state == "skipped" and task.task.rpartition(".")[2] == REFUSING)

    def _said(self, done: DayRun, of: Callable[[TaskRun], bool]) -> Iterator[str]:
        for run in done.runs:
            for task in filter(of, done.tasks[run.dag]):
                yield f"{run.dag}.{task.task}: {_words(self.api.log(run, task))}"


def _words(lines: Sequence[str]) -> str:
    """What the verb printed: between Airflow's "Output:" and its word on the exit status."""
    start = next((i for i, line in enumerate(lines) if line.strip() == "Output:"), -1) + 1
    stop = next((i for i, line in enumerate(lines) if line.startswith("Command exited with return code")), len(lines))
    return "\n".join(lines[start:stop][-10:]) or "no output"


class _Teller:
    """Says once that a task has ended, and what runs now whenever that changes."""

    def __init__(self, say: Say) -> None:
        self._say, self._ended, self._word = say, set[tuple[str, str]](), ""

    def __call__(self, runs: Sequence[DagRun], tasks: Mapping[str, Sequence[TaskRun]]) -> None:
        for run in runs:
            for task in tasks[run.dag]:
                if task.state in ("success", "failed") and (run.run, task.task) not in self._ended:
                    self._ended.add((run.run, task.task))
                    self._say(f"{run.dag} {task.task} {'done' if task.state == 'success' else 'FAILED'} in {task.seconds:.1f} s.")
        every = [task for run in runs for task in tasks[run.dag]]
        now = ", ".join(task.task for task in every if task.state == "running")
        word = f"{sum(task.ended for task in every)} of {len(every)} tasks, running {now}" if now else ""
        if word and word != self._word:
            self._say(word)
        self._word = word


@contextmanager
def running(
    home: Home, port: int = 0, extra: Mapping[str, str] | None = None, say: Say = silence, links: Mapping[str, str] | None = None
) -> Iterator[Scheduler]:
    """Airflow on the state folder, ready for work; ended with all its tasks on leaving. extra: variables for the tasks. links: pages, by
    name, that its UI points at; for who looks at the UI, a triggerer runs as well: no task defers, but without one it shows a fault."""
    with Processes(home.root.absolute() / "airflow" / "run") as processes:
        say("preparing Airflow's database")
        airflow = prepare(home, port, extra, links)
        for name, argv in (airflow.programs | (airflow.triggerer if links else {})).items():
            processes.start(name, argv, airflow.environment, airflow.root)
        scheduler = Scheduler(airflow, processes)
        scheduler.wait_ready(say)
        say(f"Airflow runs at {airflow.url}.")
        yield scheduler


def run_day(
    home: Home, day: date, say: Say = silence, following: Sequence[str] = FOLLOWING, extra: Mapping[str, str] | None = None
) -> DayRun:
    """features_daily for the day, then what its asset starts, under a scheduler of their own that is ended afterwards.

    Raises PipelineError with the failed verbs' messages when a task fails, Refused with its gates' when a candidate is refused.
    """
    with running(home, extra=extra, say=say) as scheduler:
        done = scheduler.run_day(day, following, say)
        if not done.succeeded:
            failed = [run.dag for run in done.runs if run.state != "success"]
            raise PipelineError(f"DAG {', '.join(failed)}", f"failed for {day}", "\n".join(scheduler.failures(done)))
        if refused := list(scheduler.refusals(done)):
            raise Refused("candidates", f"of {day}", "\n".join(refused))
        return done
