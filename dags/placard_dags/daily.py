"""When a daily DAG runs, and for which day."""

from datetime import timedelta

from airflow.sdk import CronPartitionTimetable


def at_midnight(days_back: int) -> CronPartitionTimetable:
    """Every day at 00:00 UTC, with the day `days_back` before the new one as partition key.

    A DAG that has never run waits for its next midnight: by default Airflow would also make up for one up to 2.4 hours past. Once it has a
    run, by schedule or by backfill, Airflow makes up for the newest midnight past, and for no earlier one unless `catchup` is chosen.
    """
    return CronPartitionTimetable(
        "0 0 * * *", timezone="UTC", run_offset=-days_back, key_format="%Y-%m-%d", run_immediately=timedelta(0)
    )  # fmt: skip
