"""Figures over several markets: means with intervals, and no market that something was tuned on."""

from __future__ import annotations

import pytest

from pipelines.bench.seeds import REPORTED_ON, TUNED_ON, over_seeds, reportable
from pipelines.errors import PipelineError
from pipelines.reporting.figure import Figure


def test_what_was_tuned_on_is_not_reported_on() -> None:
    assert reportable(REPORTED_ON) == [201, 202, 203]
    for seed in TUNED_ON:
        with pytest.raises(PipelineError, match=f"seed.*{seed}.*report on others"):
            reportable(f"201,{seed}")


def test_a_mean_over_markets_has_the_interval_of_students_t() -> None:
    """Of 0.90, 0.94 and 0.98: the mean 0.94, standard deviation 0.04, and 4.303 standard errors of 0.0231 on either side."""
    found = {
        f.name: f for f in over_seeds({s: [Figure("closed", v, "share", "≥ 0.9", v >= 0.9)] for s, v in ((1, 0.90), (2, 0.94), (4, 0.98))})
    }
    assert found["closed"].value == pytest.approx(0.94) and found["closed"].holds
    assert found["closed.low"].value == pytest.approx(0.94 - 4.3027 * 0.04 / 3**0.5, abs=1e-4)
    assert found["closed.high"].value == pytest.approx(0.94 + 4.3027 * 0.04 / 3**0.5, abs=1e-4)
    assert found["seed_4.closed"].value == 0.98


def test_a_mean_holds_by_its_own_value_and_a_verdict_only_where_it_holds_everywhere() -> None:
    low = {s: [Figure("value", v, "share", "≥ 0.95", v >= 0.95), Figure("ahead", 0.0, "", "not wholly below 0", won)] for s, v, won in
           ((1, 0.94, True), (2, 0.97, True), (3, 0.98, False))}  # fmt: skip
    found = {f.name: f for f in over_seeds(low)}
    assert found["value"].holds and not found["seed_1.value"].holds
    assert found["ahead"].holds is False


def test_what_one_market_lacks_has_no_mean_and_one_market_has_no_interval() -> None:
    found = {
        f.name for f in over_seeds({1: [Figure("a", 1.0, ""), Figure("b", None, "")], 2: [Figure("a", 2.0, ""), Figure("b", 1.0, "")]})
    }
    assert found == {"a", "a.low", "a.high", "seed_1.a", "seed_1.b", "seed_2.a", "seed_2.b"}
    assert {f.name for f in over_seeds({5: [Figure("a", 1.0, "")]})} == {"seed_5.a"}
