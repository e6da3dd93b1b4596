"""How every task calls `placard`: which command, for which day, in which environment, and when to try again.

A task is one verb in the platform's own environment. Its messages are the task's log; its exit status decides what follows.
"""

import re
from datetime import timedelta
from pathlib import Path

from airflow.sdk import Context, Param, RetryDecision, RetryPolicy
from airflow.sdk.exceptions import AirflowTaskTimeout

from placard_dags.chosen import CHOSEN, LINKS, RUN_LIMIT
from placard_dags.told import of_failure, of_late_run

HERE = Path(__file__).resolve()
CHECKOUT = HERE.parents[2] if (HERE.parents[2] / "pyproject.toml").exists() else None
"""None where these DAGs came in a wheel or were copied."""
COMMAND = CHECKOUT / ".venv/bin/placard" if CHECKOUT else next((c for p in HERE.parents if (c := p / "bin/placard").exists()), "placard")
"""The checkout's; that of the environment which a wheel was installed into; else the one on the PATH."""
STATE = "" if CHECKOUT else ': "${PLACARD_HOME:?Name the state folder for the tasks}"; '
"""A checkout has a state folder of its own. Without one a task would begin a new platform in the folder that it happens to run in."""

FINAL = {2: "bad input", 3: "refused by a gate or a check", 126: "not executable", 127: "command not found"}
"""Exit statuses that a second try would only repeat; anything else (a lock, a full disk, a kill) may pass."""


class RetryUnlessFinal(RetryPolicy):
    """Fails at once on a status of FINAL and where time ran out, else leaves it to the task's `retries`."""

    def evaluate(self, exception: BaseException, try_number: int, max_tries: int, context: Context | None = None) -> RetryDecision:
        if isinstance(exception, AirflowTaskTimeout):
            return RetryDecision.fail("It took longer than the task may: a second try would, too. Not tried again.")
        status = re.search(r"exit code (-?\d+)", str(exception))  # all that @task.bash says about it
        if status and int(status[1]) in FINAL:
            return RetryDecision.fail(f"Exit status {status[1]}: {FINAL[int(status[1])]}. Not tried again.")
        return RetryDecision.default()


def verb(words: str) -> str:
    """The bash command of a verb on the run's day. `words` may hold Jinja of typed Params, never free text."""
    return f'{STATE}exec "${{PLACARD_COMMAND:-{COMMAND}}}" {words} --partition "$DAY"'


DAY = Param(
    None,
    type=["null", "string"],
    pattern=r"^\d{4}-\d{2}-\d{2}$",
    title="Day",
    description="The day to work on, YYYY-MM-DD, for a run without a partition key. A partition key wins.",
)

TASKS = {
    # The key goes through the environment, not into the command: it is text that a caller chose.
    "env": {"DAY": "{{ dag_run.partition_key or params.day or '' }}", "NO_COLOR": "1", "COLUMNS": "160"},
    "append_env": True,
    "cwd": str(CHECKOUT) if CHECKOUT else None,
    "retries": 2,
    "retry_delay": timedelta(seconds=30),
    "retry_exponential_backoff": 2.0,
    "retry_policy": RetryUnlessFinal(),
    "execution_timeout": timedelta(minutes=30),
    "on_failure_callback": of_failure,
    "owner": CHOSEN["owner"],
    "pool": CHOSEN["pool"],
    "doc_md": LINKS or None,
}
"""The default_args of every DAG."""

BUILDING = timedelta(hours=2)
"""How long a task may take that reads the history of days: a table's build, a dataset, a rebuild."""
LEARNING = timedelta(hours=6)
"""How long a fit may take."""
REFUSED = [3, 99]
"""For `skip_on_exit_code` of a task whose refusal is an answer and not a failure: the task and what follows it are skipped, and the run is
well. 99: nothing follows."""

RUNS = {
    "catchup": CHOSEN["catchup"],
    "max_active_runs": 1,
    "default_args": TASKS,
    "dagrun_timeout": RUN_LIMIT,
    "on_failure_callback": of_late_run,
}
"""What every DAG has in common."""
