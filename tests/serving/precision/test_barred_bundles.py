"""An uncalibrated or refused bundle never enters the auction: the next tier answers, and the record says why."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from pipelines.served.traffic_counts import failed
from serving.bundles import Bundle
from serving.bundles.refusals import UNCALIBRATED
from serving.engine.live import Live
from serving.explain import why

DRIFTED = "calibration ratio 5.1 [4.2, 6.3], must be 0.5 to 2"


def versioned(bundle: Bundle, version: str, **changes: Any) -> Bundle:
    """The same ranker as another version, its manifest changed."""
    other = object.__new__(Bundle)
    other.__dict__.update(bundle.__dict__)
    other.manifest = replace(bundle.manifest, version=version, **changes)
    return other


@pytest.fixture
def champion(bench: Any) -> Bundle:
    return bench.live.bundle("click", "champion")  # type: ignore[no-any-return]


def test_an_uncalibrated_champion_is_passed_over_for_the_previous_with_the_reason(bench: Any, champion: Bundle) -> None:
    bundles = {("click", "champion"): versioned(champion, "2", calibrated=False), ("click", "previous"): champion}
    decision = bench.decide(live=Live(bench.snapshot, bundles))
    assert (decision.rung, decision.policy) == ("fallback", "click@1") and decision.shown
    assert "BundleScorer_failed:BundleRefused" in decision.errors
    assert decision.refused == {"click@2": UNCALIBRATED}
    assert why(decision, None).refused == (f"click@2 kept out of the auction: {UNCALIBRATED}",)


def test_a_refused_champion_alone_leaves_the_rates_of_before(bench: Any) -> None:
    decision = bench.decide(live=replace(bench.live, refusals={"click": {"1": DRIFTED}}))
    assert (decision.rung, decision.policy) == ("popular", "historical_rate") and decision.shown
    assert decision.refused == {"click@1": DRIFTED}


def test_a_refusal_is_of_one_version_of_one_head(bench: Any) -> None:
    for refusals in ({"click": {"2": DRIFTED}}, {"conversion": {"1": DRIFTED}}):
        decision = bench.decide(live=replace(bench.live, refusals=refusals))
        assert (decision.rung, decision.policy, decision.refused) == ("full", "click@1", {})


def test_a_shadow_may_be_anything(bench: Any, champion: Bundle) -> None:
    bundles = {**bench.live.bundles, ("click", "shadow"): versioned(champion, "3", calibrated=False)}
    assert bench.decide(live=Live(bench.snapshot, bundles)).refused == {}


def test_a_refused_conversion_model_is_not_heard_while_clicks_are(bench: Any, champion: Bundle) -> None:
    model = versioned(champion, "7", head="conversion")
    bundles = {**bench.live.bundles, ("conversion", "champion"): model}
    barred = Live(bench.snapshot, bundles, refusals={"conversion": {"7": DRIFTED}})
    assert barred.admitted("conversion", "champion", "previous") is None
    older = Live(bench.snapshot, {**bundles, ("conversion", "previous"): versioned(model, "6")}, refusals=barred.refusals)
    found = older.admitted("conversion", "champion", "previous")
    assert found is not None and found.name == "conversion@6"
    decision = bench.decide(live=barred)
    assert (decision.rung, decision.refused, decision.conversion) == ("full", {"conversion@7": DRIFTED}, "")
    assert bench.decide(live=older).conversion == "conversion@6", "the record says whose promise it is"
    assert bench.decide(live=Live(bench.snapshot, bundles)).conversion == "conversion@7"


def test_a_conversion_model_that_fails_is_named_as_such(bench: Any, champion: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    """Past rates answer; the record does not blame the click champion. Everyone pays by the conversion here."""
    monkeypatch.setattr("serving.precision.conversions.acting", lambda candidates: np.ones(len(candidates), bool))
    broken = versioned(champion, "7", head="conversion")
    broken.predict = lambda matrix: np.full(len(matrix), np.nan)  # type: ignore[method-assign]
    decision = bench.decide(live=Live(bench.snapshot, {**bench.live.bundles, ("conversion", "champion"): broken}))
    assert (decision.rung, decision.policy, decision.conversion) == ("popular", "historical_rate", "")
    assert {flag.partition(":")[2] for flag in decision.errors} == {"ConversionFailed"}
    assert not failed(decision, "click") and failed(decision, "conversion")
