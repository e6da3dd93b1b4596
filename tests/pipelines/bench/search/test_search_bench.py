"""`bench search`, small: every figure that it promises of what a search costs, and which of them are judged."""

from __future__ import annotations

import math

import pytest

from pipelines.bench.search.search import MOST_LOOKUP_MS, MOST_MS, latency, queries
from pipelines.reporting.figure import Figure


@pytest.fixture(scope="module")
def measured() -> tuple[dict[str, Figure], dict[str, object]]:
    figures, setup = latency(10, 300, 1_000)
    assert len({f.name for f in figures}) == len(figures)
    return {f.name: f for f in figures}, setup


def test_every_promised_figure_is_finite_and_positive(measured: tuple[dict[str, Figure], dict[str, object]]) -> None:
    figures, setup = measured
    stages = {f"{s}_p50_ms" for s in ("understanding", "sourcing", "recall", "integrity", "precision", "delivery")}
    promised = {"p50_ms", "p99_ms", "keyword_lookup_p50_ms", "keyword_lookup_p99_ms", "understanding_p99_ms", "index_mib"}
    assert promised | stages | {"catalogue_build_seconds", "candidates_p50", "shown_mean"} == {*figures}
    for name, figure in figures.items():
        assert figure.value is not None and math.isfinite(figure.value) and figure.value > 0, name
    assert setup["requests"] == 10 and setup["ads"] == 300 and setup["threads"] == 1


def test_targets_are_judged_by_their_value(measured: tuple[dict[str, Figure], dict[str, object]]) -> None:
    figures, _ = measured
    for name, most in (("p99_ms", MOST_MS), ("keyword_lookup_p99_ms", MOST_LOOKUP_MS)):
        value = figures[name].value
        assert value is not None and figures[name].target == f"≤ {most:g}" and figures[name].holds == (value <= most)
    assert {figures[name].target for name in ("p50_ms", "keyword_lookup_p50_ms", "shown_mean")} == {None}
    for part in ("", "keyword_lookup_"):
        p50, p99 = figures[f"{part}p50_ms"].value, figures[f"{part}p99_ms"].value
        assert p50 is not None and p99 is not None and p50 <= p99


def test_the_queries_are_the_same_twice() -> None:
    assert queries(40) == queries(40) != queries(40, seed=1) and len(queries(40)) == 40
