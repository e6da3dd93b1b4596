"""How every task calls `placard`: which command, for which day, in which environment, and when to try again.

A task is one verb in the platform's own environment. Its messages are the task's log; its exit status decides what follows.
"""

import re
from datetime import timedelta
from pathlib import Path

from airflow.sdk import Context, Param, RetryDecision, RetryPolicy

HERE = Path(__file__).resolve()
CHECKOUT = HERE.parents[1] if (HERE.parents[1] / "pyproject.toml").exists() else None
"""None where these DAGs came in a wheel or were copied."""
COMMAND = CHECKOUT / ".venv/bin/placard" if CHECKOUT else next((c for p in HERE.parents if (c := p / "bin/placard").exists()), "placard")
"""The checkout's; that of the environment which a wheel was installed into; else the one on the PATH."""
STATE = "" if CHECKOUT else ': "${PLACARD_HOME:?Name the state folder for the tasks}"; '
"""A checkout has a state folder of its own. Without one a task would begin a new platform in the folder that it happens to run in."""

FINAL = {2: "bad input", 3: "refused by a gate or a check", 126: "not executable", 127: "command not found"}
"""Exit statuses that a second try would only repeat; anything else (a lock, a full disk, a kill) may pass."""


class RetryUnlessFinal(RetryPolicy):
    """Fails at once on a status of FINAL, else leaves it to the task's `retries`."""

    def evaluate(self, exception: BaseException, try_number: int, max_tries: int, context: Context | None = None) -> RetryDecision:
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
    "execution_timeout": timedelta(hours=2),
}
"""The default_args of every DAG."""
