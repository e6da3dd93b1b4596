"""An explanation adds up: the funnel to nothing, the contributions to the model's own score."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from serving.explain import why


def test_the_funnel_runs_from_what_was_sourced_to_what_is_shown(bench: Any) -> None:
    decision = bench.decide()
    steps = why(decision, None).funnel
    assert sum(n for step, n in steps if step != "shown") == decision.funnel.shown == dict(steps)["shown"]
    assert {f"rejected by {rule}" for rule in decision.funnel.rejected} <= {step for step, _ in steps}


def test_contributions_are_the_strongest_and_named(bench: Any) -> None:
    decision, bundle = bench.decide(), bench.live.bundle("click", "champion")
    explained = why(decision, bundle)
    x = decision.shown[0].vector[None, :]
    shares = bundle.contributions(x)[0]
    assert shares.sum() == pytest.approx(bundle.margin(x)[0], abs=1e-3)
    top = explained.ads[0].contributions
    assert [abs(c.log_odds) for c in top] == sorted((abs(c.log_odds) for c in top), reverse=True)
    assert top[0].log_odds == pytest.approx(shares[:-1][np.argmax(np.abs(shares[:-1]))])
    names = bundle.manifest.columns
    scored = bundle.encoded(x)[0]
    assert all(scored[names.index(c.feature)] == c.value for c in top)


def test_a_bundle_that_did_not_score_explains_nothing(bench: Any) -> None:
    assert all(ad.contributions == () for ad in why(bench.decide(), None).ads)


def test_the_price_is_told_in_words_with_its_numbers(bench: Any) -> None:
    decision = bench.decide()
    for ad, told in zip(decision.shown, why(decision, None).ads, strict=True):
        assert ad.price is not None
        assert f"{ad.price.price_micros:,} micros per click" in told.price_words and f"{ad.bid_micros:,}" in told.price_words
