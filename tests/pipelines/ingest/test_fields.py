from __future__ import annotations

from datetime import UTC, datetime

import pyarrow as pa
import pytest

from pipelines.ingest.fields import Checks


def one(text: str) -> Checks:
    return Checks(pa.table({"cell": [text]}))


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2017-11-08 6:30", datetime(2017, 11, 8, 6, 30)),
        ("2017-11-08 06:30:15", datetime(2017, 11, 8, 6, 30, 15)),
        ("2017-11-08T06:30:15.25Z", datetime(2017, 11, 8, 6, 30, 15, 250_000)),
        ("2017-11-08 06:30:15.1234567+00:00", datetime(2017, 11, 8, 6, 30, 15, 123_456)),
        ("2017-11-08 06:30+02:00", datetime(2017, 11, 8, 4, 30)),
        ("2000-02-29 00:00", datetime(2000, 2, 29)),
    ],
)
def test_times_are_read_as_utc(text: str, moment: datetime) -> None:
    checks = one(text)
    assert checks.time("cell")[0].as_py() == moment.replace(tzinfo=UTC)
    assert checks.reasons[0] == ""


@pytest.mark.parametrize(
    "text",
    ["", " ", "now", "2017-02-29 10:00", "2017-11-08 24:00", "2017-11-08 10:60", "2017-11-08 10:00+99:00", "2017-11-8 10:00",
     "0000-00-00 00:00", "9999-12-31 23:59", "2017-11-08 10:00 ", "2017-11-08 10:00\u0660", "1510123456"],
)  # fmt: skip
def test_other_text_is_no_time(text: str) -> None:
    checks = one(text)
    assert checks.time("cell")[0].as_py() is None
    assert checks.reasons[0] == f"cell is not a time: {text!r}"


def test_an_empty_time_may_be_allowed() -> None:
    checks = one("")
    assert checks.time("cell", required=False)[0].as_py() is None
    assert checks.reasons[0] == ""


@pytest.mark.parametrize(
    ("text", "value"), [("7", "7"), ("007", "7"), ("0", "0"), ("000", "0"), ("123456789012345678", "123456789012345678")]
)
def test_identities_lose_leading_zeros(text: str, value: str) -> None:
    assert one(text).identity("cell").to_pylist() == [value]


@pytest.mark.parametrize("text", ["-1", "+1", "1.0", "1e3", "", " 1", "1234567890123456789", "\u0661", "x"])
def test_other_text_is_no_identity(text: str) -> None:
    checks = one(text)
    checks.identity("cell")
    assert "is not a whole number" in checks.reasons[0]


@pytest.mark.parametrize("text", ["nan", "inf", "", "1e999", "--1", "0x10", "1,5", "1.5.2"])
def test_other_text_is_no_number(text: str) -> None:
    checks = one(text)
    checks.number("cell", -10, 10, "is no number")
    assert checks.reasons[0] == f"cell is no number: {text!r}"


def test_the_first_thing_that_is_wrong_is_named() -> None:
    checks = Checks(pa.table({"a": ["x", "1"], "b": ["y", "z"]}))
    checks.identity("a")
    checks.identity("b")
    assert [reason[0] for reason in checks.reasons] == ["a", "b"]
