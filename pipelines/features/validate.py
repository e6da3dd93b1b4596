"""The gate between building and publishing: Great Expectations over every staged table, suites derived from its features."""

from __future__ import annotations

import hashlib
import json
import logging
import warnings
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from feature_repo.days import end_of
from feature_repo.home import Home
from feature_repo.partition_file import write_partition
from feature_repo.table import CREATED_TIME, EVENT_TIME, FeatureTable
from feature_repo.whole_file import write_whole
from pipelines.errors import Missing, Refused
from pipelines.features.beside_last import LEAST_ROWS, against_last
from pipelines.features.data_docs import write_docs

if TYPE_CHECKING:
    from great_expectations.core import ExpectationSuite, ExpectationSuiteValidationResult

MOST_CHARACTERS: Final = 4_096
"""Of an entity or a text feature."""
CONTROL: Final = r"[\x00-\x1f\x7f-\x9f]"
MOST_BAD: Final = 0.05
"""Above this share of bad rows the whole batch stops; below it the bad rows are set aside and the good ones go on."""


@dataclass(frozen=True)
class Validation:
    """What a table's check found. reasons: bad rows per expectation (a row may break several)."""

    table: str
    day: date
    rows: int
    bad: int
    reasons: dict[str, int]

    @property
    def bad_share(self) -> float:
        return self.bad / max(self.rows, 1)


def suite(table: FeatureTable) -> ExpectationSuite:
    """Entities present and unique; values present and within the bounds their definition gives; vectors whole and finite; texts of a sane
    length without control characters; stamps of the day's end."""
    import great_expectations as gx

    e = gx.expectations
    rules: list[Any] = [
        e.ExpectColumnValuesToNotBeNull(column=table.entity),
        e.ExpectColumnValuesToBeUnique(column=table.entity),
    ]
    for column in (table.entity, *(f.name for f in table.features if f.dtype == "string")):
        rules.append(e.ExpectColumnValueLengthsToBeBetween(column=column, max_value=MOST_CHARACTERS))
        rules.append(e.ExpectColumnValuesToNotMatchRegex(column=column, regex=CONTROL))
    for stamp in (f"{EVENT_TIME}.off", f"{CREATED_TIME}.off"):
        rules += [
            e.ExpectColumnValuesToNotBeNull(column=stamp),
            e.ExpectColumnValuesToBeBetween(column=stamp, min_value=0, max_value=0),
        ]
    for f in table.features:
        columns = [f"{f.name}.low", f"{f.name}.high"] if f.dtype == "vector" else [f.name]
        for column in columns:
            if not f.nullable:
                rules.append(e.ExpectColumnValuesToNotBeNull(column=column))
            if f.low is not None or f.high is not None:
                rules.append(e.ExpectColumnValuesToBeBetween(column=column, min_value=f.low, max_value=f.high))
    return gx.ExpectationSuite(name=table.name, expectations=rules)


def checkable(table: FeatureTable, rows: pa.Table, as_of: datetime) -> pd.DataFrame:
    """The rows as the suite sees them: a vector is its least and greatest element, both null unless it is whole and finite; a stamp is its
    seconds after `as_of`."""
    vectors = {f.name: f.width for f in table.features if f.dtype == "vector"}
    frame: pd.DataFrame = rows.drop_columns([*vectors]).to_pandas()
    for name, width in vectors.items():
        low, high = np.full(len(rows), np.nan), np.full(len(rows), np.nan)
        for i, values in enumerate(rows[name].to_numpy(zero_copy_only=False)):
            if values is not None and len(values) == width and np.isfinite(values).all():
                low[i], high[i] = values.min(), values.max()
        frame[f"{name}.low"], frame[f"{name}.high"] = low, high
    for stamp in (EVENT_TIME, CREATED_TIME):
        frame[f"{stamp}.off"] = (rows[stamp].to_pandas() - pd.Timestamp(as_of)).dt.total_seconds()
        frame = frame.drop(columns=stamp)
    return frame


def examine(table: FeatureTable, frame: pd.DataFrame, day: date) -> ExpectationSuiteValidationResult:
    """Runs the suite over the rows; where an expectation fails, the result holds the numbers of the rows that broke it.

    To collect row numbers takes Great Expectations half as long again as to count: it is asked for them only where there are any.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its imports use what Python is about to drop
        import great_expectations as gx

        logging.getLogger("great_expectations").setLevel(logging.ERROR)
        context = gx.get_context(mode="ephemeral")
        context.variables.progress_bars = {"globally": False}
        asset = context.data_sources.add_pandas("features").add_dataframe_asset(table.name)
        batch = asset.add_batch_definition_whole_dataframe(str(day))
        expectations = context.suites.add(suite(table))
        definition = context.validation_definitions.add(gx.ValidationDefinition(name=f"{table.name} {day}", data=batch, suite=expectations))
        counted = definition.run(batch_parameters={"dataframe": frame}, result_format="BASIC")
        if all(result.success for result in counted.results):
            return counted
        return definition.run(
            batch_parameters={"dataframe": frame}, result_format={"result_format": "COMPLETE", "include_unexpected_rows": False}
        )


def broken_rules(outcome: ExpectationSuiteValidationResult) -> dict[str, list[int]]:
    """The row numbers that broke each expectation."""
    broken: dict[str, list[int]] = {}
    for result in outcome.results:
        rows = result.result.get("unexpected_index_list") or []
        if not result.success or rows:
            rule = f"{result.expectation_config.type}({result.expectation_config.kwargs['column']})"
            broken[rule] = [int(r if isinstance(r, int | np.integer) else next(iter(r.values()))) for r in rows]
    return broken


def with_good_twins(table: FeatureTable, rows: pa.Table, broken: dict[str, list[int]]) -> dict[str, list[int]]:
    """The broken rules, but that of the rows that share an entity the good one stays: the only one that breaks nothing else, or the first
    where those are alike. Where they differ nobody knows which is right, and none stays."""
    unique = f"expect_column_values_to_be_unique({table.entity})"
    if unique not in broken:
        return broken
    otherwise = {row for rule, numbers in broken.items() if rule != unique for row in numbers}
    twins: dict[str, list[int]] = {}
    for row in broken[unique]:
        if row not in otherwise:
            twins.setdefault(rows[table.entity][row].as_py(), []).append(row)
    kept = {same[0] for same in twins.values() if len({repr(rows.slice(row, 1).to_pylist()) for row in same}) == 1}
    left = [row for row in broken[unique] if row not in kept]
    return {rule: numbers for rule, numbers in {**broken, unique: left}.items() if rule != unique or numbers}


def _marker(home: Home, table: FeatureTable, day: date) -> Path:
    return home.staged(table.name, day).parent / "validated.json"


def passed(home: Home, table: FeatureTable, day: date) -> bool:
    """Whether the staged partition, as it is now, has passed: one built again since has not."""
    marker, staged = _marker(home, table, day), home.staged(table.name, day)
    if not marker.exists() or not staged.exists():
        return False
    return bool(json.loads(marker.read_text()).get("sha256") == hashlib.sha256(staged.read_bytes()).hexdigest())


def validate(home: Home, table: FeatureTable, day: date, least_rows: float = LEAST_ROWS) -> Validation:
    """Checks a staged partition; good rows replace it when some are bad, and bad rows are kept with their reasons.

    least_rows: the share of the last published day's rows that this day must have. Raises Missing when nothing is staged, Refused when
    more than MOST_BAD of the rows are bad, or the table is not what it was the day before (staging is then left as it was).
    """
    staged = home.staged(table.name, day)
    if not staged.exists():
        raise Missing(f"staged {table.name}", str(day), f"Run `placard features build --partition {day}`.")
    rows = pq.read_table(staged, partitioning=None)
    if rows.schema.names != table.schema.names:
        raise Refused(f"columns of {table.name}", rows.schema.names, f"Expected {table.schema.names}; build it again.")
    outcome = examine(table, checkable(table, rows, end_of(day)), day)
    broken = with_good_twins(table, rows, broken_rules(outcome))
    reasons: dict[int, list[str]] = {}
    for rule, numbers in broken.items():
        for number in numbers:
            reasons.setdefault(number, []).append(rule)
    found = Validation(table.name, day, len(rows), len(reasons), {rule: len(n) for rule, n in sorted(broken.items())})
    write_docs(home, table.name, day, outcome, found.rows, found.bad)
    quarantine = home.quarantine / "features" / table.name / f"day={day}.jsonl"
    if reasons:
        bad = rows.take(pa.array(sorted(reasons)))
        lines = (
            json.dumps({"row": n, "reasons": reasons[n], "values": v}, default=str)
            for n, v in zip(sorted(reasons), bad.to_pylist(), strict=True)
        )
        write_whole(quarantine, "\n".join(lines) + "\n")
    if found.bad_share > MOST_BAD:
        raise Refused(
            f"{table.name} of {day}",
            f"{found.bad} of {found.rows} rows are bad ({found.bad_share:.1%})",
            f"Most allowed is {MOST_BAD:.0%}. Nothing was published. Rows and reasons: {quarantine}",
        )
    if wrong := list(against_last(home, table, day, rows, least_rows)):
        fix = "Nothing was published. Look at the day's inputs with `placard features days`; the setting least_rows_share bounds the rows."
        raise Refused(f"{table.name} of {day}", "; ".join(wrong), fix)
    if reasons:
        good = np.setdiff1d(np.arange(len(rows)), np.fromiter(reasons, np.int64))
        write_partition(rows.take(pa.array(good)), staged)
    seen = {"rows": found.rows, "bad": found.bad, "sha256": hashlib.sha256(staged.read_bytes()).hexdigest()}
    write_whole(_marker(home, table, day), json.dumps(seen) + "\n")
    return found
